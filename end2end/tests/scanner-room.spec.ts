// What the scanner says is seen whole on any screen, and what a reader leaves in its field spoils nobody's ticket.
import type { Browser } from '@playwright/test';
import { Api } from './support/api';
import { expect, test } from './support/journey';
import type { Orderly } from './support/orderly';
import { scanner, type Ticket } from './support/scanner';
import { Shopper } from './support/shopper';
import type { Visitor } from './support/visitor';
import { type Language, LANGUAGES } from './support/words';

const SCREENS = ['800x480', '844x390', '1024x600', '1024x768', '1280x720', '1280x800', '1920x1080', '768x1024', '390x844'];

interface Item {
  sku: string;
  quantity: number;
  options: string[];
}
interface Menu {
  categories: { products: { variants: { sku: string; available: boolean }[]; modifiers: { min: number; options: { id: string }[] }[] }[] }[];
}

/** A line each of so many things that the café sells, as they are chosen at first. */
async function several(shopper: Shopper, count: number): Promise<Item[]> {
  const menu = await shopper.api.get<Menu>('/stores/harbor/menu');
  const products = menu.categories.flatMap((category) => category.products).filter(({ variants }) => variants[0]?.available === true);
  const items = products.map(({ variants, modifiers }) => ({
    sku: variants[0]?.sku ?? '',
    quantity: 2,
    options: modifiers.filter(({ min }) => min > 0).flatMap(({ options }) => options[0]?.id ?? []),
  }));
  expect(items.length, 'the café sells as many').toBeGreaterThanOrEqual(count);
  return items.slice(0, count);
}

/** An order that is ready, and its ticket. */
async function readied(shopper: Shopper, manager: Api, items: Item[]): Promise<string> {
  const order = await shopper.api.order(items);
  const { ticket } = await shopper.api.get<Ticket>(`/orders/${order.id}/ticket`);
  for (const verb of ['claim', 'ready']) await manager.post(`/staff/orders/${order.id}/${verb}`);
  return ticket;
}

/** A scanner on which what is said stays for as long as it is looked at. */
async function patient(browser: Browser, shop: Orderly, manager: Api, language: Language): Promise<Visitor> {
  const desk = await scanner(browser, shop, manager, { language });
  await desk.expectLive();
  await desk.page.addInitScript(() => {
    const start = window.setTimeout.bind(window);
    Object.assign(window, { setTimeout: (then: TimerHandler, after?: number, ...more: unknown[]) => (after === 6000 ? 0 : start(then, after, ...more)) });
  });
  await desk.page.reload();
  await desk.expectLive();
  return desk;
}

async function read({ page }: Visitor, text: string): Promise<void> {
  await page.keyboard.type(text);
  await page.keyboard.press('Enter');
}

/** Everything that is said is seen on every screen; `told`: what else is looked at there. */
async function seen({ page }: Visitor, what: string, told?: (size: string) => Promise<void>): Promise<void> {
  const scanned = page.getByTestId('scanned');
  await expect(scanned).toContainText(what);
  for (const size of SCREENS) {
    const [width = 0, height = 0] = size.split('x').map(Number);
    await page.setViewportSize({ width, height });
    const outside = () =>
      scanned.evaluate((said) => {
        const room = said.getBoundingClientRect();
        return [...said.querySelectorAll('.kiosk__sign, h1, p, li')].flatMap((part) => {
          const range = document.createRange();
          range.selectNodeContents(part);
          if (range.getClientRects().length === 0) return [];
          const { top, right, bottom, left } = range.getBoundingClientRect();
          const inside = top >= Math.max(0, room.top) && bottom <= Math.min(innerHeight, room.bottom) && left >= room.left && right <= room.right;
          return inside ? [] : [part.className || part.tagName];
        });
      });
    await expect.poll(outside, `${what}, ${size}`).toEqual([]);
    const number = page.getByTestId('scanned-number');
    if ((await number.count()) > 0) {
      const sign = await number.evaluate((shown) => Number.parseFloat(getComputedStyle(shown).fontSize));
      expect(sign, `the number at ${size}`).toBeGreaterThan(height / 7);
    }
    await told?.(size);
  }
  await page.setViewportSize({ width: 1024, height: 768 });
}

