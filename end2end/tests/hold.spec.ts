// What is held for a shopper: its price is locked, a press that comes before it is not lost, and a closed door opens again.
import type { Page } from '@playwright/test';
import { expectAccessible } from './support/access';
import { Api } from './support/api';
import { heldBack } from './support/held-back';
import { expect, test } from './support/journey';
import type { Orderly } from './support/orderly';
import { Shopper } from './support/shopper';
import { LANGUAGES } from './support/words';

async function managerToken(shop: Orderly): Promise<string> {
  const { token } = await shop.json<{ token: string }>('token', 'issue', '--role', 'manager', '--store', 'harbor');
  return token;
}

/** A flat white as it comes is in the cart. */
async function fillCart({ page, w }: Shopper): Promise<void> {
  await page.goto('/s/harbor/p/flat-white');
  await page.getByTestId('add-to-cart').click();
  await expect(page.getByRole('link', { name: w('cart.view') })).toBeVisible();
}

/** Opens the checkout, which waits for its hold until what this returns is called. */
async function openUnheld(page: Page): Promise<() => void> {
  const release = await heldBack(page, '**/do/checkout/hold');
  const asked = page.waitForRequest('**/do/checkout/hold');
  await page.goto('/s/harbor/checkout');
  await asked;
  return release;
}

/** Resolves once the page's live connection has brought a message with these words in it, and the page has been drawn since. */
async function brought(page: Page, ...words: string[]): Promise<() => Promise<void>> {
  const arrived = new Promise<void>((resolve) => {
    page.on('websocket', (socket) =>
      socket.on('framereceived', ({ payload }) => {
        const text = payload.toString();
        if (words.every((word) => text.includes(word))) resolve();
      }),
    );
  });
  return async () => {
    await arrived;
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  };
}

test('what another page has put into the cart is seen before it is ordered', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop);
  const { page, w } = shopper;
  await fillCart(shopper);
  await page.goto('/s/harbor/checkout');
  await expect(page.getByTestId('hold')).toBeVisible();
  await shopper.expectLive();
  await expect(shopper.liveLine, 'it promises nothing of what other pages do').toHaveText(w('live.live_cart'));

  const other = await page.context().newPage();
  await other.goto('/s/harbor/p/butter-croissant');
  await other.getByTestId('add-to-cart').click();
  await expect(other.getByRole('link', { name: w('cart.view') })).toBeVisible();
  await other.close();

  await page.getByRole('button', { name: /^One .* more$/ }).click();
  await expect(page.getByRole('main')).toContainText(w('problem.cart_changed'));
  await expect(page.getByTestId('line')).toHaveCount(2);
  const total = await page.getByTestId('total').textContent();
  const number = await shopper.placeOrder();
  await expect(page.getByRole('main')).toContainText(total ?? 'no total');

  await test.step('Back says what has become of the cart, and not again what was refused before', async () => {
    await page.goBack();
    await page.waitForURL(/\/s\/harbor\/checkout/);
    await expect(page.getByTestId('ordered')).toContainText(w('cart.ordered', { number }));
    await expect(page.getByRole('main')).not.toContainText(w('problem.cart_changed'));
  });
  await shopper.leave();
});

test('a price that changes while it is held is paid as it was held', async ({ browser, shop, request }) => {
  const manager = new Api(request, shop.url, await managerToken(shop));
  const shopper = await Shopper.arrive(browser, shop);
  const { page, w } = shopper;
  await fillCart(shopper);
  const newPrice = await brought(page, 'flat-white-regular', '470');
  await page.goto('/s/harbor/checkout');
  await expect(page.getByTestId('hold')).toBeVisible();
  await expect(page.getByTestId('hold').locator('time')).toHaveText(/^(5:00|4:\d\d)$/);
  await expect(page.getByTestId('total')).toHaveText('$4.50');

  await manager.put('/staff/products/flat-white/variants/flat-white-regular/prices', [{ amount: 470 }]);
  await newPrice();
  await expect(page.getByTestId('total')).toHaveText('$4.50');
  await expect(page.getByTestId('line')).toContainText('$4.50');

  await test.step('more of it is another hold, at the new price', async () => {
    // What is shown is not yet kept: who loads the page anew at once sees the cart as it was.
    const two = page.waitForResponse('**/do/checkout/hold');
    await page.getByRole('button', { name: /^One .* more$/ }).click();
    await expect(page.getByTestId('total')).toHaveText('$9.40');
    await two;
    const kept = page.waitForResponse((reply) => reply.url().endsWith('/do/cart/set') && /quantity=1\b/.test(reply.request().postData() ?? ''));
    await page.getByRole('button', { name: /^One .* less$/ }).click();
    await expect(page.getByTestId('total')).toHaveText('$4.70');
    await kept;
  });

  const newest = await brought(page, 'flat-white-regular', '490');
  await page.reload();
  await expect(page.getByTestId('hold')).toBeVisible();
  await manager.put('/staff/products/flat-white/variants/flat-white-regular/prices', [{ amount: 490 }]);
  await newest();
  await page.getByRole('button', { name: w('checkout.place') }).click();
  await page.waitForURL('**/orders/*');
  await expect(page.getByRole('main')).toContainText('$4.70');
  await shopper.leave();
});

