// The focus is never lost on the board, and the next Enter never acts on an order that nobody has chosen.
import type { Page } from '@playwright/test';
import { Barista } from './support/barista';
import { expect, rush, test } from './support/journey';
import { keepOffers } from './support/offers';
import { Shopper } from './support/shopper';

test('a ticket that somebody calls off leaves the focus to its lane, and not to the next order', async ({ browser, shop }) => {
  const barista = await Barista.atBoard(browser, shop);
  const { page } = barista;
  const shopper = await Shopper.atMenu(browser, shop);
  const others = await shopper.colleague();
  const orders = [await shopper.api.orderCoffee(), await shopper.api.orderCoffee(), await shopper.api.orderCoffee()];
  const [before = '', gone = '', after = ''] = orders.map(({ number }) => String(number));
  await expect(barista.ticket(after, 'queued')).toBeVisible();
  const sent: string[] = [];
  page.on('request', (request) => {
    if (request.method() === 'POST' && request.url().includes('/staff/orders/')) sent.push(request.url());
  });
  await barista.button(gone, 'board.claim').focus();
  await others.post(`/staff/orders/${orders[1]?.id}/cancel`);
  await expect(barista.ticket(gone, 'queued')).toHaveCount(0);
  await expect(page.locator('#l-queued')).toBeFocused();
  await page.keyboard.press('Enter');
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  for (const number of [before, after]) await expect(barista.ticket(number, 'queued')).toBeVisible();
  expect(sent, 'nothing was done to another order').toEqual([]);
  await shopper.leave();
  await barista.leave();
});

test('a step that is taken back by its key leaves the focus where it is', async ({ browser, shop }) => {
  const barista = await Barista.atBoard(browser, shop);
  const { page } = barista;
  const shopper = await Shopper.atMenu(browser, shop);
  const number = String((await shopper.api.orderCoffee()).number);
  await expect(barista.ticket(number, 'queued')).toBeVisible();
  const bump = async () => {
    await page.keyboard.type(number);
    await page.keyboard.press('Enter');
  };
  await bump();
  await expect(barista.ticket(number, 'making')).toBeVisible();
  await bump();
  await expect(barista.ticket(number, 'ready')).toBeVisible();
  await expect(page.getByTestId('undo')).toBeVisible();
  await page.keyboard.press('*');
  await expect(barista.ticket(number, 'making')).toBeVisible();
  // The focus follows within the frame after that.
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('BODY');
  const sent: string[] = [];
  page.on('request', (request) => {
    if (request.method() === 'POST' && request.url().includes('/staff/orders/')) sent.push(request.url());
  });
  await page.keyboard.press('Enter');
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  expect(sent, 'a lone Enter is nothing').toEqual([]);
  await shopper.leave();
  await barista.leave();
});

test('what is taken back before it was sent leaves the focus at its ticket', async ({ browser, shop }) => {
  const barista = await Barista.atBoard(browser, shop);
  const { page, w } = barista;
  await keepOffers(page);
  await barista.expectLive();
  const shopper = await Shopper.atMenu(browser, shop);
  const others = await shopper.colleague();
  const orders = [await shopper.api.orderCoffee(), await shopper.api.orderCoffee()];
  for (const { id } of orders) for (const verb of ['claim', 'ready']) await others.post(`/staff/orders/${id}/${verb}`);
  const [other = '', number = ''] = orders.map((order) => String(order.number));
  for (const each of [other, number]) await expect(barista.ticket(each, 'ready')).toBeVisible();
  const going = barista.ticket(number, 'ready').and(page.locator('[data-going="true"]'));
  const takeBack = async () => {
    await expect(going).toHaveCount(1);
    await page.getByTestId('undo').getByRole('button', { name: w('board.undo') }).press('Enter');
    await expect(page.getByTestId('undo')).toHaveCount(0);
    await expect(going).toHaveCount(0);
    await expect(barista.button(number, 'board.collect')).toBeFocused();
  };
  await barista.button(number, 'board.collect').press('Enter');
  await takeBack();
  await page.getByText(`${w('board.more')} ${w('board.order')} ${number}`).locator('..').press('Enter');
  await barista.button(number, 'board.cancel').press('Enter');
  await takeBack();
  await shopper.leave();
  await barista.leave();
});

