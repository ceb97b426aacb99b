// What is ordered is what the page shows: whatever another page, a slow answer or the bar has done to the cart meanwhile.
import type { Page } from '@playwright/test';
import { Api } from './support/api';
import { heldBack } from './support/held-back';
import { expect, test } from './support/journey';
import type { Orderly } from './support/orderly';
import { Shopper } from './support/shopper';
import { LANGUAGES } from './support/words';

async function manager(shop: Orderly, { context }: Shopper): Promise<Api> {
  return new Api(context.request, shop.url, await shop.token('manager', 'harbor'));
}

/** Puts something into the cart, as it comes or with this milk. */
async function add(page: Page, store: string, product: string, milk?: RegExp): Promise<void> {
  await page.goto(`/s/${store}/p/${product}`);
  if (milk) await page.getByRole('radio', { name: milk }).check();
  await page.getByTestId('add-to-cart').click();
  await page.waitForURL(`**/s/${store}`);
}

async function fillAddress(page: Page): Promise<void> {
  for (const [name, value] of [['name', 'Ann'], ['line1', '1 Quay'], ['city', 'Oakland'], ['postal_code', '94607'], ['country', 'US']] as const) {
    const field = page.locator(`[name="address[${name}]"]`);
    if ((await field.evaluate((element) => element.tagName)) === 'SELECT') await field.selectOption(value);
    else await field.fill(value);
  }
}

for (const language of LANGUAGES) {
  test(`a tab from before another one has changed the cart orders nothing that it does not show (${language})`, async ({ browser, shop }) => {
    for (const [store, first, second] of [
      ['harbor', 'flat-white', 'cappuccino'],
      ['unicorn', 'baby-unicorn-plush', 'striped-socks'],
    ] as const) {
      const shopper = await Shopper.arrive(browser, shop, { language });
      const { page, w } = shopper;
      await add(page, store, first);
      await page.goto(`/s/${store}/checkout`);
      if (store === 'harbor') await expect(page.getByTestId('hold')).toBeVisible();
      else await fillAddress(page);
      const total = await page.getByTestId('total').textContent();
      const other = await shopper.context.newPage();
      await add(other, store, second);
      await other.goto(`/s/${store}/checkout`);
      if (store === 'harbor') await expect(other.getByTestId('hold')).toBeVisible();
      const kept = other.waitForResponse('**/do/cart/set');
      await other.getByTestId('line').first().locator('button[value="0"]').click();
      await expect(other.getByTestId('line')).toHaveCount(1);
      await expect(other.getByTestId('total')).toHaveText(total ?? 'no total');
      await kept;
      const left = (await other.getByTestId('line').locator('.line__name').textContent()) ?? 'nothing';
      await other.close();

      await page.getByTestId('place-order').click();
      await expect(page.getByRole('main')).toContainText(w('problem.cart_changed'));
      await expect(page.getByTestId('line')).toContainText(left);
      const orders = await shopper.api.get<{ items: unknown[] }>('/orders');
      expect(orders.items, `orders at ${store}`).toEqual([]);
      // Seen, it is ordered, and sent where it was to be sent.
      await page.getByTestId('place-order').click();
      await page.waitForURL('**/orders/*');
      await expect(page.getByRole('main')).toContainText(left);
      await shopper.leave();
    }
  });
}

test('what was typed outlives a line that another page has taken away', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop);
  const { page } = shopper;
  for (const product of ['baby-unicorn-plush', 'striped-socks']) await add(page, 'unicorn', product);
  await page.goto('/s/unicorn/checkout');
  await fillAddress(page);
  await shopper.payWith('checkout.card_slow');
  const other = await shopper.context.newPage();
  await other.goto('/s/unicorn/checkout');
  const kept = other.waitForResponse('**/do/cart/set');
  await other.getByTestId('line').first().locator('button[value="0"]').click();
  await kept;
  await other.close();

  await page.getByTestId('line').first().locator('button[value="2"]').click();
  await expect(page.getByTestId('line')).toHaveCount(1);
  await expect(page.locator('input[name="address[city]"]')).toHaveValue('Oakland');
  await expect(page.locator('input[name="payment"][value="tok_slow"]')).toBeChecked();
  await page.getByTestId('place-order').click();
  await page.waitForURL('**/orders/*');
  // What it pressed was refused, which the console tells.
  await shopper.context.close();
});