test('an order sent before it is held goes as soon as it is', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop);
  const { page } = shopper;
  await fillCart(shopper);
  const release = await openUnheld(page);
  const button = page.getByTestId('place-order');
  await expect(button, 'nobody has pressed it').toHaveAttribute('aria-busy', 'false');
  await button.press('Enter');
  await expect(button).toHaveAttribute('aria-busy', 'true');
  release();
  await page.waitForURL('**/orders/*');
  await expect(shopper.status).toHaveText(shopper.w('order.queued'));
  await shopper.leave();
});

test('what another page has put in its place, for the same money, is not ordered by a press from before', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop);
  const { page, w } = shopper;
  await fillCart(shopper);
  const release = await openUnheld(page);
  const other = await page.context().newPage();
  await other.goto('/s/harbor/checkout');
  await other.getByTestId('line').locator('button[value="0"]').click();
  await expect(other.getByRole('heading', { name: w('cart.empty_title') })).toBeVisible();
  await other.goto('/s/harbor/p/cappuccino');
  await other.getByTestId('add-to-cart').click();
  await expect(other.getByRole('link', { name: w('cart.view') })).toBeVisible();
  await other.close();

  const button = page.getByTestId('place-order');
  await button.press('Enter');
  await expect(button).toHaveAttribute('aria-busy', 'true');
  release();
  await expect(page.getByRole('main')).toContainText(w('problem.cart_changed'));
  await expect(page.getByTestId('line')).toContainText('Cappuccino');
  await page.goto('/orders');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(w('orders.none_title'));
  await shopper.leave();
});

test('a store that closes says so on the product, and at the checkout until it opens again', async ({ browser, shop, request }) => {
  const manager = new Api(request, shop.url, await managerToken(shop));
  const shopper = await Shopper.arrive(browser, shop);
  const { page, w } = shopper;
  await page.goto('/s/harbor/p/flat-white');
  await expect(page.getByTestId('store-status')).toContainText(w('store.open'));
  await manager.put('/staff/stores/harbor/status', { open: false });
  await expect(page.getByTestId('store-status')).toContainText(w('store.closed'));
  await expect(page.getByTestId('add-to-cart')).toContainText(w('product.add_closed'));
  await page.getByTestId('add-to-cart').click();
  await page.getByRole('link', { name: w('cart.view') }).click();
  await page.waitForURL('**/s/harbor/checkout');
  await expect(page.getByRole('main')).toContainText(w('problem.store_closed'));
  await manager.put('/staff/stores/harbor/status', { open: true });
  await expect(page.getByRole('main')).not.toContainText(w('problem.store_closed'));
  await expect(page.getByTestId('hold')).toBeVisible();
  await shopper.placeOrder();
  await shopper.leave();
});

test('a price that has risen when the hold is over is told and agreed to before anything is ordered', async ({ browser, shop, request }) => {
  const manager = new Api(request, shop.url, await managerToken(shop));
  const shopper = await Shopper.arrive(browser, shop);
  const { page, w } = shopper;
  // The shortest there is.
  await manager.patch('/staff/stores/harbor/settings', { customer_seconds: 30 });
  await fillCart(shopper);
  const newPrice = await brought(page, 'flat-white-regular', '470');
  await page.goto('/s/harbor/checkout');
  await expect(page.getByTestId('hold')).toBeVisible();
  await manager.put('/staff/products/flat-white/variants/flat-white-regular/prices', [{ amount: 470 }]);
  await newPrice();
  await expect(page.getByTestId('total-changed'), 'it is held').toHaveCount(0);
  const changed = w('checkout.changed_text', { old: '$4.50', new: '$4.70' });
  await expect(page.getByTestId('total-changed')).toContainText(changed, { timeout: 60_000 });
  await expect(page.getByTestId('total')).toHaveText('$4.70');
  const button = page.getByTestId('place-order');
  await expect(button).toContainText(w('checkout.confirm'));
  await expectAccessible(page, 'a total that has changed');
  await button.click();
  await expect(page.getByTestId('total-changed')).toHaveCount(0);
  await expect(page.getByTestId('hold'), 'the new price is held').toBeVisible();
  expect(page.url(), 'nothing was ordered').toContain('/checkout');
  await shopper.placeOrder();
  await expect(page.getByRole('main')).toContainText('$4.70');
  await shopper.leave();
});

