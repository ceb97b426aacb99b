// A shopper waits while everything between them and the bar breaks: the broker, the network, the tab's attention, the process.
import { Api, type Order } from './support/api';
import { Mosquitto } from './support/broker';
import { expect, test } from './support/journey';
import { Orderly } from './support/orderly';
import { Postgres } from './support/postgres';
import { Shopper } from './support/shopper';
import { LANGUAGES } from './support/words';

/** The bar at this process, as a program with a token. */
async function bar(shop: Orderly, shopper: Shopper): Promise<Api> {
  const token = await shop.command('token', 'issue', '--role', 'barista', '--store', 'harbor', '--name', 'journey');
  return new Api(shopper.context.request, shop.url, token.trim());
}

/** The shopper looks at an order that is in the queue. */
async function waits(shopper: Shopper): Promise<Order> {
  await shopper.page.goto('/s/harbor');
  const order = await shopper.api.orderCoffee();
  await shopper.page.goto(`/orders/${order.id}`);
  await shopper.expectLive();
  await expect(shopper.status).toHaveText(shopper.w('order.queued'));
  await shopper.rememberDocument();
  return order;
}

test('a broker that is killed and started again', async ({ browser }) => {
  const broker = await Mosquitto.open();
  const shop = await Orderly.open({ MQTT_URL: broker.url });
  const shopper = await Shopper.arrive(browser, shop);
  const order = await waits(shopper);
  const barista = await bar(shop, shopper);
  await barista.post(`/staff/orders/${order.id}/claim`);
  await expect(shopper.page.getByTestId('tracker')).toHaveAttribute('data-status', 'making');

  await broker.kill();
  // The shop works on, and the page, which says that it is live, shows what is true.
  await barista.post(`/staff/orders/${order.id}/ready`);
  await expect(shopper.status).toHaveText(shopper.w('order.ready'));
  await broker.start();
  await barista.post(`/staff/orders/${order.id}/collect`);
  await expect(shopper.status).toHaveText(shopper.w('order.collected'));
  await shopper.expectSameDocument();
  await shopper.leave();
  await shop.close();
  await broker.close();
});

test('a network that goes and comes back', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop);
  const order = await waits(shopper);
  const barista = await bar(shop, shopper);
  await shopper.context.setOffline(true);
  await expect(shopper.liveLine).toHaveAttribute('data-state', 'offline');
  // The bar has a network of its own.
  const elsewhere = await Shopper.arrive(browser, shop);
  const tablet = await bar(shop, elsewhere);
  await tablet.post(`/staff/orders/${order.id}/claim`);
  await tablet.post(`/staff/orders/${order.id}/ready`);
  await shopper.context.setOffline(false);
  await shopper.expectLive();
  await expect(shopper.status).toHaveText(shopper.w('order.ready'));
  await barista.post(`/staff/orders/${order.id}/collect`);
  await expect(shopper.status).toHaveText(shopper.w('order.collected'));
  await shopper.expectSameDocument();
  await elsewhere.leave();
  await shopper.leave();
});

test('a kept page without a network is as old as it was made', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop);
  const { page } = shopper;
  const order = await waits(shopper);
  const made = await page.locator('html').getAttribute('data-made');
  await page.goto('/s/harbor');
  const barista = await bar(shop, shopper);
  await barista.post(`/staff/orders/${order.id}/claim`);
  // Half an hour passes by the browser's clock.
  await page.addInitScript(() => {
    const now = Date.now;
    Date.now = () => now() + 30 * 60_000;
  });
  await shopper.context.setOffline(true);
  await page.goBack();
  await expect(page.locator('html'), 'what was kept').toHaveAttribute('data-made', String(made));
  await expect(page.getByTestId('tracker')).not.toHaveAttribute('data-status', 'making');
  await expect(shopper.liveLine).toHaveAttribute('data-state', 'offline');
  // The hour is the store's.
  await expect(shopper.liveLine).toContainText(new Date(Number(made)).toISOString().slice(13, 19));
  await shopper.context.setOffline(false);
  await shopper.expectLive();
  await expect(page.getByTestId('tracker')).toHaveAttribute('data-status', 'making');
  await shopper.leave();
});

