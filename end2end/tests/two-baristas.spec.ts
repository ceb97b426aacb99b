// Two baristas, one ticket: one of them has it, the other is told who; and what was done is taken back by buttons and by keys.
import type { Browser } from '@playwright/test';
import { expectAccessible } from './support/access';
import { Barista } from './support/barista';
import { expect, test } from './support/journey';
import { keepOffers } from './support/offers';
import type { Orderly } from './support/orderly';
import { Shopper } from './support/shopper';
import type { Likes } from './support/visitor';
import { LANGUAGES } from './support/words';

/** Kim and Robin at the board of one café, and somebody who orders there. */
async function together(browser: Browser, shop: Orderly, likes: Likes = {}) {
  const kim = await Barista.atBoard(browser, shop, likes);
  const robin = await Barista.atBoard(browser, shop, likes, 'harbor', 'Robin');
  const shopper = await Shopper.atMenu(browser, shop, likes);
  return { kim, robin, shopper };
}

/** The same, with all the time that they want to take something back, until Robin's ends; and what acts beside them. */
async function withTime(browser: Browser, shop: Orderly, likes: Likes = {}) {
  const people = await together(browser, shop, likes);
  const { kim, robin, shopper } = people;
  await keepOffers(kim.page);
  const end = await keepOffers(robin.page);
  for (const barista of [kim, robin]) await barista.expectLive();
  const others = await shopper.colleague();
  return { ...people, others, end };
}

for (const language of LANGUAGES) {
  test(`two baristas want one ticket, and the loser is told who has it (${language})`, async ({ browser, shop }) => {
    const { kim, robin, shopper } = await together(browser, shop, { language });
    const number = String((await shopper.api.orderCoffee()).number);
    await expect(kim.ticket(number, 'queued')).toBeVisible();
    await expect(robin.ticket(number, 'queued')).toBeVisible();

    // Both press before either of them has heard of the other: their requests leave together.
    const requests: (() => Promise<void>)[] = [];
    for (const { page } of [kim, robin]) {
      await page.route('**/api/v1/staff/orders/*/claim', async (route) => {
        await new Promise<void>((resolve) => {
          requests.push(async () => resolve());
          if (requests.length === 2) for (const go of requests) void go();
        });
        await route.continue();
      });
    }
    await Promise.all([kim, robin].map((barista) => barista.button(number, 'board.claim').click()));
    await expect(kim.ticket(number, 'making')).toBeVisible();
    await expect(robin.ticket(number, 'making')).toBeVisible();
    // The next claims are nobody's race.
    for (const { page } of [kim, robin]) await page.unroute('**/api/v1/staff/orders/*/claim');
    const holder = (await kim.ticket(number, 'making').textContent())?.includes('Robin') === true ? 'Robin' : 'Kim';
    const [winner, loser] = holder === 'Kim' ? [kim, robin] : [robin, kim];
    await expect(loser.page.getByTestId('board-problem')).toContainText(loser.w('board.taken', { name: holder }));
    await expect(winner.page.getByTestId('board-problem')).toHaveCount(0);
    await expect(loser.ticket(number, 'making')).toContainText(holder);

    // A step back and another one, by buttons; the same by the keys of the button that has the focus.
    await winner.button(number, 'board.ready_verb').click();
    await expect(loser.ticket(number, 'ready')).toBeVisible();
    await loser.button(number, 'board.recall').click();
    await expect(winner.ticket(number, 'making')).toBeVisible();
    // Another one's claim is given back by a second press only.
    await loser.button(number, 'board.release').click();
    const sure = loser.page.getByRole('button', { name: loser.w('board.release_sure', { name: holder }) });
    await expect(sure).toBeVisible();
    await expect(loser.ticket(number, 'making')).toContainText(holder);
    await winner.button(number, 'board.release').click();
    await expect(loser.ticket(number, 'queued')).toBeVisible();
    await expect(sure).toHaveCount(0);
    // The colleague may have heard of it before the answer is there, and until then nothing more is sent.
    await expect(winner.button(number, 'board.claim')).toHaveAttribute('aria-busy', 'false');
    await winner.page.keyboard.type(number);
    await winner.page.keyboard.press('Enter');
    await expect(winner.ticket(number, 'making')).toBeVisible();
    await winner.button(number, 'board.ready_verb').press('Enter');
    await expect(winner.ticket(number, 'ready')).toBeVisible();
    await winner.button(number, 'board.recall').press('Enter');
    await expect(winner.ticket(number, 'making')).toBeVisible();
    await winner.button(number, 'board.release').press('Space');
    await expect(winner.ticket(number, 'queued')).toBeVisible();
    await expect(winner.button(number, 'board.claim'), 'the focus goes along').toBeFocused();

    await shopper.leave();
    // The refusal is in the loser's console, as it should be.
    await loser.context.close();
    await winner.leave();
  });
}

