// By keyboard alone: what has the focus is seen, the cart is near, and links say where they lead.
import { expect, test } from './support/journey';
import { Shopper } from './support/shopper';

test('a product is chosen and ordered by keyboard, and nothing that has the focus lies under a bar', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop, { viewport: { width: 390, height: 700 }, reducedMotion: 'reduce' });
  const { page, w } = shopper;
  await page.goto('/s/harbor/p/flat-white');
  await expect(page.getByTestId('store-status')).toBeVisible();
  let seen = 0;
  for (let stop = 0; stop < 40; stop += 1) {
    await page.keyboard.press('Tab');
    const [inForm, hidden] = await page.evaluate(() => {
      const focused = document.activeElement;
      const bar = document.querySelector('.buy-bar');
      if (focused === null || focused === document.body || bar === null || bar.contains(focused)) return [false, ''] as const;
      const [it, over] = [focused.getBoundingClientRect(), bar.getBoundingClientRect()];
      const covered = it.bottom > over.top + 1 && it.top < over.bottom - 1;
      return [focused.closest('form.product__options') !== null, covered ? focused.outerHTML : ''] as const;
    });
    expect(hidden, 'under the bar').toBe('');
    if (inForm) seen += 1;
  }
  expect(seen, 'the options were reached').toBeGreaterThan(3);

  await page.getByTestId('add-to-cart').press('Enter');
  await page.waitForURL('**/s/harbor');
  await expect(page.getByRole('link', { name: w('cart.view') })).toBeVisible();
  for (let stop = 0; stop < 12; stop += 1) {
    await page.keyboard.press('Tab');
    if ((await page.evaluate(() => document.activeElement?.getAttribute('data-testid'))) === 'cart-bar') break;
  }
  await expect(page.getByTestId('cart-bar'), 'the cart is before the menu').toBeFocused();
  await page.keyboard.press('Enter');
  await page.waitForURL('**/s/harbor/checkout');
  const number = await shopper.placeOrder();

  await page.goto('/orders');
  await page.getByRole('link', { name: new RegExp(`${w('board.order')} ${number}$`) }).press('Enter');
  await page.waitForURL('**/orders/*');
  await expect(page.getByTestId('order-number')).toContainText(number);
  await shopper.leave();
});

test('what goes straight into the cart has the cart as its next stop', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop);
  const { page, w } = shopper;
  await page.goto('/s/harbor');
  await shopper.expectLive();
  const add = page.locator('.product-card__add').first();
  await add.press('Enter');
  await expect(page.getByTestId('cart-bar')).toBeVisible();
  await expect(page.locator('.product-card__view')).toHaveCount(1);
  await page.keyboard.press('Tab');
  await expect(page.locator('.product-card__view')).toBeFocused();
  await expect(page.locator('.product-card__view')).toHaveText(w('cart.view'));
  await shopper.leave();
});

test('the stepper keeps the focus at its end', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop);
  const { page, w } = shopper;
  await page.goto('/s/harbor/p/flat-white');
  await expect(page.getByTestId('product-form')).toHaveAttribute('data-alive', 'true');
  const less = page.getByRole('button', { name: w('product.less') });
  const quantity = page.getByRole('spinbutton');
  await page.getByRole('button', { name: w('product.more') }).press('Enter');
  await expect(quantity).toHaveValue('2');
  await less.press('Enter');
  await expect(quantity).toHaveValue('1');
  await expect(less).toBeFocused();
  await expect(less).toHaveAttribute('aria-disabled', 'true');
  await page.keyboard.press('Enter');
  await expect(quantity).toHaveValue('1');
  await page.keyboard.press('Tab');
  await expect(quantity).toBeFocused();
  await shopper.leave();
});
