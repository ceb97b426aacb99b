// Where things are on a board: a button at work is as wide as before, and what the connection's line lies over can be brought out from
// under it. And what was meant by a number is known when its ticket is gone.
import { Barista } from './support/barista';
import { expect, test } from './support/journey';
import { keepOffers } from './support/offers';
import { Shopper } from './support/shopper';
import { LANGUAGES } from './support/words';

for (const language of LANGUAGES) {
  test(`no button of a ticket changes its width while it is at work (${language})`, async ({ browser, shop }) => {
    const barista = await Barista.atBoard(browser, shop, { language });
    const { page, w } = barista;
    await keepOffers(page);
    await barista.expectLive();
    const shopper = await Shopper.atMenu(browser, shop, { language });
    const others = await shopper.colleague();
    const { id, number } = await shopper.api.orderCoffee();
    await others.post(`/staff/orders/${id}/claim`);
    const ticket = barista.ticket(String(number), 'making');
    await expect(ticket).toBeVisible();
    const buttons = () =>
      ticket.locator('.ticket__actions > form > button').evaluateAll((all) =>
        all.map((button) => {
          const range = document.createRange();
          range.selectNode(button.firstChild ?? button);
          const [word, box] = [range.getBoundingClientRect(), button.getBoundingClientRect()];
          return { width: Math.round(box.width), fits: word.left >= box.left && word.right <= box.right };
        }),
      );
    const before = await buttons();
    expect(before).toHaveLength(2);
    await page.getByText(`${w('board.more')} ${w('board.order')} ${number}`).locator('..').press('Enter');
    await barista.button(String(number), 'board.cancel').click();
    await expect(ticket).toHaveAttribute('data-going', 'true');
    expect(await buttons()).toEqual(before);
    expect(before.every(({ fits }) => fits)).toBe(true);
    await shopper.leave();
    await barista.leave();
  });

  test(`a ticket that is called off while its number is typed is told so (${language})`, async ({ browser, shop }) => {
    const barista = await Barista.atBoard(browser, shop, { language });
    const { page, w } = barista;
    // What is typed is forgotten after as long as an offer, which does not pass here.
    await keepOffers(page);
    await barista.expectLive();
    const shopper = await Shopper.atMenu(browser, shop, { language });
    const others = await shopper.colleague();
    const { id, number } = await shopper.api.orderCoffee();
    await expect(barista.ticket(String(number), 'queued')).toBeVisible();
    await page.keyboard.type(String(number));
    await others.post(`/staff/orders/${id}/cancel`);
    await expect(barista.ticket(String(number), 'queued')).toHaveCount(0);
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('board-problem')).toContainText(w('board.gone', { number, status: w('orders.cancelled') }));
    await shopper.leave();
    await barista.leave();
  });
}

test('what is scrolled to keeps clear of the line of a board that is not live', async ({ browser, shop }) => {
  const barista = await Barista.atBoard(browser, shop);
  const { page } = barista;
  const shopper = await Shopper.atMenu(browser, shop);
  let last = 0;
  for (let order = 0; order < 6; order += 1) last = (await shopper.api.orderCoffee()).number;
  await expect(barista.ticket(String(last), 'queued')).toBeVisible();
  await page.routeWebSocket('**/mqtt', (socket) => socket.close());
  await page.reload();
  await barista.expectPaused('live.board_reconnecting');
  const covered = await page.evaluate(async () => {
    const found: string[] = [];
    const line = document.querySelector('#live-line');
    for (const control of document.querySelectorAll<HTMLElement>('.board .ticket__number, .board form > button, .board summary')) {
      if (!control.checkVisibility()) continue;
      let over = true;
      // Tickets out of sight have a height that is guessed until they are shown.
      for (let frame = 0; over && frame < 30; frame += 1) {
        control.scrollIntoView({ block: 'start', behavior: 'instant' });
        await new Promise((drawn) => requestAnimationFrame(drawn));
        const [at, here] = [line?.getBoundingClientRect(), control.getBoundingClientRect()];
        over = at === undefined || (here.left < at.right && here.right > at.left && here.top < at.bottom && here.bottom > at.top);
      }
      if (over) found.push(control.innerText);
    }
    return found;
  });
  expect(covered).toEqual([]);
  await shopper.leave();
  await barista.leave();
});
