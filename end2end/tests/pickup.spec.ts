// Waiting for an order and fetching it: the place in the queue as others move, being told, and the ticket that a kiosk reads.
import { expectAccessible } from './support/access';
import { Api, type Order } from './support/api';
import { Barista } from './support/barista';
import { expect, test } from './support/journey';
import { Shopper } from './support/shopper';
import { LANGUAGES } from './support/words';

interface Told {
  notes: number;
  asked: number;
  /** What keeps the screen on. */
  locks: number;
  notices: [string, string][];
}

/** A browser whose bell and notices are written down; its user says yes. */
function listening(): void {
  const told: Told = { notes: 0, asked: 0, locks: 0, notices: [] };
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (when) {
    told.notes += 1;
    start.call(this, when);
  };
  class Notices {
    static permission = 'default';
    static async requestPermission(): Promise<string> {
      told.asked += 1;
      Notices.permission = 'granted';
      return Notices.permission;
    }
    constructor() {
      // As on Android.
      throw new TypeError('Illegal constructor. Use ServiceWorkerRegistration.showNotification() instead.');
    }
  }
  ServiceWorkerRegistration.prototype.showNotification = async (title, options) => {
    told.notices.push([title, options?.body ?? '']);
  };
  Object.assign(window, { told, Notification: Notices });
  const request = async () => {
    told.locks += 1;
    return Object.assign(new EventTarget(), { release: async () => void (told.locks -= 1) });
  };
  Object.defineProperty(navigator, 'wakeLock', { value: { request } });
}

for (const language of LANGUAGES) {
  test(`told when it is ready, and fetched at the scanner (${language})`, async ({ browser, shop }) => {
    const barista = await Barista.atBoard(browser, shop);
    const manager = new Api(barista.context.request, shop.url, await shop.token('manager', 'harbor'));
    await manager.post('/staff/stores/harbor/kiosks', { id: 'counter-1' });
    const { token } = await shop.json<{ token: string }>('token', 'issue', '--role', 'kiosk', '--kiosk', 'counter-1');
    const kiosk = new Api(barista.context.request, shop.url, token);

    const shopper = await Shopper.arrive(browser, shop, { language });
    const { page, w } = shopper;
    await page.addInitScript(listening);
    await page.goto('/s/harbor');
    await shopper.chooseProduct();
    await shopper.addWithOat();
    const number = await shopper.placeOrder();
    await expect(shopper.status).toHaveText(w('order.queued'));
    const told = (): Promise<Told> => page.evaluate(() => (window as unknown as { told: Told }).told);
    expect((await told()).asked, 'nothing is asked by itself').toBe(0);
    const picture = page.getByTestId('pickup-ticket');
    await expect(picture).toBeHidden();
    await page.getByText(w('order.ticket'), { exact: true }).click();
    await expect(picture).toBeVisible();
    await expect.poll(async () => (await told()).locks, 'the screen stays on while it is shown').toBe(1);
    await page.getByText(w('order.ticket'), { exact: true }).click();
    await expect.poll(async () => (await told()).locks).toBe(0);
    await page.getByTestId('tell-me').click();
    await expect(page.getByTestId('tell-me')).toHaveText(w('order.tell_on'));
    expect((await told()).asked).toBe(1);
    await expectAccessible(page, 'the order, with the bell on');

    await barista.button(number, 'board.claim').click();
    await expect(shopper.status).toHaveText(w('order.making_by', { name: 'Kim' }));
    // They look at something else meanwhile.
    await page.evaluate(() => Object.defineProperty(document, 'visibilityState', { get: () => 'hidden', configurable: true }));
    await barista.button(number, 'board.ready_verb').click();
    await expect(shopper.status).toHaveText(w('order.ready'));
    await expect(page).toHaveTitle(/^✓ /);
    const notice = [w('order.ready'), w('order.ready_notice', { number })];
    await expect.poll(async () => (await told()).notices).toEqual([notice]);
    expect(await told()).toMatchObject({ notes: 4, asked: 1 });
    await expect(picture).toBeVisible();
    const box = await picture.boundingBox();
    expect(box?.width, 'as large as a phone of 390 allows').toBeGreaterThan(350);
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await page.getByTestId('pickup').evaluate((element) => getComputedStyle(element).backgroundColor), 'bright at night, too').toMatch(/oklch\(1 0 0\)|rgb\(255, 255, 255\)/);
    await page.emulateMedia({ colorScheme: null });
    await expectAccessible(page, 'the ticket of an order that is ready');

    const ticket = (await picture.getAttribute('data-ticket')) ?? '';
    expect((await kiosk.post<Order>('/kiosks/counter-1/collect', { ticket })).status).toBe('fulfilled');
    await expect(shopper.status).toHaveText(w('order.collected'));
    await expect(picture).toBeHidden();
    await expect(barista.page.getByTestId('ticket')).toHaveCount(0);
    await shopper.openJourney();
    await expect(shopper.journey).toContainText(w('order.by_kiosk', { kiosk: 'counter-1' }));
    await shopper.leave();
    await barista.leave();
  });
}

test('a place in the queue moves when others do', async ({ browser, shop }) => {
  const others = await Shopper.atMenu(browser, shop);
  const barista = await others.colleague();
  const before = [await others.api.orderCoffee(), await others.api.orderCoffee(), await others.api.orderCoffee()];
  const shopper = await Shopper.atCheckout(browser, shop);
  const { page, w } = shopper;
  await shopper.placeOrder();
  const place = page.getByText(w('order.place_in_queue'), { exact: true }).locator('..').getByRole('definition');
  await expect(place).toHaveText('4');
  await expect(page).toHaveTitle(/^\(4\) /);
  await shopper.expectLive();
  await shopper.rememberDocument();

  // Claimed, out of turn, and called off: each of them is one less.
  await barista.post(`/staff/orders/${before[1]?.id}/claim`);
  await expect(place).toHaveText('3');
  await barista.post(`/staff/orders/${before[0]?.id}/cancel`);
  await expect(place).toHaveText('2');
  // What goes back to the queue goes back to its place.
  await barista.post(`/staff/orders/${before[1]?.id}/release`);
  await expect(place).toHaveText('3');
  await barista.post(`/staff/orders/${before[1]?.id}/claim`);
  await barista.post(`/staff/orders/${before[1]?.id}/ready`);
  await barista.post(`/staff/orders/${before[2]?.id}/claim`);
  await expect(place).toHaveText(w('order.next_in_line'));
  await expect(page).toHaveTitle(/^\(1\) /);
  // By the pace of the one that was made.
  await expect(page.getByText(w('order.ready_at'), { exact: true })).toBeVisible();
  await shopper.expectSameDocument();
  await shopper.leave();
  await others.leave();
});
