// Photographs of a kiosk's screens in every state, on a wall, on a tablet held either way and on a phone.
import { expect, type Page } from '@playwright/test';
import { SCHEMES } from '../tests/support/access';
import { Api, type Order } from '../tests/support/api';
import { test as base } from '../tests/support/journey';
import { Orderly } from '../tests/support/orderly';
import { Shopper } from '../tests/support/shopper';
import { atEverySize } from '../tests/support/shot';
import { Visitor } from '../tests/support/visitor';
import { LANGUAGES } from '../tests/support/words';

const ADA = '+15550100009';

// More orders than anybody places in an hour.
const test = base.extend<{ shop: Orderly }>({
  shop: async ({}, use) => {
    const shop = await Orderly.open({ ORDERLY_LIMITS: 'off' });
    await use(shop);
    await shop.close();
  },
});

/** What is in sight of a screen that nobody scrolls. */
async function take(page: Page, name: string): Promise<void> {
  await atEverySize(page, async (size) => {
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const path = new URL(`../shots/${name}-${size}-${colorScheme}.png`, import.meta.url).pathname;
      await page.screenshot({ path, animations: 'disabled' });
    }
  });
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
}

for (const language of LANGUAGES) {
  test(`the wall and the scanner (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.arrive(browser, shop, { language });
    await shopper.page.goto('/sign-in');
    await shopper.signIn(ADA);
    const manager = new Api(shopper.context.request, shop.url, await shop.token('manager', 'harbor'));
    const wall = await Visitor.arrive(browser, shop, { language, viewport: { width: 1920, height: 1080 } });
    const { page, w } = wall;
    const open = async (id: string) => {
      const { code } = await manager.post<{ code: string }>('/staff/stores/harbor/kiosks', { id });
      await page.goto(`/kiosk/${id}`);
      if (id === 'counter-1') await take(page, `wall-pairing-${language}`);
      await page.getByLabel(w('kiosk.pair_code')).fill(code);
      await page.getByTestId('pair-form').getByRole('button').click();
      await wall.expectLive();
    };
    await open('counter-1');
    const kiosk = page.getByTestId('kiosk');
    const shows = (state: string) => expect(kiosk).toHaveAttribute('data-state', state, { timeout: 60_000 });
    await shows('scan');
    await take(page, `wall-nothing-${language}`);

    // More than the café can make at once.
    await manager.patch('/staff/stores/harbor/settings', { capacity: null });
    const orders: Order[] = [];
    for (let n = 0; n < 40; n += 1) orders.push(await shopper.api.orderCoffee());
    for (const { id } of orders.slice(0, 12)) {
      await manager.post(`/staff/orders/${id}/claim`);
      if (id !== orders[11]?.id) await manager.post(`/staff/orders/${id}/ready`);
    }
    await expect(page.getByTestId('kiosk-ready').getByRole('listitem')).toHaveCount(11);
    await expect(page.getByTestId('kiosk-preparing')).toContainText(w('kiosk.more', { count: 17 }));
    await shows('scan');
    await take(page, `wall-scan-${language}`);
    await manager.patch('/staff/stores/harbor/settings', { capacity: 1 });
    await shows('busy');
    await take(page, `wall-busy-${language}`);
    await manager.patch('/staff/stores/harbor/settings', { capacity: null });
    await manager.put('/staff/stores/harbor/status', { open: false });
    await shows('closed');
    await take(page, `wall-closed-${language}`);
    await manager.put('/staff/stores/harbor/status', { open: true });

    // The ticket of an order that is ready, as its shopper shows it.
    await shopper.page.goto(`/orders/${orders[0]?.id}`);
    await expect(shopper.page.getByTestId('pickup-ticket')).toBeVisible();
    for (const colorScheme of SCHEMES) {
      await shopper.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await shopper.page.getByTestId('pickup').scrollIntoViewIfNeeded();
      const path = new URL(`../shots/ticket-phone-${language}-${colorScheme}.png`, import.meta.url).pathname;
      await shopper.page.screenshot({ path, fullPage: true, animations: 'disabled' });
    }
    const { ticket } = await shopper.api.get<{ ticket: string }>(`/orders/${orders[0]?.id}/ticket`);

    // The scanner, and what it says.
    const { code: next } = await manager.post<{ code: string }>('/staff/stores/harbor/kiosks/counter-1/pairing');
    const desk = await Visitor.arrive(browser, shop, { language, viewport: { width: 1024, height: 768 } });
    await desk.page.goto('/kiosk/counter-1/scan');
    await desk.page.getByLabel(w('kiosk.pair_code')).fill(next);
    await desk.page.getByTestId('pair-form').getByRole('button').click();
    await desk.expectLive();
    await take(desk.page, `scanner-${language}`);
    const scanned = desk.page.getByTestId('scanned');
    const read = async (text: string, outcome: string, name: string) => {
      await desk.page.keyboard.type(text);
      await desk.page.keyboard.press('Enter');
      await expect(scanned).toContainText(w(outcome));
      await take(desk.page, `scanner-${name}-${language}`);
    };
    await read(ticket, 'scanner.handed', 'handed');
    await read(ticket, 'scanner.already_collected', 'used');
    await read('0000', 'scanner.ticket_unknown', 'unknown');

    // Another kiosk, whose code lets one person in and changes every minute.
    await manager.patch('/staff/stores/harbor/settings', { scans_per_code: 1, code_seconds: 60 });
    await open('counter-2');
    await shows('scan');
    const url = await page.getByTestId('kiosk-code').getAttribute('data-url');
    await shopper.page.goto(url ?? '');
    await shopper.page.getByTestId('scan-form').getByRole('button').click();
    await shows('exhausted');
    await take(page, `wall-exhausted-${language}`);
    await shows('changing');
    await take(page, `wall-changing-${language}`);
    await manager.delete('/staff/stores/harbor/kiosks/counter-2');
    await shows('revoked');
    await take(page, `wall-revoked-${language}`);
    await shopper.context.close();
    await desk.context.close();
    await wall.context.close();
  });
}
