// A photograph of every page as people meet it, at every size and in both colour schemes: `make shots`, then look into end2end/shots.
import { expect } from '@playwright/test';
import { Api } from '../tests/support/api';
import { Barista } from '../tests/support/barista';
import { test as base } from '../tests/support/journey';
import { Orderly } from '../tests/support/orderly';
import { Shopper } from '../tests/support/shopper';
import { shoot } from '../tests/support/shot';
import { LANGUAGES } from '../tests/support/words';

// More orders than anybody places in an hour.
const test = base.extend<{ shop: Orderly }>({
  shop: async ({}, use) => {
    const shop = await Orderly.open({ ORDERLY_LIMITS: 'off' });
    await use(shop);
    await shop.close();
  },
});

// What stands on a busy board, each with what is chosen of it.
const RUSH = [
  ['flat-white-regular', 'oat'],
  ['latte-large', 'whole', 'vanilla'],
  ['espresso-double'],
  ['lemonade-large'],
  ['cappuccino-regular', 'soy', 'extra-shot'],
  ['iced-peach-tea-regular'],
] as const;

for (const language of LANGUAGES) {
  test(`the shopper's pages (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.arrive(browser, shop, { language });
    const take = (name: string) => shoot(shopper.page, `${name}-${language}`);
    await shopper.page.goto('/');
    await take('home');
    await shopper.page.goto('/orders');
    await take('orders-none');
    await shopper.page.goto('/s/harbor/checkout');
    await take('cart-empty');
    await shopper.page.goto('/no-such-page');
    await take('lost');
    for (const store of ['pier', 'unicorn', 'harbor']) {
      await shopper.page.goto(`/s/${store}`);
      await take(`store-${store}`);
    }
    await shopper.chooseProduct();
    await take('product');
    await shopper.addWithOat();
    await expect(shopper.page.getByTestId('hold')).toBeVisible();
    await take('checkout');
    await shopper.placeOrder();
    await expect(shopper.status).toHaveText(shopper.w('order.queued'));
    await take('order-queued');
    await shopper.openJourney();
    await take('order-journey');
    await shopper.page.goto('/orders');
    await take('orders');
    await shopper.page.goto('/account');
    await take('sign-in');
    await shopper.signIn('+15550100001');
    await take('account');
    await shopper.page.goto('/s/harbor/p/flat-white');
    await shopper.addWithOat();
    await take('checkout-wallet');
    await shopper.payWith('checkout.card_declined');
    await shopper.placeOrder();
    await expect(shopper.status).toHaveText(shopper.w('order.declined'));
    await take('order-declined');
    await shopper.page.getByTestId('order-again').click();
    await expect(shopper.page.getByTestId('put-back')).toBeVisible();
    await expect(shopper.page.getByTestId('hold')).toBeVisible();
    await take('checkout-again');
  });

  test(`the staff's pages (${language})`, async ({ browser, shop }) => {
    const barista = await Barista.arrive(browser, shop, { language });
    const take = (name: string) => shoot(barista.page, `${name}-${language}`);
    await barista.page.goto('/staff');
    await take('staff-sign-in');
    await barista.signIn('Kim', 'manager');
    await take('staff-home');
    // A day of which there is something to tell.
    await shop.command('robot', '--store', 'harbor', '--orders', '40', '--speed', '50', '--seed', '1', '--url', shop.url);
    for (const page of ['menu', 'stock', 'today', 'settings', 'audit']) {
      await barista.page.goto(`/staff/harbor/${page}`);
      await take(`staff-${page}`);
    }
    await barista.page.goto('/staff');
    await barista.openBoard();
    await take('board-empty');
    const shopper = await Shopper.arrive(browser, shop, { language });
    const numbers: string[] = [];
    for (let order = 0; order < 3; order += 1) {
      await shopper.page.goto('/s/harbor/p/flat-white');
      await shopper.addWithOat();
      numbers.push(await shopper.placeOrder());
    }
    const staff = new Api(shopper.context.request, shop.url, await shop.token('barista', 'harbor'));
    for (let order = 0; order < 12; order += 1) {
      const lines = [order, order + 1].slice(0, 1 + (order % 2)).map((n) => {
        const [sku, ...options] = RUSH[n % RUSH.length] ?? RUSH[0];
        return { sku, quantity: 1 + (n % 3 === 2 ? 1 : 0), options };
      });
      const { id } = await shopper.api.order(lines);
      if (order < 6) await staff.post(`/staff/orders/${id}/claim`);
      if (order < 3) await staff.post(`/staff/orders/${id}/ready`);
    }
    const [first = '', second = ''] = numbers;
    for (const number of [first, second]) await barista.button(number, 'board.claim').click();
    await barista.button(first, 'board.ready_verb').click();
    await expect(barista.ticket(first, 'ready')).toBeVisible();
    await take('board');
    await shopper.page.goto('/orders');
    for (const [number, name] of [[first, 'ready'], [second, 'making']] as const) {
      await shopper.page.getByRole('link', { name: new RegExp(`\\b${number}$`) }).click();
      await shoot(shopper.page, `order-${name}-${language}`);
      await shopper.page.goBack();
    }
    await shop.kill();
    await barista.expectPaused('live.board_reconnecting');
    await take('board-offline');
  });
}