for (const language of LANGUAGES) {
  test(`a colleague's ticket is given back by the same keys twice, and to nobody (${language})`, async ({ browser, shop }) => {
    const { kim, robin, shopper } = await together(browser, shop, { language });
    const number = String((await shopper.api.orderCoffee()).number);
    await robin.button(number, 'board.claim').click();
    await expect(kim.ticket(number, 'making')).toContainText('Robin');
    const sent: string[] = [];
    kim.page.on('request', (request) => {
      if (request.url().endsWith('/release')) sent.push(request.url());
    });
    const back = async () => {
      await kim.page.keyboard.type(number);
      await kim.page.keyboard.press('-');
    };
    const problem = kim.page.getByTestId('board-problem');
    await back();
    await expect(problem).toContainText(kim.w('board.release_again', { name: 'Robin', number }));
    await expectAccessible(kim.page, 'the board that asks once more');
    // Other keys between them: it is asked again.
    await kim.page.keyboard.type('4711');
    await kim.page.keyboard.press('Enter');
    await expect(problem).toContainText(kim.w('board.no_such', { number: 4711 }));
    await back();
    await expect(problem).toContainText(kim.w('board.release_again', { name: 'Robin', number }));
    expect(sent, 'nothing was released yet').toEqual([]);
    await back();
    await expect(kim.ticket(number, 'queued')).toBeVisible();
    await expect(problem).toHaveCount(0);
    // Once it is said what was done, it would be on offer, too.
    await expect(kim.page.locator('p.sr-only[role="status"]').filter({ hasText: new RegExp(`\\b${number}\\b`) })).toHaveCount(1);
    await expect(kim.page.getByTestId('undo')).toHaveCount(0);
    expect(sent).toHaveLength(1);
    for (const visitor of [kim, robin, shopper]) await visitor.leave();
  });
}

for (const language of LANGUAGES) {
  test(`who waits to be sent and finds a colleague quicker is told what did not happen (${language})`, async ({ browser, shop }) => {
    const { kim, robin, shopper, others, end } = await withTime(browser, shop, { language });
    const cup = async () => {
      const { id, number } = await shopper.api.orderCoffee();
      for (const verb of ['claim', 'ready']) await others.post(`/staff/orders/${id}/${verb}`);
      for (const barista of [kim, robin]) await expect(barista.ticket(String(number), 'ready')).toBeVisible();
      return String(number);
    };
    const collect = async (barista: Barista, number: string) => {
      await barista.button(number, 'board.collect').click();
      await expect(barista.ticket(number, 'ready')).toHaveAttribute('data-going', 'true');
    };
    const cancel = async (barista: Barista, number: string) => {
      await barista.page.getByText(`${barista.w('board.more')} ${barista.w('board.order')} ${number}`).locator('..').press('Enter');
      await barista.button(number, 'board.cancel').click();
      await expect(barista.ticket(number, 'ready')).toHaveAttribute('data-going', 'true');
    };
    /** Robin's five seconds are over, and the ticket is gone from both boards. */
    const over = async (number: string) => {
      await end();
      for (const barista of [kim, robin]) await expect(barista.ticket(number, 'ready')).toHaveCount(0);
      await expect(kim.page.getByTestId('undo'), 'nothing is promised any more').toHaveCount(0);
    };
    const lost = (key: string, number: string) => kim.page.getByTestId('board-lost').filter({ hasText: kim.w(key, { number }) });
    const now = (status: string) => kim.w('board.overtaken', { status: kim.w(status) });

    const handed = await cup();
    await collect(robin, handed);
    await cancel(kim, handed);
    await over(handed);
    await expect(lost('board.not_cancelled', handed)).toContainText(now('orders.collected'));
    await expectAccessible(kim.page, 'the board of who was too late');

    const called = await cup();
    await collect(kim, called);
    await cancel(robin, called);
    await over(called);
    await expect(lost('board.not_collected', called)).toContainText(now('orders.cancelled'));

    // Who wanted the same has it.
    const same = await cup();
    await collect(robin, same);
    await collect(kim, same);
    const asked = kim.page.waitForResponse('**/api/v1/orders/*');
    await over(same);
    await asked;
    await kim.page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
    await expect(kim.page.getByTestId('board-lost')).toHaveCount(2);
    await expect(robin.page.getByTestId('board-lost')).toHaveCount(0);
    for (const visitor of [kim, robin, shopper]) await visitor.leave();
  });
}