test('without JavaScript, a total that has changed is told with what it was', async ({ browser, shop, request }) => {
  const manager = new Api(request, shop.url, await managerToken(shop));
  const shopper = await Shopper.arrive(browser, shop, { javaScriptEnabled: false });
  const { page, w } = shopper;
  await page.goto('/s/harbor/p/flat-white');
  await page.getByTestId('add-to-cart').click();
  await page.goto('/s/harbor/checkout');
  await expect(page.getByTestId('total')).toHaveText('$4.50');
  await manager.put('/staff/products/flat-white/variants/flat-white-regular/prices', [{ amount: 470 }]);
  await page.getByTestId('place-order').click();
  await expect(page.getByTestId('total-changed')).toContainText(w('checkout.changed_text', { old: '$4.50', new: '$4.70' }));
  await expect(page.getByTestId('total-changed'), 'in sight, with what it costs now and the button').toBeInViewport({ ratio: 1 });
  await expect(page.getByTestId('total')).toBeInViewport({ ratio: 1 });
  await expect(page.getByTestId('place-order')).toBeInViewport({ ratio: 1 });
  await shopper.placeOrder();
  await expect(page.getByRole('main')).toContainText('$4.70');
  await shopper.leave();
});

test('without JavaScript, a store that has closed is told where the order was sent', async ({ browser, shop, request }) => {
  const manager = new Api(request, shop.url, await managerToken(shop));
  const shopper = await Shopper.arrive(browser, shop, { javaScriptEnabled: false });
  const { page, w } = shopper;
  await page.goto('/s/harbor/p/flat-white');
  await page.getByTestId('add-to-cart').click();
  await page.goto('/s/harbor/checkout');
  await manager.put('/staff/stores/harbor/status', { open: false });
  await page.getByTestId('place-order').click();
  await expect(page.getByTestId('store-closed')).toContainText(w('problem.store_closed'));
  await expect(page.getByTestId('store-closed')).toBeInViewport({ ratio: 1 });
  await shopper.leave();
});

test('a hold that is over promises nothing where something is sold out', async ({ browser, shop, request }) => {
  const manager = new Api(request, shop.url, await managerToken(shop));
  const shopper = await Shopper.arrive(browser, shop);
  const { page, w } = shopper;
  await page.clock.install();
  await fillCart(shopper);
  await page.goto('/s/harbor/checkout');
  await expect(page.getByTestId('hold')).toBeVisible();
  // Who does not see it run out is told a minute before the end, and at it.
  const said = page.locator('#place').getByRole('status').filter({ hasText: /\S/ });
  await expect(said).toHaveCount(0);
  await page.clock.fastForward('04:03');
  await expect(said).toContainText('1:00');
  await page.clock.fastForward('00:20');
  await expect(said).toHaveCount(0);
  await page.clock.fastForward('00:42');
  await expect(said).toHaveText(w('checkout.hold_over'));
  await expect(page.getByTestId('place-order')).toBeEnabled();
  await manager.put('/staff/stores/harbor/items/flat-white-regular', { available: false });
  await expect(page.getByTestId('place-order')).toBeDisabled();
  await expect(page.getByRole('main')).not.toContainText(w('checkout.hold_over'));
  await shopper.leave();
});

