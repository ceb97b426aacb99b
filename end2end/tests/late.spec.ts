// Parts of a page are loaded when they are needed, and may come alive at any moment of the connection.
import { Api } from './support/api';
import { heldBack } from './support/held-back';
import { expect, test } from './support/journey';
import { Shopper } from './support/shopper';
import { LANGUAGES } from './support/words';

test('a form that comes alive while the server still thinks hears of a new price', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop);
  const { page } = shopper;
  let asked = () => {};
  const menuIsAskedFor = new Promise<void>((resolve) => {
    asked = resolve;
  });
  await page.routeWebSocket('**/mqtt', (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((message) => {
      if (message.toString().includes('/menu')) asked();
      server.send(message);
    });
    // Not even that the connection is accepted is told before.
    server.onMessage(async (message) => {
      await menuIsAskedFor;
      socket.send(message);
    });
  });
  await page.goto('/s/harbor/p/flat-white');
  await expect(page.getByTestId('add-to-cart')).toContainText('$4.50');
  await menuIsAskedFor;
  const manager = new Api(shopper.context.request, shop.url, await shop.token('manager', 'harbor'));
  await manager.put('/staff/products/flat-white/variants/flat-white-regular/prices', [{ amount: 480 }]);
  await expect(page.getByTestId('add-to-cart')).toContainText('$4.80');
  await shopper.leave();
});

for (const language of LANGUAGES) {
  test(`a page that never comes alive says so, works, and promises nothing (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.arrive(browser, shop, { language });
    const { page, w } = shopper;
    await page.route('**/*.wasm', (route) => route.abort());
    const still = page.locator('.live-line[data-state="offline"]');
    for (const path of ['/s/harbor', '/s/harbor/p/flat-white']) {
      await page.goto(path);
      await expect(still).toHaveText(w('live.no_scripts'));
      await expect(still).toBeInViewport({ ratio: 1 });
    }
    await expect(page.getByTestId('add-to-cart').locator('data'), 'the price would stay that of the first choice').toBeHidden();
    await expect(page.getByRole('button', { name: w('product.more') })).toBeDisabled();
    await shopper.addWithOat();
    // What did not come is in the console, as it should be.
    await shopper.context.close();
  });
}

test("what a stranger's script leaves behind does not keep a page from coming alive", async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop);
  const { page, w } = shopper;
  const goOn = await heldBack(page, '**/*.wasm');
  await page.goto('/s/harbor/p/flat-white');
  await page.evaluate(() => {
    for (const reason of ['no wallet', 'no account']) {
      dispatchEvent(new PromiseRejectionEvent('unhandledrejection', { promise: Promise.resolve(), reason }));
    }
  });
  const still = page.locator('.live-line[data-state="offline"]');
  await expect(still).toHaveText([w('live.no_scripts')]);
  await expect(still).toBeInViewport({ ratio: 1 });
  await expect(shopper.liveLine).toBeHidden();

  goOn();
  await shopper.expectLive();
  await expect(page.locator('.live-line')).toHaveCount(1);
  // The form comes after the line.
  await page.getByRole('button', { name: w('product.more') }).click();
  await expect(page.getByRole('spinbutton')).toHaveValue('2');
  await shopper.leave();
});

/** What an island is made of: its part, the parts that it shares, and the packs of small ones. */
const PARTS = /\/(split|chunk|pack)_[^/]*$/;

test('parts that fail to load are asked for again until they come', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop);
  const { page } = shopper;
  await page.goto('/s/harbor');
  const order = await shopper.api.orderCoffee();
  const asked = new Map<string, number>();
  await page.route(PARTS, async (route) => {
    const url = route.request().url();
    const times = (asked.get(url) ?? 0) + 1;
    asked.set(url, times);
    if (times < 3) await route.abort('connectionreset');
    else await route.continue();
  });
  await page.goto(`/orders/${order.id}`);
  await shopper.expectLive();
  await page.goto('/s/harbor/p/flat-white');
  await expect(page.getByTestId('product-form')).toHaveAttribute('data-alive', 'true');
  expect(Math.max(...asked.values()), 'asked for until they came').toBeGreaterThan(2);
  await shopper.leave();
});

test('the module itself is asked for again until it comes', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop);
  const { page } = shopper;
  let asked = 0;
  await page.route(/\/orderly\.[^/]*\.wasm$/, async (route) => {
    asked += 1;
    if (asked < 3) await route.abort();
    else await route.continue();
  });
  await page.goto('/s/harbor');
  await shopper.expectLive();
  expect(asked).toBe(3);
  await shopper.leave();
});

for (const language of LANGUAGES) {
  for (const script of ['orderly', '__wasm_split']) {
    test(`a page whose script ${script} does not come says so, and asks for it until it does (${language})`, async ({ browser, shop }) => {
      const shopper = await Shopper.arrive(browser, shop, { language });
      const { page, w } = shopper;
      const file = new RegExp(`/${script}\\.[^/]*\\.js$`);
      let asked = 0;
      await page.route(file, (route) => {
        asked += 1;
        return route.abort();
      });
      await page.goto('/s/harbor/p/flat-white');
      await shopper.rememberDocument();
      const still = page.locator('.live-line[data-state="offline"]');
      await expect(still).toHaveText([w('live.no_scripts')]);
      await expect(still).toBeInViewport({ ratio: 1 });
      await expect.poll(() => asked, 'asked for again').toBeGreaterThan(2);
      await page.unroute(file);
      await shopper.expectLive();
      await expect(page.locator('.live-line')).toHaveCount(1);
      await expect(page.getByTestId('product-form')).toHaveAttribute('data-alive', 'true');
      await shopper.expectSameDocument();
      await shopper.leave();
    });
  }
}

for (const language of LANGUAGES) {
  test(`a page whose parts do not come says so until they do (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.arrive(browser, shop, { language });
    const { page, w } = shopper;
    await page.goto('/s/harbor');
    const order = await shopper.api.orderCoffee();
    await page.goto('/s/harbor/p/flat-white');
    await shopper.addWithOat();
    const still = page.locator('.live-line[data-state="offline"]');
    for (const path of [`/orders/${order.id}`, '/orders', '/s/harbor/checkout']) {
      await page.route(PARTS, (route) => route.abort());
      await page.goto(path);
      await expect(still).toHaveText([w('live.no_scripts')]);
      await expect(still).toBeInViewport({ ratio: 1 });
      await expect(shopper.liveLine).toBeHidden();
      await page.unroute(PARTS);
      await shopper.expectLive();
      await expect(page.locator('.live-line')).toHaveCount(1);
    }
    await shopper.leave();
  });
}