for (const language of LANGUAGES) {
  test(`who has a drink in hand is told when it is called off by somebody else (${language})`, async ({ browser, shop }) => {
    const { kim, robin, shopper, others, end } = await withTime(browser, shop, { language });
    const asked: string[] = [];
    robin.page.on('request', (request) => {
      if (/\/api\/v1\/orders\/[^/]+$/.test(request.url())) asked.push(request.url());
    });
    const claimed = async (holder: Barista) => {
      const { id, number } = await shopper.api.orderCoffee();
      await holder.button(String(number), 'board.claim').click();
      await expect(robin.ticket(String(number), 'making')).toBeVisible();
      return { id, number: String(number) };
    };
    const lost = robin.page.getByTestId('board-lost');

    const stopped = await claimed(robin);
    await others.post(`/staff/orders/${stopped.id}/cancel`, { reason: 'out_of_stock' });
    await expect(robin.ticket(stopped.number, 'making')).toHaveCount(0);
    await expect(lost).toContainText(robin.w('board.called_off_making', { number: stopped.number }));
    await expect(lost).toHaveAttribute('role', 'alert');
    await expect(lost).toContainText(robin.w('order.because', { why: robin.w('why.out_of_stock') }));
    await expectAccessible(robin.page, 'the board of who had what was called off');

    const made = await claimed(robin);
    await robin.button(made.number, 'board.ready_verb').click();
    await expect(robin.ticket(made.number, 'ready')).toBeVisible();
    await others.post(`/staff/orders/${made.id}/cancel`);
    await expect(lost.filter({ hasText: robin.w('board.called_off_ready', { number: made.number }) })).toBeVisible();
    await expect(lost).toHaveCount(2);
    for (const left of [1, 0]) {
      await lost.first().getByRole('button').click();
      await expect(lost).toHaveCount(left);
    }

    // What Robin calls off, or what a colleague has, is no news to them.
    const own = await claimed(robin);
    await robin.page.getByText(`${robin.w('board.more')} ${robin.w('board.order')} ${own.number}`).locator('..').press('Enter');
    await robin.button(own.number, 'board.cancel').click();
    await expect(robin.ticket(own.number, 'making')).toHaveAttribute('data-going', 'true');
    await end();
    await expect(robin.ticket(own.number, 'making')).toHaveCount(0);
    const theirs = await claimed(kim);
    await others.post(`/staff/orders/${theirs.id}/cancel`);
    await expect(robin.ticket(theirs.number, 'making')).toHaveCount(0);
    await expect(kim.page.getByTestId('board-lost')).toContainText(kim.w('board.called_off_making', { number: theirs.number }));
    await expect(lost).toHaveCount(0);
    expect(asked, 'one question each').toHaveLength(2);
    for (const visitor of [kim, robin, shopper]) await visitor.leave();
  });
}