test('what happened to an order is asked for once at a time, and again where the answer did not come', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop);
  const { page } = shopper;
  const order = await waits(shopper);
  const barista = await bar(shop, shopper);
  let answer = () => {};
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  let [asked, open, most] = [0, 0, 0];
  await page.route('**/api/v1/orders/*/journey', async (route) => {
    asked += 1;
    open += 1;
    most = Math.max(most, open);
    const turn = asked;
    if (turn === 1) await answered;
    open -= 1;
    if (turn === 1) await route.fulfill({ json: { items: [], next: null } });
    else if (turn === 2) await route.abort();
    else await route.continue();
  });
  await barista.post(`/staff/orders/${order.id}/claim`);
  await expect(page.getByTestId('tracker')).toHaveAttribute('data-status', 'making');
  await expect.poll(() => asked).toBe(1);
  await barista.post(`/staff/orders/${order.id}/ready`);
  await expect(shopper.status).toHaveText(shopper.w('order.ready'));
  answer();
  await expect.poll(() => asked, { timeout: 30_000 }).toBeGreaterThanOrEqual(3);
  await expect(page.getByTestId('journey').getByRole('listitem', { includeHidden: true }).first()).toBeAttached();
  expect(most, 'at once').toBe(1);
  await shopper.expectSameDocument();
  await shopper.leave();
});

test('a tab that is looked at again does not wait for its turn', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop);
  await shopper.page.addInitScript(() => {
    const counted = Object.assign(window, { tries: 0 });
    window.WebSocket = class extends WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols);
        counted.tries += 1;
      }
    };
  });
  await waits(shopper);
  const look = (state: 'hidden' | 'visible') =>
    shopper.page.evaluate((visibility) => {
      Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => visibility });
      document.dispatchEvent(new Event('visibilitychange'));
    }, state);
  await look('hidden');
  await shop.kill();
  await shopper.expectPaused('live.reconnecting');
  // The connection that was, and four tries: the next one is 15 to 30 s away.
  await shopper.page.waitForFunction(() => (window as unknown as { tries: number }).tries === 5, null, { timeout: 60_000 });
  await shop.start();
  const begun = Date.now();
  await look('visible');
  await shopper.expectLive();
  expect(Date.now() - begun, 'milliseconds until the tab is live').toBeLessThan(3_000);
  await shopper.expectSameDocument();
  await shopper.leave();
});

test('a server that freezes in front of somebody who looks', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop);
  const order = await waits(shopper);
  shop.freeze();
  const begun = Date.now();
  await expect(shopper.liveLine).toHaveAttribute('data-state', 'offline', { timeout: 60_000 });
  // 15 s without a word, 5 s for an answer; the rest is a busy machine's.
  expect(Date.now() - begun, 'milliseconds until the page says so').toBeLessThan(25_000);
  await shopper.expectPaused('live.reconnecting');
  shop.thaw();
  await shopper.expectLive();
  const barista = await bar(shop, shopper);
  await barista.post(`/staff/orders/${order.id}/claim`);
  await expect(shopper.page.getByTestId('tracker')).toHaveAttribute('data-status', 'making');
  await shopper.expectSameDocument();
  await shopper.leave();
});

