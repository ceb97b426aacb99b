// Sold out, and back: what the bar switches is on every screen within a second, and an open cart is offered what is nearest.
import type { Locator, Page } from '@playwright/test';
import { expectAccessible } from './support/access';
import { Api } from './support/api';
import { Barista } from './support/barista';
import { expect, test } from './support/journey';
import type { Orderly } from './support/orderly';
import { Shopper } from './support/shopper';
import { LANGUAGES } from './support/words';
import { PHONE } from './support/visitor';

/** From the press at the bar, whose own switch has moved by then, to the words on another screen. */
const WITHIN = { timeout: 1_000 };

async function bar(barista: Barista, name = 'Kim'): Promise<Page> {
  await barista.page.goto('/staff');
  await barista.signIn(name);
  await barista.page.goto('/staff/harbor/menu');
  await barista.expectLive();
  return barista.page;
}

/** The switch of an item or an option, by its id. */
function switchOf(page: Page, id: string): Locator {
  return page.locator(`#harbor-${id}`).getByTestId('switch');
}

async function press(page: Page, id: string, on: boolean): Promise<void> {
  await switchOf(page, id).click();
  await expect(switchOf(page, id)).toHaveAttribute('aria-checked', String(on));
}

async function manager(shop: Orderly, { context }: Shopper): Promise<Api> {
  return new Api(context.request, shop.url, await shop.token('manager', 'harbor'));
}

for (const language of LANGUAGES) {
  test(`sold out in an open cart (${language})`, async ({ browser, shop }) => {
    const barista = await Barista.arrive(browser, shop, { language });
    const shopper = await Shopper.atCheckout(browser, shop, { language });
    const { page, w } = shopper;
    await expect(page.getByTestId('hold')).toBeVisible();
    const kim = await bar(barista);
    await shopper.rememberDocument();

    await press(kim, 'oat', false);
    const trouble = page.getByTestId('line-trouble');
    await expect(trouble, 'said at once').toContainText(language === 'en' ? 'Sold out meanwhile: Oat' : '刚刚售罄', WITHIN);
    await expect(trouble).toHaveAttribute('aria-live', 'polite');
    await expect(page.getByTestId('gone-held'), 'and before it is ordered').toContainText(w('checkout.gone_text'));
    await expect(page.getByTestId('place-order'), 'what is held can be ordered').toBeEnabled();
    await expectAccessible(page, 'a cart with something sold out');

    // Whoever is about to take what is offered, which is withdrawn, stays at the line.
    await page.getByTestId('swap').focus();
    await press(kim, 'oat', true);
    await expect(page.getByTestId('swap')).toHaveCount(0);
    await expect(page.getByTestId('line')).toBeFocused();
    await press(kim, 'oat', false);

    // By keyboard; the focus stays with the line.
    await expect(page.getByTestId('swap'), 'no dot where the price stands apart').not.toContainText('·');
    await page.getByTestId('swap').press('Enter');
    await expect(page.getByTestId('line')).toContainText(language === 'en' ? 'Soy' : '豆奶');
    await expect(page.getByTestId('line')).toBeFocused();
    await expect(page.getByTestId('total')).toContainText('$5.00');
    await expect(trouble).toBeEmpty();
    await expect(page.getByTestId('gone-held')).toHaveCount(0);
    await expect(page.getByTestId('hold')).toBeVisible();
    await shopper.expectSameDocument();
    await shopper.placeOrder();
    await expect(page.getByRole('main')).toContainText('$5.00');
    await barista.leave();
    await shopper.leave();
  });
}