test('what is pressed twice before the page is alive is done once', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop);
  const { page } = shopper;
  await page.goto('/s/harbor');
  await page.route('**/*.wasm', (route) => route.abort());
  let asked = 0;
  let done = () => {};
  const isDone = new Promise<void>((resolve) => {
    done = resolve;
  });
  let goOn = () => {};
  const mayAnswer = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  // The shop has done it, and its answer takes a while.
  await page.route('**/do/cart/add', async (route) => {
    asked += 1;
    const answer = await route.fetch({ headers: { ...route.request().headers(), origin: shop.url }, maxRedirects: 0 });
    done();
    await mayAnswer;
    await route.fulfill({ response: answer });
  });
  await page.goto('/s/harbor/p/flat-white');
  const add = page.getByTestId('add-to-cart');
  // While another page is on its way, nobody may look at this one: it tells by itself.
  const seen: (string | null)[] = [];
  await page.exposeFunction('told', (busy: string | null) => seen.push(busy));
  await add.evaluate((button) => {
    const tell = () => (window as unknown as { told(busy: string | null): void }).told(button.getAttribute('aria-busy'));
    new MutationObserver(tell).observe(button, { attributeFilter: ['aria-busy'] });
  });
  await add.focus();
  // By keyboard, which a button at work hears as well.
  await page.keyboard.press('Enter');
  await isDone;
  await expect.poll(() => seen).toEqual(['true']);
  await page.keyboard.press('Enter');
  goOn();
  await page.waitForURL('**/s/harbor');
  await expect(page.locator('.cart-bar__count')).toHaveText('1');
  expect(asked).toBe(1);

  await test.step('pressed once more on purpose, it is another', async () => {
    await page.goBack();
    await expect(add).not.toHaveAttribute('aria-busy', 'true');
    await add.press('Enter');
    await page.waitForURL('**/s/harbor');
    await expect(page.locator('.cart-bar__count')).toHaveText('2');
  });
  await shopper.leave();
});
