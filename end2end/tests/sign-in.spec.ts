// People with a phone: signing in, what they bring along, the wallet, and where they are signed in.
import type { Browser } from '@playwright/test';
import { expectAccessible } from './support/access';
import { Api } from './support/api';
import { expect, test } from './support/journey';
import type { Orderly } from './support/orderly';
import { Shopper } from './support/shopper';
import { beginning, LANGUAGES } from './support/words';

// The demo's shopper, who has 33.00 in the wallet, and somebody whom nobody knows.
const KNOWN = '+15550100001';
const NEW = '+15550100009';

const ADDRESS = { name: 'Ada', line1: '1 Quay', city: 'Oakland', postal_code: '94607', country: 'US' };

for (const language of LANGUAGES) {
  test(`a guest signs in at the checkout and pays from the wallet (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.arrive(browser, shop, { language });
    const { page, w } = shopper;
    const dollars = (amount: string) => (language === 'en' ? `$${amount}` : `US$${amount}`);
    const buy = async () => {
      await page.goto('/s/unicorn/p/unicorn-plush');
      await page.getByTestId('add-to-cart').click();
      await page.getByRole('link', { name: w('cart.view') }).click();
      await page.waitForURL('**/s/unicorn/checkout');
    };
    await buy();
    await expect(page.getByRole('main'), 'a parcel is packed').toContainText(w('checkout.fine_print_ships'));
    await page.getByTestId('wallet-sign-in').click();
    await expectAccessible(page, 'sign-in by phone');
    await page.getByLabel(w('sign_in.phone')).fill('12');
    await page.getByRole('button', { name: w('sign_in.send') }).click();
    await expect(page.getByRole('alert')).toContainText(w('problem.invalid_phone'));
    await expectAccessible(page, 'sign-in with a number that is none');
    await page.getByLabel(w('sign_in.phone')).fill(KNOWN);
    await page.getByRole('button', { name: w('sign_in.send') }).click();
    const code = await shop.code(KNOWN);
    await page.getByLabel(w('sign_in.code'), { exact: true }).fill(code.startsWith('7') ? `8${code.slice(1)}` : `7${code.slice(1)}`);
    await page.getByRole('button', { name: w('sign_in.sign_in') }).click();
    await expect(page.getByRole('alert')).toContainText('2');
    await expectAccessible(page, 'a wrong code');
    await page.getByLabel(w('sign_in.code'), { exact: true }).fill(code);
    await page.getByRole('button', { name: w('sign_in.sign_in') }).click();

    // Back where they were, with what they had, and with the wallet to choose.
    await page.waitForURL('**/s/unicorn/checkout');
    await expect(page.getByTestId('line')).toHaveCount(1);
    await expect(page.getByTestId('wallet-choice')).toContainText('$33.00');
    await expect(page.getByTestId('wallet-choice')).toContainText(w('checkout.wallet_after', { amount: dollars('16.00') }));
    await expectAccessible(page, 'the checkout with a wallet');
    for (const [field, value] of Object.entries(ADDRESS)) await page.locator(`#address-${field}`).fill(value);
    await shopper.placeOrder();
    await expect(page.getByText(w('order.paid_wallet'))).toBeVisible();
    await shopper.openJourney();
    await expect(shopper.journey).toContainText(w('event.wallet_captured'));

    await page.goto('/account');
    await expect(page.getByTestId('balance')).toContainText('$16.00');
    await expectAccessible(page, 'the account');
    await buy();
    await expect(page.getByTestId('wallet-choice')).toContainText(w('checkout.wallet_short', { amount: dollars('1.00') }));
    await expect(page.getByTestId('wallet-choice').getByRole('radio')).toBeDisabled();
    await expectAccessible(page, 'the checkout with a short wallet');
    await shopper.leave();
  });
}

