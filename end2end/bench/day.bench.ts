// A day of the boards: screens that are open from the first order to the last, and a room full of people who wait.
import type { Browser, CDPSession, Locator, Page } from '@playwright/test';
import { expect, test } from '@playwright/test';
import { Api, type Order } from '../tests/support/api';
import { Barista } from '../tests/support/barista';
import { Orderly } from '../tests/support/orderly';
import { Shopper } from '../tests/support/shopper';
import { Visitor } from '../tests/support/visitor';
import { Browsers } from './browsers';
import { note, print, quantile } from './figures';

// The load of a measurement would otherwise meet the limits that protect a real shop.
const WITHOUT_LIMITS = { ORDERLY_LIMITS: 'off', RUST_LOG: 'warn' };
/** Orders of a day, in four parts. */
const DAY = Number(process.env.ORDERLY_DAY ?? 2_000);
/** Tickets that stand on the board all day, so that what is measured shows as many each time. */
const STANDING = 12;

test.afterAll(print);

/** The wall of a new kiosk of the harbour. */
async function wall(browser: Browser, shop: Orderly, manager: Api): Promise<Visitor> {
  await manager.post('/staff/stores/harbor/kiosks', { id: 'counter-1' });
  const { token } = await shop.json<{ token: string }>('token', 'issue', '--role', 'kiosk', '--kiosk', 'counter-1');
  const visitor = await Visitor.arrive(browser, shop, { viewport: { width: 1920, height: 1080 } });
  await visitor.context.addCookies([{ name: 'orderly_session', value: token, url: shop.url }]);
  await visitor.page.goto('/kiosk/counter-1');
  await visitor.expectLive();
  return visitor;
}

interface Held {
  /** Kilobytes of JavaScript's objects, and of what they hold outside of its heap, such as wasm's memory. */
  heap: number;
  outside: number;
  nodes: number;
  listeners: number;
}

