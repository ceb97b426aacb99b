// A kiosk's screen of any shape: nothing lies on anything else, and nothing is outside, with no numbers and with many.
import type { Page } from '@playwright/test';
import { SCHEMES } from './support/access';
import { Api, type Order } from './support/api';
import { expect, rush as test } from './support/journey';
import { Shopper } from './support/shopper';
import { Visitor } from './support/visitor';
import { LANGUAGES } from './support/words';

/** Low tablets, and one that stands and is narrow: the least that shows numbers. */
const SMALL = ['800x480', '960x540', '1024x600', '600x1024'];
/** Walls as wide as films and as papers are, and tablets as they lie and as they stand. */
const SCREENS = [...SMALL, '1280x720', '1280x800', '1280x960', '1440x900', '1600x1200', '1680x1050', '1920x1080', '2560x1600', '1024x640', '1024x768', '768x1024', '1080x1920'];

/** What lies on something else or is not all on the screen. */
async function misplaced(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    // Of a text its lines, which may leave the box that it has.
    const parts = ['.kiosk__name', '.live-line', '.kiosk__picture', '.kiosk__side h1', '.kiosk__side .lead', '.kiosk__left', '.kiosk__ring', '.kiosk__time p', '.kiosk__url', '.kiosk__head h2', '.kiosk__none', '.kiosk__number'];
    const pieces = parts.flatMap((part) =>
      [...document.querySelectorAll(part)].flatMap((element) => {
        const range = document.createRange();
        range.selectNodeContents(element);
        const { left, top, right, bottom, width } = (element.textContent === '' || part === '.kiosk__number' ? element : range).getBoundingClientRect();
        return width === 0 ? [] : [{ part, left, top, right, bottom }];
      }),
    );
    const found = pieces
      .filter(({ left, top, right, bottom }) => Math.min(left, top, innerWidth - right, innerHeight - bottom) < -1)
      .map(({ part }) => `${part} is outside`);
    for (const [n, one] of pieces.entries()) {
      for (const other of pieces.slice(n + 1)) {
        const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left);
        const high = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
        if (wide > 1 && high > 1) found.push(`${one.part} lies on ${other.part}`);
      }
    }
    return found;
  });
}

for (const language of LANGUAGES) {
  test(`a screen of any shape has room for all that it shows (${language})`, async ({ browser, shop }) => {
    const screen = await Visitor.arrive(browser, shop, { language, viewport: { width: 1920, height: 1080 } });
    const { page, w } = screen;
    const manager = new Api(screen.context.request, shop.url, await shop.token('manager', 'harbor'));
    await manager.patch('/staff/stores/harbor/settings', { capacity: null });
    await screen.becomeWall(manager, 'harbor', 'wall-1');
    const [preparing, ready] = [page.getByTestId('kiosk-preparing'), page.getByTestId('kiosk-ready')];
    const look = async (what: string, screens = SCREENS) => {
      for (const size of screens) {
        const [width = 0, height = 0] = size.split('x').map(Number);
        await page.setViewportSize({ width, height });
        await expect(page.getByTestId('kiosk-board'), `${what}, ${size}`).toBeVisible();
        for (const colorScheme of SCHEMES) {
          await page.emulateMedia({ colorScheme });
          await expect.poll(() => misplaced(page), `${what}, ${size}, ${colorScheme}`).toEqual([]);
        }
      }
      await page.emulateMedia({ colorScheme: null });
      await page.setViewportSize({ width: 1920, height: 1080 });
    };
    await expect(preparing).toContainText(w('kiosk.nothing'));
    await look('no numbers');

    const shopper = await Shopper.atMenu(browser, shop, { language });
    const orders: Order[] = [];
    for (let n = 0; n < 14; n += 1) orders.push(await shopper.api.orderCoffee());
    for (const { id } of orders.slice(0, 7)) for (const verb of ['claim', 'ready']) await manager.post(`/staff/orders/${id}/${verb}`);
    for (const lane of [preparing, ready]) await expect(lane.getByRole('listitem')).toHaveCount(7);
    await look('many numbers');
    // Seven are being made: every place is taken, and there is no code.
    await manager.patch('/staff/stores/harbor/settings', { capacity: 7 });
    await expect(page.getByTestId('kiosk')).toHaveAttribute('data-state', 'busy');
    await look('many numbers and no code', [...SMALL, '1024x640', '1280x720']);
    // A wall that stands has room for more of them, and is full with these.
    await manager.patch('/staff/stores/harbor/settings', { capacity: null });
    await expect(page.getByTestId('kiosk')).toHaveAttribute('data-state', 'scan');
    for (let n = 0; n < 11; n += 1) orders.push(await shopper.api.orderCoffee());
    for (const { id } of orders.slice(7, 10)) for (const verb of ['claim', 'ready']) await manager.post(`/staff/orders/${id}/${verb}`);
    await page.setViewportSize({ width: 1080, height: 1920 });
    await expect(ready.getByRole('listitem')).toHaveCount(9);
    await expect(preparing.getByRole('listitem')).toHaveCount(15);
    await look('a full wall that stands', ['1080x1920', '1200x2200', '1920x1080']);
    await screen.expectSameDocument();
    await shopper.leave();
    // Not `leave`: the page was 401 before the screen was paired, which the console tells.
    await screen.context.close();
  });
}
