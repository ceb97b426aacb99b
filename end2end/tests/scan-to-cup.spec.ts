// The whole way: the code on the wall, a phone, the bar, and the scanner whose camera reads the ticket on that phone.
import { Api } from './support/api';
import { Barista } from './support/barista';
import { Eye } from './support/eye';
import { expect, test } from './support/journey';
import { Shopper } from './support/shopper';
import { Visitor } from './support/visitor';

const ADA = '+15550100009';

test('from the code on the wall to the cup in the hand', async ({ browser, shop }) => {
  const barista = await Barista.atBoard(browser, shop, {}, 'pier');
  const manager = new Api(barista.context.request, shop.url, await shop.token('manager', 'pier'));
  const paired = async (visitor: Visitor, page: string, code: string) => {
    await visitor.page.goto(page);
    await visitor.page.getByLabel(visitor.w('kiosk.pair_code')).fill(code);
    await visitor.page.getByTestId('pair-form').getByRole('button').click();
    await visitor.page.waitForURL(`**${page}`);
    await visitor.expectLive();
  };
  const wall = await Visitor.arrive(browser, shop, { viewport: { width: 1920, height: 1080 } });
  await paired(wall, '/kiosk/wall-1', await manager.addKiosk('pier', 'wall-1'));
  const lane = (name: string) => wall.page.getByTestId(`kiosk-${name}`).getByRole('listitem').locator('strong');
  await wall.rememberDocument();

  // The phone's own camera opens what the wall shows.
  const shopper = await Shopper.arrive(browser, shop);
  const { page, w } = shopper;
  await page.addInitScript(() => {
    const told = { notes: 0 };
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (when) {
      told.notes += 1;
      start.call(this, when);
    };
    Object.assign(window, { told });
  });
  const address = await wall.page.getByTestId('kiosk-code').getAttribute('data-url');
  await page.goto(address ?? '');
  await page.getByTestId('scan-sign-in').click();
  await shopper.signIn(ADA);
  await page.getByTestId('scan-form').getByRole('button').click();
  await page.waitForURL('**/s/pier');
  await expect(wall.page.getByTestId('kiosk-left')).toContainText('9');
  await page.goto('/s/pier/p/pier-lemonade');
  await page.getByTestId('add-to-cart').click();
  await page.getByRole('link', { name: w('cart.view') }).click();
  await page.waitForURL('**/s/pier/checkout');
  const number = await shopper.placeOrder();
  await expect(shopper.status).toHaveText(w('order.queued'));
  await expect(lane('preparing')).toHaveText([number]);
  await shopper.expectLive();
  await shopper.rememberDocument();
  await page.getByTestId('tell-me').click();

  await barista.button(number, 'board.claim').click();
  await expect(shopper.status).toHaveText(w('order.making_by', { name: 'Kim' }));
  await barista.button(number, 'board.ready_verb').click();
  await expect(lane('ready')).toHaveText([number]);
  await expect(lane('preparing')).toHaveCount(0);
  await expect(shopper.status).toHaveText(w('order.ready'));
  expect(await page.evaluate(() => (window as unknown as { told: { notes: number } }).told.notes), 'the phone rings').toBe(4);

  const eye = await Eye.that(page);
  const scanner = await Visitor.arrive(eye.browser, shop, { permissions: ['camera'], viewport: { width: 1024, height: 768 } });
  const { code } = await manager.post<{ code: string }>('/staff/stores/pier/kiosks/wall-1/pairing');
  await paired(scanner, '/kiosk/wall-1/scan', code);
  await expect(scanner.page.getByTestId('scanned-number')).toHaveText(number);
  await expect(shopper.status).toHaveText(w('order.collected'));
  await expect(page.getByTestId('pickup-ticket')).toBeHidden();
  await expect(lane('ready')).toHaveCount(0);
  await expect(barista.page.getByTestId('ticket')).toHaveCount(0);
  await wall.expectSameDocument();
  await shopper.expectSameDocument();

  await eye.close();
  await shopper.leave();
  await barista.leave();
  // Not `leave`: the page was 401 before the screen was paired, which the console tells.
  await wall.context.close();
});