for (const language of LANGUAGES) {
  test(`an offer ends when a colleague moves its ticket on, and who loses a drink so is told (${language})`, async ({ browser, shop }) => {
    const { kim, robin, shopper } = await withTime(browser, shop, { language });
    const [undo, lost] = [kim.page.getByTestId('undo'), kim.page.getByTestId('board-lost')];
    const sent: string[] = [];
    kim.page.on('request', (request) => {
      if (request.method() === 'POST' && request.url().includes('/staff/orders/')) sent.push(request.url());
    });
    const number = String((await shopper.api.orderCoffee()).number);
    await kim.button(number, 'board.claim').click();
    await expect(undo).toHaveCount(1);
    await expect(robin.ticket(number, 'making')).toContainText('Kim');
    await robin.button(number, 'board.release').click();
    await robin.page.getByRole('button', { name: robin.w('board.release_sure', { name: 'Kim' }) }).click();
    await expect(kim.ticket(number, 'queued')).toBeVisible();
    await expect(undo, 'what it would take back is not hers any more').toHaveCount(0);
    await expect(lost).toContainText(kim.w('board.given_back', { number }));
    await expectAccessible(kim.page, 'the board of who has lost a drink');
    await robin.button(number, 'board.claim').click();
    await expect(kim.ticket(number, 'making')).toContainText('Robin');
    await kim.page.keyboard.press('*');
    await expect(robin.page.getByTestId('undo'), 'what Robin did is on offer to Robin').toHaveCount(1);
    expect(sent, 'nothing of theirs is undone').toHaveLength(1);
    await kim.page.keyboard.press('Escape');
    await expect(lost).toHaveCount(0);

    // Made, and called back by a colleague.
    await kim.button(number, 'board.ready_verb').click();
    await expect(undo).toHaveCount(1);
    await robin.button(number, 'board.recall').click();
    await expect(kim.ticket(number, 'making')).toBeVisible();
    await expect(undo).toHaveCount(0);

    // What one gives back is no news to them, nor at their other board.
    const other = await kim.context.newPage();
    await other.goto('/staff/harbor/queue');
    await expect(other.getByTestId('live-line')).toHaveAttribute('data-state', 'live');
    const own = await shopper.api.orderCoffee();
    await kim.button(String(own.number), 'board.claim').click();
    const there = other.getByTestId('l-making').getByTestId('ticket').filter({ hasText: 'Kim' });
    await expect(there).toHaveCount(1);
    const journey = other.waitForResponse('**/api/v1/orders/*/journey');
    await kim.button(String(own.number), 'board.release').click();
    await journey;
    await expect(there).toHaveCount(0);
    await kim.button(String(own.number), 'board.claim').click();
    await expect(there).toHaveCount(1);
    const again = other.waitForResponse('**/api/v1/orders/*/journey');
    await kim.api.post(`/staff/orders/${own.id}/cancel`);
    await again;
    await expect(there).toHaveCount(0);
    for (const page of [kim.page, other]) {
      await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
      await expect(page.getByTestId('board-lost')).toHaveCount(0);
    }
    for (const visitor of [kim, robin, shopper]) await visitor.leave();
  });
}

test('what somebody else moves takes nobody the focus, and what stays is not drawn again', async ({ browser, shop }) => {
  const { kim, robin, shopper } = await together(browser, shop);
  const numbers: string[] = [];
  for (let order = 0; order < 3; order += 1) numbers.push(String((await shopper.api.orderCoffee()).number));
  const [first = '', second = '', third = ''] = numbers;
  await expect(kim.ticket(third, 'queued')).toBeVisible();
  for (const number of numbers) await kim.ticket(number, 'queued').evaluate((ticket) => Object.assign(ticket, { drawn: true }));
  await kim.button(second, 'board.claim').focus();
  // How long what moves takes to do so, in milliseconds.
  const slides = await kim.page.evaluateHandle(() => {
    const times: unknown[] = [];
    const animate = Element.prototype.animate;
    Element.prototype.animate = function (frames, options) {
      if (this.matches('.ticket')) times.push(typeof options === 'object' ? options.duration : options);
      return animate.call(this, frames, options);
    };
    return times;
  });

  await robin.button(second, 'board.claim').click();
  await expect(kim.ticket(second, 'making')).toBeVisible();
  await expect.poll(() => slides.evaluate((times) => times.length), 'it is seen to move').toBeGreaterThan(0);
  expect(new Set(await slides.jsonValue()), 'in the time of the house').toEqual(new Set([220]));
  const head = (lane: 'making' | 'ready') => kim.ticket(second, lane).getByRole('heading');
  await expect(head('making'), 'it goes along, and not to another button').toBeFocused();
  for (const number of [first, third]) {
    expect(await kim.ticket(number, 'queued').evaluate((ticket) => 'drawn' in ticket), `${number} is the same as before`).toBe(true);
  }
  await robin.button(second, 'board.ready_verb').click();
  await expect(head('ready')).toBeFocused();
  await robin.button(second, 'board.collect').click();
  await expect(kim.ticket(second, 'ready')).toHaveCount(0);
  await expect(kim.page.locator('#l-ready'), 'it does not fall to the top of the page').toBeFocused();
  for (const visitor of [kim, robin, shopper]) await visitor.leave();
});