for (const language of LANGUAGES) {
  test(`what came of a ticket is seen whole on any screen (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.atMenu(browser, shop);
    const manager = new Api(shopper.context.request, shop.url, await shop.token('manager', 'harbor'));
    const ticket = await readied(shopper, manager, [
      { sku: 'flat-white-regular', quantity: 2, options: ['oat'] },
      { sku: 'flat-white-regular', quantity: 1, options: ['whole'] },
      { sku: 'butter-croissant', quantity: 3, options: [] },
    ]);
    const desk = await patient(browser, shop, manager, language);
    const { page, w } = desk;
    await seen(desk, w('scanner.ready'));
    await read(desk, ticket);
    await seen(desk, w('scanner.handed'));
    await read(desk, '0000');
    await seen(desk, w('scanner.ticket_unknown'));
    await page.route('**/collect', (route) => route.abort());
    await read(desk, '0001');
    await seen(desk, w('scanner.away'));
    // Not `leave`: the page was 401 before the screen was paired, which the console tells.
    await desk.context.close();
    await shopper.leave();
  });

  test(`of an order of many lines as many are seen as there is room for, and how many more there are (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.atMenu(browser, shop);
    const manager = new Api(shopper.context.request, shop.url, await shop.token('manager', 'harbor'));
    const [eight, twenty] = [await readied(shopper, manager, await several(shopper, 8)), await readied(shopper, manager, await several(shopper, 20))];
    const desk = await patient(browser, shop, manager, language);
    const { w } = desk;
    const lines = desk.page.getByTestId('scanned').getByRole('listitem');
    const sized = () => lines.first().evaluate((line) => Number.parseFloat(getComputedStyle(line).fontSize));
    await read(desk, eight);
    await seen(desk, w('scanner.handed'), async (size) => {
      await expect(lines, `all of them at ${size}`).toHaveCount(8);
      expect(await sized(), `the lines at ${size}`).toBeGreaterThanOrEqual(16);
    });
    await read(desk, twenty);
    await expect(lines).not.toHaveCount(8);
    await seen(desk, w('scanner.handed'), async (size) => {
      const shown = await lines.allTextContents();
      expect(shown.length, `at ${size}`).toBeGreaterThan(7);
      if (shown.length < 20) expect(shown.at(-1), size).toBe(w('scanner.more', { count: 21 - shown.length }));
      if (size === '800x480') expect(shown.length, 'not all of them').toBeLessThan(20);
      expect(await sized(), `the lines at ${size}`).toBeGreaterThanOrEqual(16);
    });
    // Not `leave`: the page was 401 before the screen was paired, which the console tells.
    await desk.context.close();
    await shopper.leave();
  });

  test(`what was left in the field spoils no ticket, and a Tab ends one (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.atMenu(browser, shop);
    const manager = new Api(shopper.context.request, shop.url, await shop.token('manager', 'harbor'));
    const tickets: string[] = [];
    const numbers: number[] = [];
    for (let n = 0; n < 3; n += 1) {
      const order = await shopper.api.orderCoffee();
      for (const verb of ['claim', 'ready']) await manager.post(`/staff/orders/${order.id}/${verb}`);
      numbers.push(order.number);
      tickets.push((await shopper.api.get<Ticket>(`/orders/${order.id}/ticket`)).ticket);
    }
    const [first = '', second = '', third = ''] = tickets;
    const desk = await scanner(browser, shop, manager, { language });
    const { page, w } = desk;
    await desk.expectLive();
    const scanned = page.getByTestId('scanned');
    const field = page.getByLabel(w('scanner.field'), { exact: true });
    // Two seconds pass, as the clock of keys goes.
    const later = () =>
      page.evaluate(() => {
        const before = Object.getOwnPropertyDescriptor(Event.prototype, 'timeStamp') ?? {};
        Object.defineProperty(Event.prototype, 'timeStamp', {
          ...before,
          get(this: Event) {
            return (before.get?.call(this) as number) + 2000;
          },
        });
      });
    await page.keyboard.press('a');
    await expect(field).toHaveValue('a');
    await later();
    await page.keyboard.type(first);
    await expect(field).toHaveValue(first);
    await page.keyboard.press('Enter');
    await expect(scanned).toContainText(w('scanner.handed'));
    // One that was not ended, and somebody else's.
    await later();
    await page.keyboard.type(second);
    await later();
    await page.keyboard.type(third);
    await page.keyboard.press('Tab');
    await expect(field).toHaveValue('');
    await expect(field).toBeFocused();
    await expect(page.getByTestId('scanned-number')).toHaveText(String(numbers[2]));
    await expect(scanned).toContainText(w('scanner.handed'));
    // From an empty field a Tab goes on.
    await page.keyboard.press('Tab');
    await expect(page.getByRole('button', { name: w('scanner.go') })).toBeFocused();
    // Not `leave`: the page was 401 before the screen was paired, which the console tells.
    await desk.context.close();
    await shopper.leave();
  });
}