/** Looks at what a page holds once everything that nobody needs any more is thrown away, and nothing is on its way out. */
async function look(page: Page, devtools: CDPSession): Promise<Held> {
  await page.evaluate(async () => {
    const ends = document.getAnimations().filter(({ effect }) => effect?.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(ends.map(({ finished }) => finished));
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  });
  // Some things are let go only when others are.
  for (let time = 0; time < 3; time += 1) await devtools.send('HeapProfiler.collectGarbage');
  const { nodes, jsEventListeners } = await devtools.send('Memory.getDOMCounters');
  const usage = await devtools.send('Runtime.getHeapUsage');
  return { heap: usage.usedSize / 1024, outside: usage.backingStorageSize / 1024, nodes, listeners: jsEventListeners };
}

/** The same where it held the fewest nodes of five looks: the browser itself holds a ticket that has just gone for a moment or two, what
 * leaks is there at every look. */
async function held(page: Page, devtools: CDPSession): Promise<Held> {
  let least = await look(page, devtools);
  for (let time = 1; time < 5; time += 1) {
    const now = await look(page, devtools);
    if (now.nodes < least.nodes) least = now;
  }
  return least;
}

interface Ticket {
  number: number;
  placed_at: string;
  since: string;
}
interface Queue {
  lanes: Record<'queued' | 'making' | 'ready', Ticket[]>;
}

/** The numbers that a list shows, in its order. */
async function numbers(items: Locator): Promise<number[]> {
  return (await items.allTextContents()).map((text) => Number(/\d+/.exec(text)?.[0]));
}

test(`a day of ${DAY} orders on the board and on the wall`, async ({ browser, playwright }) => {
  test.setTimeout(1_800_000);
  const shop = await Orderly.open(WITHOUT_LIMITS);
  const request = await playwright.request.newContext();
  const manager = new Api(request, shop.url, await shop.token('manager', 'harbor'));
  const barista = await Barista.atBoard(browser, shop);
  const screen = await wall(browser, shop, manager);
  const shopper = await Shopper.arrive(browser, shop);
  await shopper.page.goto('/s/harbor');
  const standing: Order[] = [];
  for (let time = 0; time < STANDING; time += 1) standing.push(await shopper.api.orderCoffee());
  await shopper.page.goto('about:blank');
  await barista.rememberDocument();
  await screen.rememberDocument();

  const pages: [string, Page][] = [
    ['board', barista.page],
    ['wall', screen.page],
  ];
  const quarters: Held[][] = [];
  for (let quarter = 1; quarter <= 4; quarter += 1) {
    const robots = ['--orders', String(DAY / 4), '--speed', '500', '--baristas', '12', '--seed', String(quarter), '--url', shop.url];
    const told = await shop.json<{ orders: number; collected: number; cancelled: number }>('robot', '--store', 'harbor', ...robots);
    expect(told.collected + told.cancelled, 'every order came to its end').toBe(DAY / 4);
    await expect(barista.page.getByTestId('ticket')).toHaveCount(STANDING);
    await expect(screen.page.getByTestId('kiosk-ready').getByRole('listitem')).toHaveCount(0);
    const measured: Held[] = [];
    for (const [, page] of pages) {
      const devtools = await page.context().newCDPSession(page);
      measured.push(await held(page, devtools));
      await devtools.detach();
    }
    quarters.push(measured);
    console.log(`quarter ${quarter}:`, pages.map(([what], n) => `${what} ${JSON.stringify(measured[n])}`).join(' '));
  }
  for (const [n, [what]] of pages.entries()) {
    const [first, last] = [quarters[0]?.[n], quarters[3]?.[n]];
    if (first === undefined || last === undefined) throw new Error('a quarter was not measured');
    const share = (of: keyof Held) => (100 * last[of]) / Math.max(1, first[of]);
    note(`${what}: JavaScript heap, last quarter of the day to the first`, share('heap'), '%', { atMost: 105 });
    note(`${what}: memory outside the heap, likewise`, share('outside'), '%', { atMost: 105 });
    note(`${what}: DOM nodes, likewise`, share('nodes'), '%', { atMost: 102 });
    note(`${what}: listeners, likewise`, share('listeners'), '%', { atMost: 102 });
  }

  // Nothing is missing at the end: some stand in each lane, and every screen shows what the API says.
  for (const { id } of standing.slice(0, 5)) await manager.post(`/staff/orders/${id}/claim`);
  for (const { id } of standing.slice(0, 3)) await manager.post(`/staff/orders/${id}/ready`);
  const { lanes } = await manager.get<Queue>('/staff/stores/harbor/queue');
  for (const lane of ['queued', 'making', 'ready'] as const) {
    const shown = barista.page.getByTestId(`l-${lane}`).getByTestId('ticket').getByRole('heading', { level: 3 });
    await expect.poll(() => numbers(shown), lane).toEqual(lanes[lane].map(({ number }) => number));
  }
  const preparing = [...lanes.queued, ...lanes.making].sort((one, other) => one.placed_at.localeCompare(other.placed_at) || one.number - other.number);
  const ready = lanes.ready.toSorted((one, other) => other.since.localeCompare(one.since));
  const called = (lane: string) => screen.page.getByTestId(`kiosk-${lane}`).getByRole('listitem').locator('strong');
  await expect.poll(() => numbers(called('ready'))).toEqual(ready.map(({ number }) => number));
  await expect.poll(() => numbers(called('preparing'))).toEqual(preparing.map(({ number }) => number));
  await barista.expectSameDocument();
  await screen.expectSameDocument();
  await shopper.leave();
  await barista.leave();
  await screen.leave();
  await request.dispose();
  await shop.close();
});

/** When something on a page changes so that it holds this text, by the clock that the server reads, too. */
async function whenItSays(page: Page, testId: string, words: string): Promise<() => Promise<number>> {
  await page.evaluate(
    ({ testId, words }) => {
      const element = document.querySelector(`[data-testid="${testId}"]`);
      if (element === null) throw new Error(`no ${testId} on the page`);
      const changed = new Promise<number>((resolve) => {
        const look = () => {
          if (element.textContent?.includes(words)) resolve(performance.timeOrigin + performance.now());
        };
        new MutationObserver(look).observe(element, { subtree: true, childList: true, characterData: true });
      });
      Object.assign(window, { changed });
    },
    { testId, words },
  );
  return () => page.evaluate(() => (window as unknown as { changed: Promise<number> }).changed);
}

test('from ready to the wall and the phone, with 500 other browsers', async ({ browser, playwright }) => {
  const shop = await Orderly.open(WITHOUT_LIMITS);
  const request = await playwright.request.newContext();
  const manager = new Api(request, shop.url, await shop.token('manager', 'harbor'));
  const screen = await wall(browser, shop, manager);
  const shopper = await Shopper.arrive(browser, shop);
  await shopper.page.goto('/s/harbor');
  const others = await Browsers.open(shop.url, 'harbor', 500);
  const waits: number[] = [];
  for (let time = 0; time < 100; time += 1) {
    const order = await shopper.api.orderCoffee();
    await shopper.page.goto(`/orders/${order.id}`);
    await shopper.expectLive();
    await manager.post(`/staff/orders/${order.id}/claim`);
    await expect(shopper.page.getByTestId('tracker')).toHaveAttribute('data-status', 'making');
    const phone = await whenItSays(shopper.page, 'order-status', shopper.w('order.ready'));
    const onTheWall = await whenItSays(screen.page, 'kiosk-ready', String(order.number));
    const before = others.heard;
    await manager.post(`/staff/orders/${order.id}/ready`);
    const shown = Math.max(await phone(), await onTheWall());
    const { items } = await manager.get<{ items: { type: string; at: string }[] }>(`/orders/${order.id}/journey?limit=200`);
    const ready = items.find(({ type }) => type === 'prep.ready.v1');
    if (ready === undefined) throw new Error('the journey has no prep.ready');
    waits.push(shown - Date.parse(ready.at));
    expect(others.heard, 'the others are told, too').toBeGreaterThan(before);
    await manager.post(`/staff/orders/${order.id}/collect`);
    await expect(screen.page.getByTestId('kiosk-ready').getByRole('listitem')).toHaveCount(0);
  }
  expect(others.connected, 'all of them stayed').toBe(500);
  note('ready to wall and phone beside 500 browsers, median of 100', quantile(waits, 0.5), 'ms', { atMost: 150 });
  note('ready to wall and phone beside 500 browsers, 95th percentile', quantile(waits, 0.95), 'ms', { atMost: 150 });
  others.close();
  await shopper.leave();
  await screen.leave();
  await request.dispose();
  await shop.close();
});
