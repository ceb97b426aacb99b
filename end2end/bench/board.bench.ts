// A board with 200 tickets: how soon a change is painted, whether anything else moves, and how smoothly what moves does.
import { expect, test } from '@playwright/test';
import { Api } from '../tests/support/api';
import { Barista } from '../tests/support/barista';
import { Orderly } from '../tests/support/orderly';
import { Shopper } from '../tests/support/shopper';
import { note, print, quantile } from './figures';

const WITHOUT_LIMITS = { ORDERLY_LIMITS: 'off', RUST_LOG: 'warn' };
const TICKETS = 200;
const MOVES = 30;
/** A frame of a screen with 60 of them a second, and what its clock is off by. */
const FRAME = 17.5;

interface Told {
  paints: number[];
  shifts: number;
  frames: number[];
}

test.afterAll(print);

test('a board with 200 tickets', async ({ browser }) => {
  const shop = await Orderly.open(WITHOUT_LIMITS);
  const shopper = await Shopper.arrive(browser, shop);
  await shopper.page.goto('/s/harbor');
  const manager = new Api(shopper.context.request, shop.url, await shop.token('manager', 'harbor'));
  await manager.patch('/staff/stores/harbor/settings', { capacity: null, barista_seconds: 7200 });
  const staff = new Api(shopper.context.request, shop.url, await shop.token('barista', 'harbor'));
  const orders: string[] = [];
  for (let order = 0; order < TICKETS; order += 1) orders.push((await shopper.api.orderCoffee()).id);
  // A third of them at work, a third at the counter.
  for (const id of orders.slice(0, 134)) await staff.post(`/staff/orders/${id}/claim`);
  for (const id of orders.slice(0, 67)) await staff.post(`/staff/orders/${id}/ready`);

  const barista = await Barista.atBoard(browser, shop);
  const { page } = barista;
  await expect(page.getByTestId('ticket')).toHaveCount(TICKETS);
  await page.evaluate(() => {
    const told: Told = { paints: [], shifts: 0, frames: [] };
    Object.assign(window, { told });
    // From the message's arrival, before the page reads it, to the frame after the one that shows it.
    let came = 0;
    const data = Object.getOwnPropertyDescriptor(MessageEvent.prototype, 'data');
    Object.defineProperty(MessageEvent.prototype, 'data', {
      ...data,
      get(this: MessageEvent) {
        const value: unknown = data?.get?.call(this);
        if (value instanceof ArrayBuffer && value.byteLength > 10_000) came = this.timeStamp;
        return value;
      },
    });
    // How the cards move is noted as they set off: a document that is asked draws everything to answer.
    let slides: Animation[] = [];
    const animate = Element.prototype.animate;
    Element.prototype.animate = function (...how) {
      const slide = animate.apply(this, how);
      slides.push(slide);
      return slide;
    };
    new MutationObserver((changes) => {
      const tickets = changes.some(({ addedNodes }) => [...addedNodes].some((node) => node instanceof Element && node.matches('.ticket')));
      if (!tickets || came === 0) return;
      const since = came;
      came = 0;
      slides = slides.filter((slide) => slide.playState === 'running');
      requestAnimationFrame(() => {
        // A task after the frame: it has been painted.
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => told.paints.push(performance.now() - since);
        port2.postMessage(null);
      });
      // From the first frame of the cards that move to their last: what is drawn before and after is not of their motion.
      const moving = () => slides.some((slide) => slide.playState === 'running' && !slide.pending);
      let last = 0;
      const end = performance.now() + 300;
      const frame = (now: number) => {
        const moves = moving();
        if (moves && last > 0) told.frames.push(now - last);
        last = moves ? now : 0;
        if (moves || performance.now() < end) requestAnimationFrame(frame);
      };
      requestAnimationFrame(frame);
    }).observe(document.querySelector('.board') ?? document.body, { childList: true, subtree: true });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) told.shifts += (entry as unknown as { value: number }).value;
    }).observe({ type: 'layout-shift', buffered: false });
  });
  const told = () => page.evaluate(() => (window as unknown as { told: Told }).told);
  for (let move = 0; move < MOVES; move += 1) {
    // The first of its lane, where all see it: every card below it moves up.
    await staff.post(`/staff/orders/${orders[134 + move]}/claim`);
    await expect.poll(async () => (await told()).paints.length, { intervals: [50] }).toBeGreaterThan(move);
    await page.waitForTimeout(350);
  }
  expect((await told()).frames.length, 'cards have moved').toBeGreaterThan(MOVES);
  const { paints, shifts, frames } = await told();
  note('board of 200: message to paint, 95th percentile', quantile(paints, 0.95), 'ms', { atMost: 50 });
  note('board of 200: cumulative layout shift', shifts, '', { atMost: 0.001 });
  note('board of 200: frames while cards move, 95th percentile', quantile(frames, 0.95), 'ms', { atMost: FRAME });
  await shopper.leave();
  await barista.leave();
  await shop.close();
});
