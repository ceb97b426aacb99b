// A photograph of every page as people meet it, in both colour schemes: `make shots`, then look into end2end/shots.
import { expect } from '@playwright/test';
import { Barista } from '../tests/support/barista';
import { test } from '../tests/support/journey';
import { Shopper } from '../tests/support/shopper';
import { shoot } from '../tests/support/shot';
import { LANGUAGES } from '../tests/support/words';

const DESKTOP = { viewport: { width: 1280, height: 900 }, isMobile: false, hasTouch: false };

for (const language of LANGUAGES) {
  for (const [device, size] of [['phone', {}], ['desktop', DESKTOP]] as const) {
    test(`the shopper's pages on a ${device} (${language})`, async ({ browser, shop }) => {
      const shopper = await Shopper.arrive(browser, shop, { language, ...size });
      const take = (name: string) => shoot(shopper.page, `${name}-${device}-${language}`);
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
      if (device === 'desktop') {
        await shopper.page.setViewportSize({ width: 1920, height: 1080 });
        await shoot(shopper.page, `order-queued-wall-${language}`);
        await shopper.page.setViewportSize(DESKTOP.viewport);
      }
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
  }

  test(`the barista's pages on a tablet (${language})`, async ({ browser, shop }) => {
    const barista = await Barista.arrive(browser, shop, { language });
    // As it lies, and as it stands.
    const take = async (name: string) => {
      for (const [way, width, height] of [['tablet', 1024, 768], ['tablet-upright', 768, 1024]] as const) {
        await barista.page.setViewportSize({ width, height });
        await shoot(barista.page, `${name}-${way}-${language}`);
      }
    };
    await barista.page.goto('/staff');
    await take('staff-sign-in');
    await barista.signIn('Kim', 'manager');
    await take('staff-home');
    for (const page of ['menu', 'stock', 'today', 'settings']) {
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
    const [first = '', second = ''] = numbers;
    for (const number of [first, second]) await barista.button(number, 'board.claim').click();
    await barista.button(first, 'board.ready_verb').click();
    await expect(barista.ticket(first, 'ready')).toBeVisible();
    await take('board');
    await shopper.page.goto('/orders');
    for (const [number, name] of [[first, 'ready'], [second, 'making']] as const) {
      await shopper.page.getByRole('link', { name: new RegExp(`\\b${number}$`) }).click();
      await shoot(shopper.page, `order-${name}-phone-${language}`);
      await shopper.page.goBack();
    }
    await shop.kill();
    await barista.expectPaused('live.board_reconnecting');
    await take('board-offline');
  });
}