test('what is sold out when a cart is opened is offered otherwise, or removed', async ({ browser, shop }) => {
  const shopper = await Shopper.atCheckout(browser, shop);
  const { page, w } = shopper;
  await expect(page.getByTestId('hold')).toBeVisible();
  const staff = await manager(shop, shopper);
  await staff.put('/staff/stores/harbor/items/flat-white-regular', { available: false });
  await expect(page.getByTestId('line-trouble')).toContainText('Flat white', WITHIN);
  await page.reload();
  await expect(page.getByTestId('gone-held'), 'what is held is held on the next page, too').toContainText(w('checkout.gone_text'));
  await expect(page.getByTestId('hold')).toBeVisible();
  await expect(page.getByTestId('place-order')).toBeEnabled();
  await shopper.api.delete(`/checkouts/${await page.locator('input[name="checkout"]').inputValue()}`);
  await page.reload();
  await expect(page.getByTestId('place-order'), 'it is not held anew').toBeDisabled();
  await expect(page.getByTestId('place-order').locator('..')).toContainText(w('checkout.fix_first'));
  await expectAccessible(page, 'a cart that cannot be ordered');
  await page.getByTestId('swap').click();
  await expect(page.getByTestId('line')).toContainText('Oat');
  await expect(page.getByTestId('line-trouble')).toBeEmpty();
  await expect(page.getByTestId('hold')).toBeVisible();
  await expect(page.getByTestId('place-order')).toBeEnabled();
  // And what is back is back.
  await staff.put('/staff/stores/harbor/items/flat-white-regular', { available: true });
  await page.getByRole('button', { name: /^Remove / }).click();
  await expect(page.getByRole('heading', { name: w('cart.empty_title') })).toBeVisible();
  await shopper.leave();
});

test('an option sells out and comes back on an open product page', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop);
  const { page, w } = shopper;
  const staff = await manager(shop, shopper);
  await page.goto('/s/harbor');
  const card = page.locator('.product-card', { has: page.getByRole('link', { name: 'Espresso', exact: true }) });
  await expect(card).toHaveAttribute('data-available', 'true');
  await shopper.expectLive();
  for (const size of ['espresso-single', 'espresso-double']) {
    await staff.put(`/staff/stores/harbor/items/${size}`, { available: false });
  }
  await expect(card).toContainText(w('menu.sold_out'), WITHIN);
  await staff.put('/staff/stores/harbor/items/espresso-single', { available: true });
  await expect(card).not.toContainText(w('menu.sold_out'), WITHIN);

  await page.goto('/s/harbor/p/flat-white');
  const oat = page.getByRole('radio', { name: /^Oat/ });
  await oat.check();
  await shopper.rememberDocument();
  await staff.put('/staff/stores/harbor/options/oat', { available: false });
  await expect(oat).toBeDisabled(WITHIN);
  await expect(page.getByTestId('choice-gone')).toContainText(/Oat/);
  await expectAccessible(page, 'a product whose choice has sold out');
  await page.getByTestId('choice-instead').press('Enter');
  await expect(page.getByRole('radio', { name: /^Soy/ })).toBeChecked();
  await expect(page.getByTestId('choice-gone')).toHaveCount(0);
  await staff.put('/staff/stores/harbor/options/oat', { available: true });
  await expect(oat).toBeEnabled(WITHIN);
  await shopper.expectSameDocument();
  await page.getByTestId('add-to-cart').click();
  await page.getByRole('link', { name: w('cart.view') }).click();
  await expect(page.getByTestId('line')).toContainText('Soy');
  await shopper.leave();
});

