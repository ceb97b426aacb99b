// The scanner at the counter: a real ticket before a camera, and a reader that types.
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium as engine, type Browser, type Page } from '@playwright/test';
import { chromium } from '../chromium';
import { expectAccessible } from './support/access';
import { Api } from './support/api';
import { Barista } from './support/barista';
import { expect, test } from './support/journey';
import type { Orderly } from './support/orderly';
import { Shopper } from './support/shopper';
import { type Likes, Visitor } from './support/visitor';
import { LANGUAGES } from './support/words';

const [WIDTH, HEIGHT] = [640, 480];

interface Ticket {
  ticket: string;
  svg: string;
  number: number;
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

/** What a camera sees of a picture that is held to it: a film of one frame, grey on a table. */
async function film(page: Page, svg: string, file: string): Promise<void> {
  const grey = await page.evaluate(
    async ({ svg, width, height }) => {
      const picture = new Image();
      picture.src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
      await picture.decode();
      const canvas = Object.assign(document.createElement('canvas'), { width, height });
      const context = canvas.getContext('2d');
      if (context === null) throw new Error('no canvas');
      context.fillStyle = '#999';
      context.fillRect(0, 0, width, height);
      context.translate(width / 2, height / 2);
      context.rotate(0.08);
      context.drawImage(picture, -180, -180, 360, 360);
      const { data } = context.getImageData(0, 0, width, height);
      return Array.from({ length: width * height }, (_, at) => data[at * 4] ?? 0);
    },
    { svg, width: WIDTH, height: HEIGHT },
  );
  const head = Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F10:1 Ip A1:1 C420jpeg\nFRAME\n`);
  writeFileSync(file, Buffer.concat([head, Buffer.from(grey), Buffer.alloc((WIDTH * HEIGHT) / 2, 128)]));
}

test('a phone is held to the camera and the order is handed over', async ({ browser, shop }) => {
  const barista = await Barista.atBoard(browser, shop);
  const manager = new Api(barista.context.request, shop.url, await shop.token('manager', 'harbor'));
  const shopper = await Shopper.atCheckout(browser, shop);
  const number = await shopper.placeOrder();
  await barista.button(number, 'board.claim').click();
  await barista.button(number, 'board.ready_verb').click();
  await expect(shopper.status).toHaveText(shopper.w('order.ready'));
  const { svg } = await shopper.api.get<Ticket>(`${new URL(shopper.page.url()).pathname}/ticket`);

  const folder = await mkdtemp(join(tmpdir(), 'orderly-film-'));
  const file = join(folder, 'ticket.y4m');
  await film(shopper.page, svg, file);
  const args = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', `--use-file-for-fake-video-capture=${file}`];
  const eye = await engine.launch({ ...chromium, args: [...(chromium.args ?? []), ...args] });
  const desk = await scanner(eye, shop, manager, { permissions: ['camera'] });
  const { page, w } = desk;
  await desk.expectLive();
  await expect(page.getByTestId('scanned')).toHaveAttribute('data-outcome', 'none');
  await page.getByTestId('open-camera').click();
  await expect(page.getByTestId('scanned')).toHaveAttribute('data-outcome', 'go');
  await expect(page.getByTestId('scanned-number')).toHaveText(number);
  await expect(page.getByTestId('scanned')).toContainText(w('scanner.handed'));
  await expect(shopper.status).toHaveText(shopper.w('order.collected'));
  await expect(barista.page.getByTestId('ticket')).toHaveCount(0);
  // Not `leave`: the page was 401 before the screen was paired, which the console tells.
  await desk.context.close();
  await eye.close();
  await rm(folder, { recursive: true });
  await shopper.leave();
  await barista.leave();
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
