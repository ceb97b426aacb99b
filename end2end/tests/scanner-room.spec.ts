// What the scanner says is seen whole on any screen, and what a reader leaves in its field spoils nobody's ticket.
import { Api } from './support/api';
import { expect, test } from './support/journey';
import { scanner, type Ticket } from './support/scanner';
import { Shopper } from './support/shopper';
import { LANGUAGES } from './support/words';

for (const language of LANGUAGES) {
  test(`what came of a ticket is seen whole on any screen (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.atMenu(browser, shop);
    const manager = new Api(shopper.context.request, shop.url, await shop.token('manager', 'harbor'));
    const order = await shopper.api.order([
      { sku: 'flat-white-regular', quantity: 2, options: ['oat'] },
      { sku: 'flat-white-regular', quantity: 1, options: ['whole'] },
      { sku: 'butter-croissant', quantity: 3, options: [] },
    ]);
    const { ticket } = await shopper.api.get<Ticket>(`/orders/${order.id}/ticket`);
    for (const verb of ['claim', 'ready']) await manager.post(`/staff/orders/${order.id}/${verb}`);
    const desk = await scanner(browser, shop, manager, { language });
    const { page, w } = desk;
    await desk.expectLive();
    // What is said stays for as long as it is looked at.
    await page.addInitScript(() => {
      const start = window.setTimeout.bind(window);
      Object.assign(window, { setTimeout: (then: TimerHandler, after?: number, ...more: unknown[]) => (after === 6000 ? 0 : start(then, after, ...more)) });
    });
    await page.reload();
    await desk.expectLive();
    const scanned = page.getByTestId('scanned');
    const look = async (what: string) => {
      await expect(scanned).toContainText(what);
      for (const size of ['800x480', '1024x600', '1024x768', '1280x720', '1280x800', '1920x1080', '768x1024', '390x844']) {
        const [width = 0, height = 0] = size.split('x').map(Number);
        await page.setViewportSize({ width, height });
        const outside = () =>
          scanned.evaluate((said) => {
            const room = said.getBoundingClientRect();
            return [...said.querySelectorAll('.kiosk__sign, h1, p, li')].flatMap((part) => {
              const range = document.createRange();
              range.selectNodeContents(part);
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
      }
      await page.setViewportSize({ width: 1024, height: 768 });
    };
    const read = async (text: string) => {
      await page.keyboard.type(text);
      await page.keyboard.press('Enter');
    };
    await look(w('scanner.ready'));
    await read(ticket);
    await look(w('scanner.handed'));
    await read('0000');
    await look(w('scanner.ticket_unknown'));
    await page.route('**/collect', (route) => route.abort());
    await read('0001');
    await look(w('scanner.away'));
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
