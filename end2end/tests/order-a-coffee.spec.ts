// One drink from menu to pick-up: a shopper on a phone, a barista on a tablet, each seeing what the other does.
import { expectAccessible } from './support/access';
import { Api } from './support/api';
import { Barista } from './support/barista';
import { expect, test } from './support/journey';
import { Shopper } from './support/shopper';
import { LANGUAGES } from './support/words';

for (const language of LANGUAGES) {
  test(`live on two screens, through a crash of the server (${language})`, async ({ browser, shop }) => {
    const barista = await Barista.arrive(browser, shop, { language });
    await barista.page.goto('/staff');
    await expect(barista.page.locator('html')).toHaveAttribute('lang', language);
    await expectAccessible(barista.page, 'staff sign-in');
    await barista.signIn('Kim');
    await expectAccessible(barista.page, 'staff home');
    await barista.openBoard();
    await expectAccessible(barista.page, 'the empty board');
    await barista.expectLive();
    await barista.rememberDocument();

    const shopper = await Shopper.arrive(browser, shop, { language });
    const { w } = shopper;
    await shopper.page.goto('/');
    await expect(shopper.page.locator('html')).toHaveAttribute('lang', language);
    await expectAccessible(shopper.page, 'home');
    await shopper.chooseStore();
    await expectAccessible(shopper.page, 'the menu');
    await shopper.chooseProduct();
    await expectAccessible(shopper.page, 'the product');
    await shopper.addWithOat();
    await expectAccessible(shopper.page, 'the checkout');
    const number = await shopper.placeOrder();
    await shopper.expectLive();
    await shopper.rememberDocument();

    await test.step('placed: the ticket appears on the board', async () => {
      await expect(shopper.status).toHaveText(w('order.queued'));
      await expect(barista.ticket(number, 'queued')).toBeVisible();
      await expectAccessible(shopper.page, 'the order in the queue');
      await expectAccessible(barista.page, 'the board with a ticket');
    });

    await test.step('claimed: the phone says by whom', async () => {
      await barista.button(number, 'board.claim').click();
      await expect(shopper.status).toHaveText(w('order.making_by', { name: 'Kim' }));
      await expect(barista.ticket(number, 'making')).toContainText('Kim');
    });

    await test.step('ready, and the server dies the moment it has said so', async () => {
      const answered = barista.page.waitForResponse((answer) => answer.url().endsWith('/ready') && answer.ok());
      await barista.button(number, 'board.ready_verb').click();
      await answered;
      await shop.kill();
      await shopper.expectPaused('live.reconnecting');
      await barista.expectPaused('live.board_reconnecting');
      await expectAccessible(shopper.page, 'the order without a server');
      await expectAccessible(barista.page, 'the board without a server');
    });

    await test.step('the server is back, and both screens show the truth by themselves', async () => {
      await shop.start();
      await shopper.expectLive();
      await barista.expectLive();
      await expect(shopper.status).toHaveText(w('order.ready'));
      await expect(barista.ticket(number, 'ready')).toBeVisible();
      await expectAccessible(shopper.page, 'the order at the bar');
    });

    await test.step('recalled and ready again', async () => {
      await barista.button(number, 'board.recall').click();
      await expect(shopper.status).toHaveText(w('order.making_by', { name: 'Kim' }));
      await barista.button(number, 'board.ready_verb').click();
      await expect(shopper.status).toHaveText(w('order.ready'));
    });

    await test.step('collected: both are done', async () => {
      await barista.button(number, 'board.collect').click();
      await expect(shopper.status).toHaveText(w('order.collected'));
      await expect(barista.page.getByTestId('ticket')).toHaveCount(0);
      await shopper.expectSameDocument();
      await barista.expectSameDocument();
      await shopper.page.getByText(w('order.journey')).click();
      await expect(shopper.page.getByTestId('journey')).toContainText(w('event.prep_recalled'));
      await expectAccessible(shopper.page, 'the collected order');
    });

    await test.step('the pages around it', async () => {
      await shopper.page.goto('/orders');
      await expect(shopper.page.getByRole('main')).toContainText(number);
      await expectAccessible(shopper.page, 'my orders');
      await shopper.page.goto('/s/harbor/checkout');
      await expect(shopper.page.getByText(w('cart.empty_title'))).toBeVisible();
      await expectAccessible(shopper.page, 'the empty cart');
      for (const store of ['pier', 'unicorn']) {
        await shopper.page.goto(`/s/${store}`);
        await expectAccessible(shopper.page, store);
      }
    });

    await shopper.leave();
    await barista.leave();
  });
}