test('who calls an order off by keyboard keeps the focus at its menu, and then in its lane', async ({ browser, shop }) => {
  const barista = await Barista.atBoard(browser, shop);
  const { page, w } = barista;
  const end = await keepOffers(page);
  await barista.expectLive();
  const shopper = await Shopper.atMenu(browser, shop);
  const number = String((await shopper.api.orderCoffee()).number);
  const more = page.getByText(`${w('board.more')} ${w('board.order')} ${number}`).locator('..');
  await more.press('Enter');
  await expect(barista.button(number, 'board.cancel')).toBeVisible();
  await page.keyboard.press('Tab');
  await expect(barista.ticket(number, 'queued').getByRole('button', { name: w('board.why_out_of_stock') })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(barista.ticket(number, 'queued')).toHaveAttribute('data-going', 'true');
  await expect(more, 'while it can be taken back').toBeFocused();
  await end();
  await expect(barista.ticket(number, 'queued')).toHaveCount(0);
  await expect(page.locator('#l-queued')).toBeFocused();
  await shopper.leave();
  await barista.leave();
});

/** What is sent to move a ticket from a page. */
function moves(page: Page): string[] {
  const sent: string[] = [];
  page.on('request', (request) => {
    if (request.method() === 'POST' && request.url().includes('/staff/orders/')) sent.push(request.url());
  });
  return sent;
}

test('what a colleague moves leaves the focus on the same control, or on nothing that acts', async ({ browser, shop }) => {
  const barista = await Barista.atBoard(browser, shop);
  const { page, w } = barista;
  const shopper = await Shopper.atMenu(browser, shop);
  const others = await shopper.colleague();
  const { id, number: n } = await shopper.api.orderCoffee();
  const number = String(n);
  const sent = moves(page);
  const drawn = () => page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  const move = async (verb: string, lane: 'queued' | 'making' | 'ready') => {
    await others.post(`/staff/orders/${id}/${verb}`);
    await expect(barista.ticket(number, lane)).toBeVisible();
  };
  const more = page.getByText(`${w('board.more')} ${w('board.order')} ${number}`).locator('..');

  await barista.button(number, 'board.claim').focus();
  await move('claim', 'making');
  await expect(barista.ticket(number, 'making').getByRole('heading')).toBeFocused();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Space');
  await more.focus();
  await move('ready', 'ready');
  await expect(more, 'that does the same wherever its ticket is').toBeFocused();
  await barista.button(number, 'board.recall').focus();
  await move('recall', 'making');
  await expect(barista.ticket(number, 'making').getByRole('heading')).toBeFocused();
  await page.keyboard.press('Enter');
  await drawn();
  expect(sent, 'nothing else is done').toEqual([]);
  await expect(barista.ticket(number, 'making')).toBeVisible();
  await shopper.leave();
  await barista.leave();
});

test('a reason that is being typed stays while a colleague moves its ticket', async ({ browser, shop }) => {
  const barista = await Barista.atBoard(browser, shop);
  const { page, w } = barista;
  await keepOffers(page);
  await barista.expectLive();
  const shopper = await Shopper.atMenu(browser, shop);
  const others = await shopper.colleague();
  const { id, number: n } = await shopper.api.orderCoffee();
  const number = String(n);
  const sent = moves(page);
  const field = page.getByLabel(w('board.other'));
  await page.getByText(`${w('board.more')} ${w('board.order')} ${number}`).locator('..').press('Enter');
  await field.focus();
  await page.keyboard.type('the cup ');
  await others.post(`/staff/orders/${id}/claim`);
  await expect(barista.ticket(number, 'making')).toBeVisible();
  await expect(field).toBeFocused();
  await page.keyboard.type('broke');
  await expect(field).toHaveValue('the cup broke');
  await others.post(`/staff/orders/${id}/ready`);
  await expect(barista.ticket(number, 'ready')).toBeVisible();
  await expect(field).toBeFocused();
  await expect(field).toHaveValue('the cup broke');
  // Where there is nothing to call off any more, that is said, and nothing is pressed.
  await others.post(`/staff/orders/${id}/collect`);
  await expect(page.locator('#l-ready')).toBeFocused();
  await expect(page.getByTestId('board-problem')).toContainText(w('board.no_such', { number }));
  await page.keyboard.press('Enter');
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  expect(sent).toEqual([]);
  await shopper.leave();
  await barista.leave();
});

rush('who claims while the page is still on its way to the button has what comes next in sight', async ({ browser, shop }) => {
  const barista = await Barista.atBoard(browser, shop, { viewport: { width: 1024, height: 768 } });
  const { page } = barista;
  const shopper = await Shopper.atMenu(browser, shop);
  const numbers: string[] = [];
  for (let n = 0; n < 20; n += 1) numbers.push(String((await shopper.api.orderCoffee()).number));
  const last = numbers.at(-1) ?? '';
  await expect(barista.ticket(last, 'queued')).toBeVisible();
  await barista.button(numbers[0] ?? '', 'board.claim').focus();
  const claim = await barista.button(last, 'board.claim').elementHandle();
  for (let tabs = 0; tabs < 100; tabs += 1) {
    await page.keyboard.press('Tab');
    if (await claim?.evaluate((button) => button === document.activeElement)) break;
  }
  await page.keyboard.press('Enter');
  await expect(barista.button(last, 'board.ready_verb')).toBeFocused();
  // Until the page has stood still for half a second.
  await page.evaluate(async () => {
    for (let [still, at] = [0, -1]; still < 30; still = at === scrollY ? still + 1 : 0) {
      at = scrollY;
      await new Promise((drawn) => requestAnimationFrame(drawn));
    }
  });
  await expect(barista.button(last, 'board.ready_verb')).toBeInViewport({ ratio: 1 });
  await shopper.leave();
  await barista.leave();
});