test('the bar finds, switches by keyboard, and sees what a colleague switches', async ({ browser, shop }) => {
  const [one, two] = [await Barista.arrive(browser, shop), await Barista.arrive(browser, shop, PHONE)];
  const [kim, lee] = [await bar(one, 'Kim'), await bar(two, 'Lee')];
  const { w } = one;
  await expectAccessible(kim, 'the switches on a tablet');
  await expectAccessible(lee, 'the switches on a phone');
  const box = await switchOf(lee, 'oat').boundingBox();
  expect(box?.height ?? 0, 'large enough for a wet thumb').toBeGreaterThanOrEqual(56);

  await switchOf(kim, 'oat').press('Space');
  await expect(switchOf(kim, 'oat')).toHaveAttribute('aria-checked', 'false');
  await expect(switchOf(kim, 'oat')).toBeFocused();
  await expect(switchOf(lee, 'oat'), 'on the colleague’s screen').toHaveAttribute('aria-checked', 'false', WITHIN);
  await expect(switchOf(lee, 'oat')).toContainText(w('staff.sold_out'));

  await lee.getByRole('searchbox').fill('flat');
  await expect(switchOf(lee, 'flat-white-large')).toBeVisible();
  await expect(switchOf(lee, 'oat')).toBeHidden();
  await lee.getByRole('searchbox').fill('no such thing');
  await expect(lee.getByTestId('no-switch')).toHaveText(w('switches.nothing'));
  await lee.getByRole('searchbox').fill('');
  await lee.getByRole('checkbox').check();
  await expect(lee.getByTestId('switch').filter({ visible: true })).toHaveCount(1);
  await switchOf(lee, 'oat').press('Enter');
  await expect(switchOf(lee, 'oat'), 'it stays under the thumb').toHaveAttribute('aria-checked', 'true');
  await expect(switchOf(kim, 'oat')).toHaveAttribute('aria-checked', 'true', WITHIN);
  await expect(lee.getByTestId('sold-out-count')).toHaveText(w('switches.only', { count: 0 }));

  // Without a network it says so, and nothing is pretended.
  await two.context.setOffline(true);
  await expect(two.liveLine).toHaveAttribute('data-state', 'offline');
  await switchOf(lee, 'oat').click();
  await expect(lee.getByTestId('switch-problem')).toContainText(w('board.offline'));
  await expect(switchOf(lee, 'oat')).toHaveAttribute('aria-checked', 'true');
  await two.context.setOffline(false);
  await one.leave();
  await two.leave();
});

for (const language of LANGUAGES) {
  test(`what is counted and gone is not said to be on sale (${language})`, async ({ browser, shop }) => {
    const barista = await Barista.arrive(browser, shop, { language });
    const kim = await bar(barista);
    const shopper = await Shopper.arrive(browser, shop);
    const staff = await manager(shop, shopper);
    const croissant = switchOf(kim, 'butter-croissant');
    const word = croissant.locator('.switch__word');
    await expect(word).toHaveText(barista.w('staff.on_sale'));
    const before = kim.viewportSize();
    await kim.setViewportSize({ width: 320, height: 844 });
    const broken = await kim.locator('.switch__word').evaluateAll((words) =>
      words.flatMap((word) => {
        const range = document.createRange();
        range.selectNodeContents(word);
        const lines = new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size;
        const text = word.textContent ?? '';
        return lines > text.split(' ').length ? [text] : [];
      }),
    );
    expect(broken, 'no word is broken beside a long name').toEqual([]);
    if (before !== null) await kim.setViewportSize(before);
    await staff.post('/staff/stock-adjustments', { store: 'harbor', sku: 'butter-croissant', on_hand: 0, reason: 'eaten' });
    await expect(word).toHaveText(barista.w('switches.none'));
    await expect(croissant).toContainText(barista.w('switches.none_left'));
    await expectAccessible(kim, 'the switches, one of them of what is gone');
    await press(kim, 'butter-croissant', false);
    await expect(word).toHaveText(barista.w('staff.sold_out'));
    await staff.post('/staff/stock-adjustments', { store: 'harbor', sku: 'butter-croissant', on_hand: 5, reason: 'baked' });
    await press(kim, 'butter-croissant', true);
    await expect(word).toHaveText(barista.w('staff.on_sale'));
    await shopper.leave();
    await barista.leave();
  });
}

test('the switches are plain forms without scripts', async ({ browser, shop }) => {
  const plain = await Barista.arrive(browser, shop, { javaScriptEnabled: false });
  const { page, w } = plain;
  await page.goto('/staff');
  await plain.signIn('Kim');
  await page.getByRole('link', { name: w('staff.switches') }).click();
  await page.getByRole('searchbox').fill('oat');
  await page.getByRole('button', { name: w('switches.show') }).click();
  await expect(switchOf(page, 'flat-white-large')).toBeHidden();
  await switchOf(page, 'oat').click();
  await expect(switchOf(page, 'oat')).toHaveAttribute('aria-checked', 'false');
  await expect(page.getByRole('searchbox')).toHaveValue('oat');
  await plain.leave();
});