test('a store that closes during a checkout takes what is held, and nothing else', async ({ browser, shop, request }) => {
  const manager = new Api(request, shop.url, await managerToken(shop));
  const shopper = await Shopper.arrive(browser, shop);
  const { page, w } = shopper;
  await page.clock.install();
  await fillCart(shopper);
  await page.goto('/s/harbor/checkout');
  await expect(page.getByTestId('hold')).toBeVisible();
  await manager.put('/staff/stores/harbor/status', { open: false });
  await expect(page.getByTestId('store-closed')).toContainText(w('checkout.closed_held_text'));
  await expect(page.getByTestId('place-order')).toBeEnabled();
  await page.getByTestId('place-order').focus();
  await page.clock.fastForward('05:05');
  await expect(page.getByTestId('store-closed')).toContainText(w('problem.store_closed'));
  await expect(page.getByTestId('place-order')).toBeDisabled();
  await expect(page.getByTestId('place-order'), 'by keyboard').toBeFocused();
  await expect(page.getByRole('main'), 'nothing is said against it').not.toContainText(w('checkout.hold_over'));
  await expectAccessible(page, 'the checkout of a closed store');
  // The shop's own clock has not gone on: what it holds is held on the next page, too.
  await page.reload();
  await expect(page.getByTestId('store-closed')).toContainText(w('checkout.closed_held_text'));
  await expect(page.getByTestId('hold')).toBeVisible();
  await expect(page.getByTestId('place-order')).toBeEnabled();
  await shopper.api.delete(`/checkouts/${await page.locator('input[name="checkout"]').inputValue()}`);
  await page.reload();
  await expect(page.getByTestId('place-order')).toBeDisabled();
  await manager.put('/staff/stores/harbor/status', { open: true });
  await expect(page.getByTestId('store-closed')).toHaveCount(0);
  await expect(page.getByTestId('hold')).toBeVisible();
  await manager.put('/staff/stores/harbor/status', { open: false });
  await expect(page.getByTestId('store-closed')).toContainText(w('checkout.closed_held_text'));
  await shopper.placeOrder();
  await expect(shopper.status).toHaveText(w('order.queued'));
  await shopper.leave();
});

for (const language of LANGUAGES) {
  test(`who comes back from an order finds the cart empty (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.atCheckout(browser, shop, { language });
    const { page, w } = shopper;
    await expect(page.getByTestId('hold')).toBeVisible();
    await shopper.placeOrder();
    await page.goBack();
    await page.waitForURL('**/s/harbor/checkout');
    await expect(page.getByText(w('cart.empty_title'))).toBeVisible();
    await expect(page.getByRole('link', { name: w('cart.see_menu') })).toBeVisible();
    await expect(page.getByTestId('place-order')).toHaveCount(0);
    await expect(page.getByRole('main')).not.toContainText(w('problem.no_lines'));
    await shopper.leave();
  });

  test(`of two checkouts of one cart, the one that comes too late leads to the order (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.atCheckout(browser, shop, { language });
    const { page, w } = shopper;
    const other = await shopper.context.newPage();
    await other.goto('/s/harbor/checkout');
    await expect(other.getByTestId('hold')).toBeVisible();
    const number = await shopper.placeOrder();
    await other.getByTestId('place-order').click();
    const ordered = other.getByTestId('ordered');
    await expect(ordered).toContainText(w('cart.ordered', { number }));
    await expect(other.getByText(w('cart.empty_title'))).toBeVisible();
    await expectAccessible(other, 'an empty cart whose order was placed');
    await ordered.getByRole('link', { name: w('cart.see_order') }).click();
    await other.waitForURL(page.url());
    await shopper.leave();
  });

  test(`an order that is swallowed on its way is the same one when it is sent again (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.atCheckout(browser, shop, { language });
    const { page, w } = shopper;
    await expect(page.getByTestId('hold')).toBeVisible();
    const key = page.locator('#place input[name=key]');
    const before = await key.inputValue();
    // A connection that is half dead: it is never answered.
    await page.route('**/do/checkout/place', () => {});
    await page.getByTestId('place-order').click();
    await expect(page.getByTestId('place-order')).toHaveAttribute('aria-busy', 'true');
    await expect(page.getByRole('main')).toContainText(w('problem.unavailable'));
    expect(await key.inputValue()).toBe(before);
    await page.unroute('**/do/checkout/place');
    await shopper.placeOrder();
    await shopper.leave();
  });

  test(`an order without a cookie is told what it wants for (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.atCheckout(browser, shop, { language });
    const { page, w } = shopper;
    await expect(page.getByTestId('hold')).toBeVisible();
    await shopper.context.clearCookies();
    await page.getByTestId('place-order').click();
    await expect(page.getByRole('main')).toContainText(w('problem.session_required'));
    await expect(page.getByRole('main')).not.toContainText(w('problem.unavailable'));
    // That it was refused is in the console, as it should be.
    await shopper.context.close();
  });
}
