// The scanner at the counter: a real ticket before a camera, and a reader that types.
import type { Browser, Route } from '@playwright/test';
import { expectAccessible } from './support/access';
import { Api } from './support/api';
import { Barista } from './support/barista';
import { Eye } from './support/eye';
import { expect, test } from './support/journey';
import type { Orderly } from './support/orderly';
import { scanner, type Ticket } from './support/scanner';
import { Shopper } from './support/shopper';
import { Visitor } from './support/visitor';
import { LANGUAGES } from './support/words';

/** A flat white that was just ordered, and a film of its ticket: not ready yet. */
async function tooEarly(browser: Browser, shop: Orderly) {
  const shopper = await Shopper.atCheckout(browser, shop);
  const number = await shopper.placeOrder();
  await expect(shopper.status).toHaveText(shopper.w('order.queued'));
  await shopper.page.getByText(shopper.w('order.ticket'), { exact: true }).click();
  const eye = await Eye.that(shopper.page);
  const manager = new Api(shopper.context.request, shop.url, await shop.token('manager', 'harbor'));
  const order = new URL(shopper.page.url()).pathname.split('/').at(-1);
  const make = async () => {
    await manager.post(`/staff/orders/${order}/claim`);
    await manager.post(`/staff/orders/${order}/ready`);
  };
  return { shopper, number, eye, manager, make };
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
  // What it sees leaves room for the field and its button.
  for (const [width, height] of [[800, 480], [844, 390], [1024, 600], [1024, 768], [768, 1024]] as const) {
    await page.setViewportSize({ width, height });
    await expect(page.getByRole('button', { name: w('scanner.go') }), `${width} × ${height}`).toBeInViewport({ ratio: 1 });
    expect((await camera.boundingBox())?.height, `the picture at ${width} × ${height}`).toBeGreaterThan(78);
  }
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

test('a ticket that is held out too early is handed over as soon as it is ready', async ({ browser, shop }) => {
  const { shopper, number, eye, manager, make } = await tooEarly(browser, shop);
  const desk = await scanner(eye.browser, shop, manager, { permissions: ['camera'] });
  const scanned = desk.page.getByTestId('scanned');
  await expect(scanned).toHaveAttribute('data-outcome', 'wait');
  await make();
  // It was before the camera all the time.
  await expect(desk.page.getByTestId('scanned-number')).toHaveText(number);
  await expect(shopper.status).toHaveText(shopper.w('order.collected'));
  // The refusals are in the console, as they should be.
  await desk.context.close();
  await eye.close();
  await shopper.leave();
});

for (const language of LANGUAGES) {
  test(`a ticket that is held out while the network is away is handed over when it is back (${language})`, async ({ browser, shop }) => {
    const { shopper, number, eye, manager, make } = await tooEarly(browser, shop);
    const desk = await scanner(eye.browser, shop, manager, { permissions: ['camera'], language });
    const { page, w } = desk;
    const scanned = page.getByTestId('scanned');
    await expect(scanned).toContainText(w('scanner.not_ready'));
    await desk.context.setOffline(true);
    await expect(scanned).toContainText(w('scanner.away'));
    await expect(scanned).toContainText(w('scanner.away_text'));
    await expect(scanned).toHaveAttribute('data-outcome', 'stop');
    await make();
    await desk.context.setOffline(false);
    await expect(scanned).toContainText(w('scanner.handed'));
    await expect(page.getByTestId('scanned-number')).toHaveText(number);
    await expect(shopper.status).toHaveText(shopper.w('order.collected'));
    // The refusals are in the console, as they should be.
    await desk.context.close();
    await eye.close();
    await shopper.leave();
  });

  test(`a hand-over whose answer was lost is told when the ticket is held out again (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.arrive(browser, shop);
    const manager = new Api(shopper.context.request, shop.url, await shop.token('manager', 'harbor'));
    await shopper.page.goto('/s/harbor');
    const order = await shopper.api.orderCoffee();
    const { ticket } = await shopper.api.get<Ticket>(`/orders/${order.id}/ticket`);
    await manager.post(`/staff/orders/${order.id}/claim`);
    await manager.post(`/staff/orders/${order.id}/ready`);
    const desk = await scanner(browser, shop, manager, { language });
    const { page, w } = desk;
    await desk.expectLive();
    const scanned = page.getByTestId('scanned');
    const read = async (text: string) => {
      await page.keyboard.type(text);
      await page.keyboard.press('Enter');
    };
    // The shop hands it over, and its answer is lost on the way.
    const lost: number[] = [];
    const lose = async (route: Route) => {
      const answer = await route.fetch({ headers: { ...route.request().headers(), origin: shop.url } });
      lost.push(answer.status());
      await route.abort();
    };
    await page.route('**/collect', lose, { times: 1 });
    await read(ticket);
    await expect(scanned).toContainText(w('scanner.away'));
    await expect(scanned).toContainText(w('scanner.away_text'));
    await expect(scanned).toHaveAttribute('data-outcome', 'stop');
    expect(lost).toEqual([200]);
    await shopper.api.orderWhen(order.id, ({ status }) => status === 'fulfilled');

    const answered = page.waitForResponse('**/collect');
    // Another reader writes it in its own way.
    await read(ticket.toLowerCase());
    expect((await answered).headers()['idempotency-replayed']).toBe('true');
    await expect(scanned).toContainText(w('scanner.handed'));
    await expect(page.getByTestId('scanned-number')).toHaveText(String(order.number));
    await expect(scanned.getByRole('listitem')).toHaveCount(1);
    // It was told: from now on it was used.
    await read(ticket);
    await expect(scanned).toContainText(w('scanner.already_collected'));
    // What was lost is in the console, as it should be.
    await desk.context.close();
    await shopper.leave();
  });

  test(`a ticket that is swallowed on its way is held out again (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.arrive(browser, shop);
    const manager = new Api(shopper.context.request, shop.url, await shop.token('manager', 'harbor'));
    await shopper.page.goto('/s/harbor');
    const order = await shopper.api.orderCoffee();
    const { ticket } = await shopper.api.get<Ticket>(`/orders/${order.id}/ticket`);
    for (const verb of ['claim', 'ready']) await manager.post(`/staff/orders/${order.id}/${verb}`);
    const desk = await scanner(browser, shop, manager, { language });
    const { page, w } = desk;
    await desk.expectLive();
    const scanned = page.getByTestId('scanned');
    const read = async () => {
      const asked = page.waitForRequest('**/collect');
      await page.keyboard.type(ticket);
      await page.keyboard.press('Enter');
      return (await asked).headers()['idempotency-key'];
    };
    // A connection that is half dead: it is never answered, and the line still says that it is live.
    await page.route('**/collect', () => {}, { times: 1 });
    const key = await read();
    expect(key).toBeTruthy();
    await expect(scanned).toContainText(w('scanner.away'));
    await expect(scanned).toHaveAttribute('data-outcome', 'stop');
    await desk.expectLive();
    expect(await read(), 'the same wish').toBe(key);
    await expect(scanned).toContainText(w('scanner.handed'));
    await expect(page.getByTestId('scanned-number')).toHaveText(String(order.number));
    // Not `leave`: the page was 401 before the screen was paired, which the console tells.
    await desk.context.close();
    await shopper.leave();
  });

  test(`a scanner that was revoked leads to where it is paired again (${language})`, async ({ browser, shop }) => {
    const visitor = await Visitor.arrive(browser, shop);
    const manager = new Api(visitor.context.request, shop.url, await shop.token('manager', 'harbor'));
    const desk = await scanner(browser, shop, manager, { language });
    const { page, w } = desk;
    await desk.expectLive();
    const again = page.getByTestId('pair-again');
    const controls = [page.getByTestId('open-camera'), page.getByLabel(w('scanner.field'), { exact: true }), page.getByRole('button', { name: w('scanner.go') })];
    for (const control of controls) await expect(control).toBeVisible();
    await expect(again).toBeHidden();
    await manager.delete('/staff/stores/harbor/kiosks/counter-1');
    await expect(page.getByTestId('scanned')).toContainText(w('kiosk.revoked_title'));
    await expect(page.getByTestId('scanned')).toHaveAttribute('data-outcome', 'stop');
    for (const control of controls) await expect(control).toBeHidden();
    await expect(again).toHaveText(w('scanner.pair_again'));
    await expectAccessible(page, 'a scanner that is none any more');
    await again.click();
    await expect(page.getByTestId('pair-form')).toBeVisible();
    // The page was 401 before and after, which the console tells.
    await desk.context.close();
    await visitor.leave();
  });

  test(`a reader that types (${language})`, async ({ browser, shop }) => {
    const barista = await Barista.arrive(browser, shop);
    const manager = new Api(barista.context.request, shop.url, await shop.token('manager', 'harbor'));
    const shopper = await Shopper.atMenu(browser, shop);
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