for (const language of LANGUAGES) {
  test(`a server that is gone leads nobody off a product's page (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.arrive(browser, shop, { language });
    const { page, w } = shopper;
    await page.goto('/s/harbor/p/flat-white');
    await shopper.expectLive();
    await page.getByRole('button', { name: w('product.more') }).click();
    await expect(page.getByRole('spinbutton')).toHaveValue('2');
    await shopper.rememberDocument();
    await shop.kill();
    await shopper.expectPaused('live.reconnecting');
    await page.getByTestId('add-to-cart').click();
    await expect(page.getByRole('alert')).toContainText(w('problem.unreachable'));
    await expect(page.getByRole('spinbutton')).toHaveValue('2');
    await shopper.expectSameDocument();
    await shop.start();
    await page.getByTestId('add-to-cart').click();
    await page.waitForURL('**/s/harbor');
    await expect(page.getByTestId('cart-bar')).toContainText('2');
    await shopper.leave();
  });
}

for (const language of LANGUAGES) {
  test(`what is added is added once, though the answer was lost (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.arrive(browser, shop, { language });
    const { page, w } = shopper;
    // The shop hears of a press, and the page nothing of it.
    const lose = () =>
      page.route(
        '**/do/cart/add',
        async (route) => {
          const answer = await route.fetch({ headers: { ...route.request().headers(), origin: shop.url } });
          expect(answer.status(), 'the shop did it').toBe(200);
          await route.abort();
        },
        { times: 1 },
      );
    const add = page.getByTestId('add-to-cart');
    const count = page.locator('.cart-bar__count');
    const pressInVain = async () => {
      await page.goto('/s/harbor/p/flat-white');
      await expect(page.getByTestId('product-form')).toHaveAttribute('data-alive', 'true');
      await lose();
      await add.click();
      await expect(page.getByRole('alert')).toHaveText(w('problem.unreachable'));
    };
    await pressInVain();
    await add.click();
    await page.waitForURL('**/s/harbor');
    await expect(count).toHaveText('1');

    await test.step('something else is said to be something else', async () => {
      await pressInVain();
      await page.getByRole('button', { name: w('product.more') }).click();
      await add.click();
      await expect(page.getByRole('alert')).toHaveText(w('problem.cart_sent_before'));
      await add.click();
      await page.waitForURL('**/s/harbor');
      await expect(count).toHaveText('4');
    });

    await test.step('what goes straight into the cart', async () => {
      await shopper.expectLive();
      const plus = page.locator('.product-card__add').first();
      await lose();
      await plus.click();
      await expect(page.getByRole('alert')).toHaveText(w('problem.unreachable'));
      await expect(count).toHaveText('4');
      await plus.click();
      await expect(count).toHaveText('5');
      await expect(page.getByRole('alert')).toHaveCount(0);
      // Pressed on purpose.
      await plus.click();
      await expect(count).toHaveText('6');
    });
    await shopper.leave();
  });
}

test('a message about a menu that there is not', async ({ browser }) => {
  const broker = await Mosquitto.open();
  const shop = await Orderly.open({ MQTT_URL: broker.url });
  const shopper = await Shopper.arrive(browser, shop);
  const menu = '/api/v1/stores/harbor/menu';
  const { version } = (await (await fetch(`${shop.url}${menu}`)).json()) as { version: number };
  const asked: number[] = [];
  shopper.page.on('request', (request) => {
    if (new URL(request.url()).pathname === menu) asked.push(Date.now());
  });
  await shopper.page.goto('/s/harbor');
  const event = {
    specversion: '1.0',
    id: '01890000-0000-7000-8000-000000000000',
    source: '/stores/harbor',
    type: 'live.menu.v1',
    subject: 'harbor',
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    sequence: '0'.repeat(2) + '9'.repeat(18),
    data: { version: version + 2_000, since: version + 1_000, changed: [] },
  };
  await broker.publish('v1/stores/harbor/menu', JSON.stringify(event));
  // The menu is asked for soon, and then, as it does not come as new as that, not at that pace.
  await expect.poll(() => asked.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(2);
  const [first, second] = asked as [number, number];
  expect(second - first).toBeGreaterThan(4_500);
  await shopper.leave();
  await shop.close();
  await broker.close();
});

test('two processes behind one broker', async ({ browser }) => {
  const [broker, postgres] = [await Mosquitto.open(), await Postgres.open()];
  const settings = { MQTT_URL: broker.url, DATABASE_URL: postgres.url };
  const [one, two] = [await Orderly.open(settings), await Orderly.open(settings)];
  const shopper = await Shopper.arrive(browser, two);
  const order = await waits(shopper);
  const barista = await bar(one, shopper);
  await barista.post(`/staff/orders/${order.id}/claim`);
  await expect(shopper.page.getByTestId('tracker')).toHaveAttribute('data-status', 'making');
  // The process that told all of it dies; the other one goes on telling.
  await one.kill();
  const other = await bar(two, shopper);
  await other.post(`/staff/orders/${order.id}/ready`);
  await expect(shopper.status).toHaveText(shopper.w('order.ready'));
  await shopper.expectSameDocument();
  await shopper.leave();
  await one.close();
  await two.close();
  await postgres.close();
  await broker.close();
});
