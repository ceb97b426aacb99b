// The scanner at the counter: a real ticket before a camera, and a reader that types.
import type { Browser } from '@playwright/test';
import { expectAccessible } from './support/access';
import { Api } from './support/api';
import { Barista } from './support/barista';
import { Eye } from './support/eye';
import { expect, test } from './support/journey';
import type { Orderly } from './support/orderly';
import { Shopper } from './support/shopper';
import { type Likes, Visitor } from './support/visitor';
import { LANGUAGES } from './support/words';

interface Ticket {
  ticket: string;
}

/** A new kiosk of the harbour, and a browser that is its scanner. */
async function scanner(browser: Browser, shop: Orderly, manager: Api, likes: Likes = {}): Promise<Visitor> {
  const { code } = await manager.post<{ code: string }>('/staff/stores/harbor/kiosks', { id: 'counter-1' });
  const visitor = await Visitor.arrive(browser, shop, { viewport: { width: 1024, height: 768 }, ...likes });
  await visitor.page.goto('/kiosk/counter-1/scan');
  await visitor.page.getByLabel(visitor.w('kiosk.pair_code')).fill(code);
  await visitor.page.getByTestId('pair-form').getByRole('button').click();
  await visitor.page.waitForURL('**/kiosk/counter-1/scan');
  return visitor;
}

test('a phone is held to the camera, which opens by itself and is found again', async ({ browser, shop }) => {
  const barista = await Barista.atBoard(browser, shop);
  const manager = new Api(barista.context.request, shop.url, await shop.token('manager', 'harbor'));
  const shopper = await Shopper.atCheckout(browser, shop);
  const number = await shopper.placeOrder();
  await barista.button(number, 'board.claim').click();
  await barista.button(number, 'board.ready_verb').click();
  await expect(shopper.status).toHaveText(shopper.w('order.ready'));
  const eye = await Eye.that(shopper.page);
  const desk = await scanner(eye.browser, shop, manager, { permissions: ['camera'] });
  const { page, w } = desk;
  await desk.expectLive();
  // Nobody has pressed anything: it was allowed before.
  await expect(page.getByTestId('scanned')).toHaveAttribute('data-outcome', 'go');
  await expect(page.getByTestId('scanned-number')).toHaveText(number);
  await expect(page.getByTestId('scanned')).toContainText(w('scanner.handed'));
  await expect(shopper.status).toHaveText(shopper.w('order.collected'));
  await expect(barista.page.getByTestId('ticket')).toHaveCount(0);

  // Somebody pulls its plug, and puts it in again.
  const camera = page.getByTestId('camera');
  await expect(camera).toBeVisible();
  await camera.evaluate((video: HTMLVideoElement) => (video.srcObject as MediaStream).getTracks().forEach((track) => track.stop()));
  await expect(page.getByTestId('camera-problem')).toHaveText(w('scanner.camera_lost'));
  await expect(camera).toBeVisible();
  await expect(page.getByTestId('camera-problem')).toHaveCount(0);
  // After a power cut nobody is there to press.
  await page.reload();
  await expect(camera).toBeVisible();
  // Not `leave`: the page was 401 before the screen was paired, which the console tells.
  await desk.context.close();
  await eye.close();
  await shopper.leave();
  await barista.leave();
});