test('without JavaScript: sign in, pay from the wallet, sign out', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop, { javaScriptEnabled: false });
  const { page, w } = shopper;
  await page.goto('/s/harbor');
  await shopper.chooseProduct();
  await shopper.addWithOat();
  await page.getByTestId('wallet-sign-in').click();
  await shopper.signIn(KNOWN);
  await page.waitForURL('**/s/harbor/checkout');
  await shopper.placeOrder();
  await page.goto('/account');
  await expect(page.getByTestId('balance')).toContainText('$27.90');
  await page.getByTestId('sign-out').click();
  await expect(page.getByTestId('sign-in-link')).toBeVisible();
  await page.goto('/account');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(w('sign_in.heading'));
  await shopper.leave();
});

test('carts of two browsers add up', async ({ browser, shop }) => {
  const home = await Shopper.atCheckout(browser, shop);
  await home.page.getByTestId('wallet-sign-in').click();
  await home.signIn(NEW);
  const phone = await Shopper.atCheckout(browser, shop);
  await phone.page.getByTestId('wallet-sign-in').click();
  await phone.signIn(NEW, 2);
  await phone.page.waitForURL('**/s/harbor/checkout');
  await expect(phone.page.getByTestId('total')).toContainText('$10.20');
  await home.leave();
  await phone.leave();
});

test('signed out from elsewhere, a page stops being live and says so', async ({ browser, shop }) => {
  const phone = await Shopper.atCheckout(browser, shop);
  await phone.page.getByTestId('wallet-sign-in').click();
  await phone.signIn(NEW);
  await phone.page.waitForURL('**/s/harbor/checkout');
  await phone.payWith('checkout.card_ok');
  await phone.placeOrder();
  await phone.expectLive();

  const home = await Shopper.arrive(browser, shop);
  await home.page.goto('/sign-in?back=/account');
  await home.signIn(NEW, 2);
  await expect(home.page.getByTestId('session')).toHaveCount(2);
  await home.page.getByTestId('session').nth(1).getByRole('button').click();
  await expect(home.page.getByTestId('session')).toHaveCount(1);
  await expect(phone.liveLine).toHaveAttribute('data-state', 'offline');
  await expect(phone.liveLine).toContainText(beginning('en', 'live.refused'));
  await home.leave();
  await phone.context.close();
});