for (const [what, press, shown, total] of [
  ['taken away', async (page: Page) => page.getByTestId('line').first().locator('button[value="0"]').click(), '1', '$5.00'],
  [
    'made more',
    async (page: Page) => {
      await page.getByTestId('line').first().locator('button[value="2"]').click();
      await page.getByTestId('line').first().locator('button[value="3"]').click();
      await page.getByTestId('line').nth(1).locator('button[value="2"]').click();
    },
    '5',
    '$25.00',
  ],
] as const) {
  test(`what is taken instead and ${what} before the answer is there is ordered as it is shown`, async ({ browser, shop }) => {
    const shopper = await Shopper.arrive(browser, shop);
    const { page } = shopper;
    await add(page, 'harbor', 'flat-white', /oat/i);
    await add(page, 'harbor', 'flat-white', /soy/i);
    await page.goto('/s/harbor/checkout');
    await expect(page.getByTestId('hold')).toBeVisible();
    await (await manager(shop, shopper)).put('/staff/stores/harbor/options/oat', { available: false });
    const swap = page.getByTestId('swap');
    await expect(swap).toBeVisible();
    const release = await heldBack(page, '**/do/cart/swap');
    const asked = page.waitForRequest('**/do/cart/swap');
    await swap.click();
    await asked;
    await press(page);
    await expect(page.getByTestId('total')).toHaveText(total);
    await page.getByTestId('place-order').click();
    // What is being ordered is not changed any more.
    await page.getByTestId('line').last().locator('button[value="0"]').press('Enter');
    await expect(page.getByTestId('line').last().locator('button[value="0"]')).toHaveAttribute('aria-disabled', 'true');
    release();
    await page.waitForURL('**/orders/*');
    await expect(page.getByRole('main')).toContainText(total);
    const orders = await shopper.api.get<{ items: { lines: { quantity: number }[] }[] }>('/orders');
    expect(orders.items.map(({ lines }) => lines.map(({ quantity }) => String(quantity)))).toEqual([[shown]]);
    await shopper.leave();
  });
}

test('what was to be taken instead and is sold out, too, can be removed', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop);
  const { page, w } = shopper;
  const staff = await manager(shop, shopper);
  await add(page, 'harbor', 'flat-white', /oat/i);
  await add(page, 'harbor', 'butter-croissant');
  await page.goto('/s/harbor/checkout');
  await expect(page.getByTestId('hold')).toBeVisible();
  await staff.put('/staff/stores/harbor/options/oat', { available: false });
  await expect(page.getByTestId('swap')).toContainText(/soy/i);
  // Soy is gone before the choice comes through.
  await page.route('**/do/cart/swap', async (route) => {
    await staff.put('/staff/stores/harbor/options/soy', { available: false });
    await route.continue();
  });
  await page.getByTestId('swap').click();
  const line = page.getByTestId('line').first();
  await expect(line.getByTestId('line-trouble')).toContainText(/soy/i);
  await line.locator('button[value="0"]').click();
  await expect(page.getByTestId('line')).toHaveCount(1);
  await expect(page.locator('#problem')).toHaveCount(0);
  await expect(page.getByTestId('hold')).toBeVisible();
  await expect(page.getByTestId('line'), 'the keyboard goes on there').toBeFocused();
  await shopper.placeOrder();
  await expect(page.getByRole('main')).toContainText('$3.75');
  await expect(page.getByRole('main')).not.toContainText(w('problem.cart_changed'));
  await shopper.context.close();
});

test('whoever changes a cart by keyboard keeps the focus', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop);
  const { page, w } = shopper;
  await add(page, 'harbor', 'flat-white', /oat/i);
  await add(page, 'harbor', 'butter-croissant');
  await page.goto('/s/harbor/checkout');
  await expect(page.getByTestId('hold')).toBeVisible();
  const first = page.getByTestId('line').first();
  await first.getByRole('button', { name: /more$/ }).press('Enter');
  const less = first.getByRole('button', { name: /less$/ });
  await less.press('Enter');
  await expect(less).toHaveAttribute('aria-disabled', 'true');
  await expect(less).toBeFocused();
  await less.press('Enter');
  await expect(first.getByRole('status')).toHaveText('1');
  await first.getByRole('button', { name: /^Remove/ }).press('Enter');
  await expect(page.getByTestId('line')).toHaveCount(1);
  await expect(page.getByTestId('line')).toBeFocused();
  await page.getByRole('button', { name: /^Remove/ }).press('Enter');
  await expect(page.getByRole('heading', { name: w('cart.empty_title') })).toBeVisible();
  await shopper.leave();
});