test('a reader that types is heard whatever was pressed, and keeps those apart who are quick', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop);
  const manager = new Api(shopper.context.request, shop.url, await shop.token('manager', 'harbor'));
  await shopper.page.goto('/s/harbor');
  const orders = [await shopper.api.orderCoffee(), await shopper.api.orderCoffee(), await shopper.api.orderCoffee()];
  const tickets = await Promise.all(orders.map(({ id }) => shopper.api.get<Ticket>(`/orders/${id}/ticket`)));
  const [first, second, third] = tickets.map(({ ticket }) => ticket) as [string, string, string];
  for (const { id } of orders.slice(0, 2)) {
    await manager.post(`/staff/orders/${id}/claim`);
    await manager.post(`/staff/orders/${id}/ready`);
  }
  await manager.post(`/staff/orders/${orders[2]?.id}/cancel`);
  const desk = await scanner(browser, shop, manager);
  const { page, w } = desk;
  await desk.expectLive();
  const scanned = page.getByTestId('scanned');
  const read = async (text: string) => {
    await page.keyboard.type(text);
    await page.keyboard.press('Enter');
  };
  // Somebody has touched the button, and then the keyboard has gone to another one.
  const go = page.getByRole('button', { name: w('scanner.go') });
  await go.click();
  await expect(page.getByLabel(w('scanner.field'), { exact: true })).toBeFocused();
  await page.getByTestId('open-camera').focus();
  // The first one is still being asked for when the second is read.
  let asked = () => {};
  const held = new Promise<void>((resolve) => (asked = resolve));
  await page.route('**/collect', async (route) => {
    await held;
    await route.continue();
  });
  await read(first);
  await go.focus();
  await read(second);
  await read(second.toLowerCase());
  asked();
  await expect(page.getByTestId('scanned-number')).toHaveText(String(orders[0]?.number));
  await expect(page.getByTestId('scanned-number')).toHaveText(String(orders[1]?.number));
  for (const { id } of orders.slice(0, 2)) {
    await shopper.api.orderWhen(id, (order) => order.status === 'fulfilled');
  }
  await expect(scanned).toHaveAttribute('data-outcome', 'none', { timeout: 10_000 });

  await read(third);
  await expect(scanned).toContainText(w('scanner.cancelled'));
  await expect(scanned).toHaveAttribute('data-outcome', 'stop');
  await expectAccessible(page, 'the scanner with a cancelled order');
  // The refusals are in the console, as they should be.
  await desk.context.close();
  await shopper.leave();
});

for (const language of LANGUAGES) {
  test(`a reader that types (${language})`, async ({ browser, shop }) => {
    const barista = await Barista.arrive(browser, shop);
    const manager = new Api(barista.context.request, shop.url, await shop.token('manager', 'harbor'));
    const shopper = await Shopper.arrive(browser, shop);
    await shopper.page.goto('/s/harbor');
    const order = await shopper.api.orderCoffee();
    const { ticket } = await shopper.api.get<Ticket>(`/orders/${order.id}/ticket`);
    const desk = await scanner(browser, shop, manager, { language });
    const { page, w } = desk;
    await desk.expectLive();
    await expectAccessible(page, 'the scanner');
    const scanned = page.getByTestId('scanned');
    const read = async (text: string) => {
      await page.keyboard.type(text);
      await page.keyboard.press('Enter');
    };

    await read(ticket.toLowerCase());
    await expect(scanned).toContainText(w('scanner.not_ready'));
    await expect(scanned).toHaveAttribute('data-outcome', 'wait');
    await expectAccessible(page, 'the scanner, too early');
    await manager.post(`/staff/orders/${order.id}/claim`);
    await manager.post(`/staff/orders/${order.id}/ready`);
    await read(ticket);
    await expect(scanned).toContainText(w('scanner.handed'));
    await expect(page.getByTestId('scanned-number')).toHaveText(String(order.number));
    await expectAccessible(page, 'the scanner with an order');
    await read(ticket);
    await expect(scanned).toContainText(w('scanner.already_collected'));
    await expectAccessible(page, 'the scanner with a ticket that was used');
    await read('0000');
    await expect(scanned).toContainText(w('scanner.ticket_unknown'));
    await expect(scanned).toHaveAttribute('data-outcome', 'none', { timeout: 10_000 });

    await page.getByTestId('open-camera').click();
    await expect(page.getByTestId('camera-problem')).toBeVisible();
    // The refusals are in the console, as they should be.
    await desk.context.close();

    // Without scripts the field is a form.
    const plain = await browser.newContext({ baseURL: shop.url, javaScriptEnabled: false, locale: language });
    await plain.addCookies([{ name: 'orderly_session', value: (await shop.json<{ token: string }>('token', 'issue', '--role', 'kiosk', '--kiosk', 'counter-1')).token, url: shop.url }]);
    const still = await plain.newPage();
    await still.goto('/kiosk/counter-1/scan');
    await still.getByLabel(w('scanner.field'), { exact: true }).fill(ticket);
    await still.getByRole('button', { name: w('scanner.go') }).click();
    await expect(still.getByTestId('scanned')).toContainText(w('scanner.already_collected'));
    await plain.close();
    await shopper.leave();
    await barista.leave();
  });
}