test('without JavaScript until the order is placed', async ({ browser, shop }) => {
  const barista = await Barista.atBoard(browser, shop);

  const shopper = await Shopper.arrive(browser, shop, { javaScriptEnabled: false });
  await shopper.page.goto('/');
  await shopper.chooseStore();
  await shopper.chooseProduct();
  // Whatever is chosen, it would stay the price of the first choice.
  await expect(shopper.page.getByTestId('add-to-cart')).toBeVisible();
  await expect(shopper.page.getByTestId('add-to-cart').locator('data')).toBeHidden();
  await shopper.addWithOat();
  const number = await shopper.placeOrder();

  await barista.button(number, 'board.claim').click();
  await expect(barista.ticket(number, 'making')).toBeVisible();
  await shopper.page.reload();
  await expect(shopper.status).toHaveText(shopper.w('order.making_by', { name: 'Kim' }));
  await shopper.leave();
  await barista.leave();
});

test('an order that the shopper takes back leaves the board and is refunded', async ({ browser, shop }) => {
  const barista = await Barista.atBoard(browser, shop);
  const shopper = await Shopper.atCheckout(browser, shop);
  const number = await shopper.placeOrder();
  await expect(barista.ticket(number, 'queued')).toBeVisible();

  await shopper.page.getByRole('button', { name: shopper.w('order.cancel') }).click();
  await expect(shopper.status).toHaveText(shopper.w('order.cancelled_by_customer'));
  await expect(shopper.page.getByText(shopper.w('order.pay_refunded'), { exact: true })).toBeVisible();
  await expect(barista.page.getByTestId('ticket')).toHaveCount(0);
  await expectAccessible(shopper.page, 'a cancelled order');
  await shopper.leave();
  await barista.leave();
});

test('a declined card is said in words, and nothing reaches the bar', async ({ browser, shop }) => {
  const barista = await Barista.atBoard(browser, shop);
  const shopper = await Shopper.atCheckout(browser, shop);
  await shopper.payWith('checkout.card_declined');
  await shopper.placeOrder();
  await expect(shopper.status).toHaveText(shopper.w('order.declined'));
  await expectAccessible(shopper.page, 'a declined order');

  // A later order is on the board, so an earlier one would be, too.
  await shopper.page.goto('/s/harbor/p/flat-white');
  await shopper.addWithOat();
  const number = await shopper.placeOrder();
  await expect(barista.ticket(number, 'queued')).toBeVisible();
  await expect(barista.page.getByTestId('ticket')).toHaveCount(1);
  await shopper.leave();
  await barista.leave();
});

test('what cannot be had, or was forgotten, is marked for everybody', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop);
  const { page } = shopper;
  const manager = new Api(shopper.context.request, shop.url, await shop.token('manager', 'harbor'));
  await manager.put('/staff/stores/harbor/items/flat-white-large', { available: false });
  await manager.put('/staff/stores/harbor/options/oat', { available: false });
  await page.goto('/s/harbor/p/flat-white');
  await expect(page.getByRole('radio', { disabled: true })).not.toHaveCount(0);
  await expectAccessible(page, 'a product with a size and an option that are sold out');
  await manager.put('/staff/stores/harbor/items/flat-white-large', { available: true });
  await manager.put('/staff/stores/harbor/options/oat', { available: true });

  await page.goto('/s/unicorn/p/unicorn-plush');
  await page.getByTestId('add-to-cart').click();
  await page.getByRole('link', { name: shopper.w('cart.view') }).click();
  await page.waitForURL('**/s/unicorn/checkout');
  // As a browser sends it that does not know of required fields.
  const empty = await page.request.post('/do/checkout/place', {
    form: { store: 'unicorn', key: 'nothing-typed', expected_total: '1700', currency: 'USD', payment: 'tok_ok', 'address[country]': 'us1' },
    headers: { Origin: shop.url, Accept: 'text/html' },
    maxRedirects: 0,
  });
  await page.goto(empty.headers().location ?? '/');
  await expect(page.locator('[aria-invalid="true"]')).not.toHaveCount(0);
  await expectAccessible(page, 'an address with fields that are not right');
  await shopper.leave();
});

test('a page for others says so, and is for everybody', async ({ browser, shop }) => {
  const barista = await Barista.atBoard(browser, shop);
  const answer = await barista.page.goto('/staff/harbor/settings');
  expect(answer?.status()).toBe(403);
  await expectAccessible(barista.page, 'a page that a barista may not see');
  // The refusal is in the console, as it should be.
  await barista.context.close();
});

test('a page that is not there is friendly, and has a way back', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop);
  const answer = await shopper.page.goto('/no-such-page');
  expect(answer?.status()).toBe(404);
  await expect(shopper.page.getByRole('heading', { level: 1 })).toHaveText(shopper.w('lost.heading'));
  await expectAccessible(shopper.page, 'the page that is not there');
  await shopper.page.getByRole('link', { name: shopper.w('lost.all_places') }).click();
  await expect(shopper.page).toHaveURL(`${shop.url}/`);
  await shopper.context.close();
});
