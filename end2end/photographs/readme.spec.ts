// The README's picture: a café that robots keep busy, on a shopper's phone, the barista's board and the wall; `make shots`.
import { expect, type Page, test } from '@playwright/test';
import { Api } from '../tests/support/api';
import { Barista } from '../tests/support/barista';
import { Orderly } from '../tests/support/orderly';
import { Shopper } from '../tests/support/shopper';
import { Visitor } from '../tests/support/visitor';

test('the picture of the README', async ({ browser }) => {
  const shop = await Orderly.open({ ORDERLY_LIMITS: 'off' });
  const shopper = await Shopper.arrive(browser, shop);
  const manager = new Api(shopper.context.request, shop.url, await shop.token('manager', 'harbor'));
  const barista = await Barista.atBoard(browser, shop, { viewport: { width: 1280, height: 800 }, deviceScaleFactor: 1 });
  const wall = await Visitor.arrive(browser, shop, { viewport: { width: 1280, height: 720 }, deviceScaleFactor: 1 });
  const { code } = await manager.post<{ code: string }>('/staff/stores/harbor/kiosks', { id: 'counter-1' });
  await wall.page.goto('/kiosk/counter-1');
  await wall.page.getByLabel(wall.w('kiosk.pair_code')).fill(code);
  await wall.page.getByTestId('pair-form').getByRole('button').click();
  await wall.expectLive();

  const robots = shop.json('robot', '--store', 'harbor', '--orders', '40', '--speed', '10', '--seed', '1', '--url', shop.url);
  // A busy moment: there is something in each lane.
  for (const lane of ['queued', 'making', 'ready']) await expect(barista.page.getByTestId(`l-${lane}`).getByTestId('ticket').first()).toBeVisible();
  await shopper.page.goto('/s/harbor/p/flat-white');
  await shopper.addWithOat();
  const number = await shopper.placeOrder();
  await barista.button(number, 'board.claim').click();
  await expect(shopper.status).toHaveText(shopper.w('order.making_by', { name: 'Kim' }));

  // Nothing lies over the board, and the wall has a code for whoever comes.
  await expect(barista.page.locator('.toast')).toHaveCount(0);
  await expect(wall.page.getByTestId('kiosk')).toHaveAttribute('data-state', 'scan', { timeout: 60_000 });
  const see = async (page: Page, name: string) => {
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
    const picture = await page.screenshot({ animations: 'disabled' });
    return `<img class="${name}" src="data:image/png;base64,${picture.toString('base64')}" alt="">`;
  };
  const pictures = [await see(shopper.page, 'phone'), await see(barista.page, 'board'), await see(wall.page, 'wall')];
  const sheet = await browser.newPage({ viewport: { width: 1600, height: 960 } });
  await sheet.setContent(`<style>
    body { margin: 0; height: 960px; background: #e8e0d2; position: relative; overflow: hidden; }
    img { position: absolute; border-radius: 18px; box-shadow: 0 18px 50px rgb(60 40 20 / 30%); }
    .wall { width: 760px; right: 48px; top: 48px; }
    .board { width: 1000px; left: 48px; bottom: 48px; }
    .phone { height: 700px; right: 150px; bottom: 48px; border-radius: 30px; }
  </style>${pictures[2]}${pictures[1]}${pictures[0]}`);
  await sheet.screenshot({ path: new URL('../../docs/orderly.png', import.meta.url).pathname });
  await robots;
  await sheet.close();
  for (const visitor of [shopper, barista, wall]) await visitor.context.close();
  await shop.close();
});