for (const language of LANGUAGES) {
  test(`who has deleted their account is told good-bye at the door (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.arrive(browser, shop, { language });
    await shopper.page.goto('/sign-in?goodbye=1');
    await expect(shopper.page.getByText(shopper.w('sign_in.goodbye_title'))).toBeVisible();
    await expectAccessible(shopper.page, 'goodbye');
    await shopper.leave();
  });
}

test('name and language are kept, data can be taken along and deleted', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop);
  const { page, w } = shopper;
  await page.goto('/account');
  await shopper.signIn(NEW);
  await page.waitForURL('**/account');
  await page.getByLabel(w('account.name')).fill('Ada <b>&');
  await page.getByRole('button', { name: w('account.save') }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(w('account.hello', { name: 'Ada <b>&' }));
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: w('account.export') }).click()]);
  expect(download.suggestedFilename()).toBe('orderly.json');
  const own = await new Api(shopper.context.request, shop.url).get<{ account: { name: string } }>('/me/export');
  expect(own.account.name).toBe('Ada <b>&');

  await page.getByText(w('account.delete')).first().click();
  await page.getByLabel(w('account.delete_sure')).check();
  await page.getByTestId('delete-form').getByRole('button').click();
  await expect(page.getByText(w('sign_in.goodbye_title'))).toBeVisible();
  await expect(page.getByTestId('sign-in-link')).toBeVisible();
  await shopper.leave();
});

test('money in the wallet is lost only when its owner says so', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop);
  const { page, w } = shopper;
  await page.goto('/sign-in?back=/account');
  await shopper.signIn(KNOWN);
  await page.waitForURL('**/account');
  const form = page.getByTestId('delete-form');
  await page.getByText(w('account.delete')).first().click();
  await expectAccessible(page, 'the account that asks whether its money may be lost');
  await form.getByLabel(w('account.delete_sure')).check();
  // The browser itself asks for the other box; a form that comes without it is refused, too.
  const forfeit = form.getByLabel(w('account.delete_forfeit', { amount: '$33.00' }));
  expect(await forfeit.evaluate((box: HTMLInputElement) => box.checkValidity())).toBe(false);
  await form.evaluate((form: HTMLFormElement) => (form.noValidate = true));
  await form.getByRole('button').click();
  await expect(page.getByText(w('problem.wallet_not_empty'))).toBeVisible();
  await expect(page.getByTestId('balance')).toHaveText('$33.00');
  // What was refused comes back unfolded.
  await form.getByLabel(w('account.delete_sure')).check();
  await forfeit.check();
  await form.getByRole('button').click();
  await expect(page.getByText(w('sign_in.goodbye_title'))).toBeVisible();
  await shopper.leave();
});

test('money paid in on one page is in the wallet on every other', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop);
  const { page, w } = shopper;
  await page.goto('/sign-in?back=/account');
  await shopper.signIn(KNOWN);
  await page.waitForURL('**/account');
  const other = await shopper.context.newPage();
  const live = new Promise<void>((resolve) => {
    other.on('websocket', (socket) =>
      socket.on('framereceived', ({ payload }) => {
        if (payload.toString().includes('live.user.v1')) resolve();
      }),
    );
  });
  await other.goto('/account');
  await live;
  await expect(other.getByTestId('balance')).toHaveText('$33.00');
  await other.evaluate(() => Object.assign(window, { remembered: true }));
  await page.getByText(w('wallet.top_up_title')).first().click();
  await page.getByRole('radio', { name: '$50.00' }).check();
  await page.getByTestId('top-up').getByRole('button', { name: w('wallet.top_up_go') }).click();
  await expect(page.getByText(w('wallet.topped_up'))).toBeVisible();
  await expect(page.getByTestId('balance')).toHaveText('$83.00');
  await expect(other.getByTestId('balance')).toHaveText('$83.00');
  expect(await other.evaluate(() => 'remembered' in window), 'nothing was loaded again').toBe(true);
  await shopper.leave();
});

/** The demo's shopper, at the checkout of what the wallet is enough for. */
async function atCheckoutWithWallet(browser: Browser, shop: Orderly): Promise<Shopper> {
  const shopper = await Shopper.arrive(browser, shop);
  const { page, w } = shopper;
  await page.goto('/sign-in?back=/s/unicorn/p/unicorn-plush');
  await shopper.signIn(KNOWN);
  await page.waitForURL('**/p/unicorn-plush');
  await page.getByTestId('add-to-cart').click();
  await page.getByRole('link', { name: w('cart.view') }).click();
  await page.waitForURL('**/s/unicorn/checkout');
  return shopper;
}

test('a wallet that is spent while the checkout hears nothing is no card in the other language', async ({ browser, shop }) => {
  const shopper = await atCheckoutWithWallet(browser, shop);
  const { page, w } = shopper;
  await page.routeWebSocket('**/mqtt', (socket) => socket.close());
  await page.reload();
  const name = page.locator('#address-name');
  await name.fill('Ada');
  await expect(page.getByTestId('wallet-choice').getByRole('radio')).toBeChecked();
  await shopper.api.order([{ sku: 'flat-white-regular', quantity: 4, options: ['oat'] }], { method: 'wallet' });
  await expect(page.locator('.live-line[data-state="offline"]').first(), 'the page is alive').toBeAttached();
  await page.getByRole('button', { name: w('frame.other_language_label') }).click();
  await expect(page.locator('html')).toHaveAttribute('lang', 'zh-CN');
  await expect(name).toHaveValue('Ada');
  await expect(page.getByTestId('wallet-choice').getByRole('radio')).toBeDisabled();
  await expect(page.locator('input[name=payment]:checked')).toHaveCount(0);
  // The connection that was refused is in the console, as it should be.
  await shopper.context.close();
});

test('an order that is refused for want of money leaves what is held, and says what there is', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop);
  const { page, w, api } = shopper;
  await page.goto('/sign-in?back=/s/harbor/p/flat-white');
  await shopper.signIn(KNOWN);
  await page.waitForURL('**/p/flat-white');
  await page.getByTestId('add-to-cart').click();
  await page.waitForURL('**/s/harbor');
  await page.routeWebSocket('**/mqtt', (socket) => socket.close());
  await page.goto('/s/harbor/checkout');
  const hold = page.getByTestId('hold');
  const [more, total, checkout] = [page.getByRole('button', { name: /^One .* more$/ }), page.getByTestId('total'), page.locator('input[name=checkout]')];
  await expect(hold).toBeVisible();
  for (const sum of ['$9.00', '$13.50', '$18.00']) {
    const held = page.waitForResponse('**/do/checkout/hold');
    await more.click();
    await expect(total).toHaveText(sum);
    await held;
  }
  const wallet = page.getByTestId('wallet-choice');
  await expect(wallet.getByRole('radio')).toBeChecked();
  // The live connection is dead, so nobody tells the page that this is spent.
  const plush = { store: 'unicorn', lines: [{ sku: 'unicorn-plush', quantity: 1 }], fulfilment: { kind: 'ship', address: ADDRESS } };
  const begun = await api.post<{ id: string; quote: { total: unknown } }>('/checkouts', plush);
  await api.post(`/checkouts/${begun.id}/place`, { payment: { method: 'wallet' }, expected_total: begun.quote.total });
  await expect(wallet).toContainText(w('checkout.wallet_after', { amount: '$15.00' }));
  const held = await checkout.inputValue();
  expect(held).not.toBe('');

  await page.getByTestId('place-order').click();
  await expect(page.locator('#problem')).toContainText(w('problem.insufficient_funds'));
  await expect(wallet).toContainText(w('checkout.wallet_short', { amount: '$2.00' }));
  await expect(wallet.getByRole('radio')).toBeDisabled();
  await page.getByTestId('place-order').click();
  await expect(page.locator('#problem')).toContainText(w('problem.payment_missing'));
  await expect(hold).toBeVisible();
  await expect(checkout, 'at its price').toHaveValue(held);
  await page.locator('input[name=payment][value=tok_ok]').check();
  await page.getByTestId('place-order').click();
  await page.waitForURL('**/orders/*');
  await expect(page.getByRole('main')).toContainText('$18.00');
  // What was refused is in the console, as it should be.
  await shopper.context.close();
});

test('a wallet that is spent elsewhere is as short at the checkout, and enough again when the money is back', async ({ browser, shop }) => {
  const shopper = await atCheckoutWithWallet(browser, shop);
  const { page, w } = shopper;
  for (const [field, value] of Object.entries(ADDRESS)) await page.locator(`#address-${field}`).fill(value);
  const wallet = page.getByTestId('wallet-choice');
  await expect(wallet).toContainText(w('checkout.wallet_after', { amount: '$16.00' }));
  await expect(wallet.getByRole('radio')).toBeChecked();
  const order = await shopper.api.order([{ sku: 'flat-white-regular', quantity: 4, options: ['oat'] }], { method: 'wallet' });
  await expect(page.getByRole('link', { name: w('checkout.wallet_top_up') })).toBeVisible();
  await expect(wallet.getByRole('radio')).toBeDisabled();
  await expect(wallet).not.toContainText('$33.00');
  await expect(wallet.getByRole('radio'), 'by keyboard the others are reached').not.toBeChecked();
  await page.getByRole('link', { name: w('checkout.wallet_top_up') }).press('Tab');
  await expect(page.locator('input[name=payment][value=tok_ok]')).toBeFocused();
  await page.getByTestId('place-order').click();
  await expect(page.locator('#problem'), 'no card is taken for it').toContainText(w('problem.payment_missing'));
  await shopper.api.post(`/orders/${order.id}/cancel`);
  await expect(wallet).toContainText(w('checkout.wallet_after', { amount: '$16.00' }));
  await expect(wallet.getByRole('radio')).toBeChecked();
  await shopper.leave();
});
