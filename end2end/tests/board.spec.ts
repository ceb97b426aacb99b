// The board's smaller things: who was quicker, what is new, and what is folded away.
import { expectAccessible } from './support/access';
import { Api } from './support/api';
import { Barista } from './support/barista';
import { expect, rush, test } from './support/journey';
import { keepOffers } from './support/offers';
import { Shopper } from './support/shopper';
import { LANGUAGES } from './support/words';

for (const language of LANGUAGES) {
  test(`a claim that comes too late names who has it, also without JavaScript (${language})`, async ({ browser, shop }) => {
    const quick = await Barista.atBoard(browser, shop);
    const late = await Barista.arrive(browser, shop, { language, javaScriptEnabled: false });
    await late.page.goto('/staff');
    await late.signIn('Robin');
    const shopper = await Shopper.atMenu(browser, shop);
    const number = String((await shopper.api.orderCoffee()).number);
    await late.openBoard();
    await quick.button(number, 'board.claim').click();
    await expect(quick.ticket(number, 'making')).toBeVisible();
    await late.button(number, 'board.claim').click();
    await expect(late.page.getByRole('alert')).toContainText(late.w('board.taken', { name: 'Kim' }));
    for (const visitor of [quick, late, shopper]) await visitor.leave();
  });
}

test('a ticket is new until it is claimed, and is called off from behind its dots', async ({ browser, shop }) => {
  const barista = await Barista.atBoard(browser, shop);
  const { page, w } = barista;
  const shopper = await Shopper.atMenu(browser, shop);
  const order = await shopper.api.orderCoffee();
  const [id, number] = [order.id, String(order.number)];
  const bar = await page.locator('.staff-tabs').boundingBox();
  await expect(barista.ticket(number, 'queued')).toContainText(w('board.fresh'));
  await expect(barista.ticket(number, 'queued')).toHaveAttribute('data-new', 'true');
  // Browsers look at every field of a page at each new ticket: there is none before a menu is opened.
  await expect(page.locator('.ticket__menu > *')).toHaveCount(0);
  await barista.button(number, 'board.claim').click();
  await expect(barista.ticket(number, 'making')).toContainText(w('board.on_time'));
  await barista.button(number, 'board.release').click();
  await expect(barista.ticket(number, 'queued')).not.toHaveAttribute('data-new', 'true');
  const more = page.getByText(`${w('board.more')} ${w('board.order')} ${number}`);
  await more.locator('..').press('Enter');
  await expect(barista.button(number, 'board.cancel')).toBeVisible();
  await expectAccessible(page, 'the menu of a ticket');
  await page.keyboard.press('Escape');
  await expect(barista.button(number, 'board.cancel')).toBeHidden();
  await expect(more.locator('..')).toBeFocused();
  await page.keyboard.press('Enter');

  await barista.context.setOffline(true);
  await expect(barista.liveLine).toHaveAttribute('data-state', 'offline');
  expect(await page.locator('.staff-tabs').boundingBox(), 'the way to the other pages stays where it is').toEqual(bar);
  await barista.context.setOffline(false);
  await barista.expectLive();
  await barista.button(number, 'board.cancel').click();
  await expect(page.getByTestId('undo')).toContainText(w('board.going_cancel'));
  await page.getByTestId('undo').getByRole('button').click();
  await expect(barista.ticket(number, 'queued')).not.toHaveAttribute('data-going', 'true');
  await more.locator('..').press('Enter');
  await barista.button(number, 'board.cancel').click();
  await expect(page.getByTestId('undo')).toBeVisible();
  // Who goes meant it.
  await page.getByRole('link', { name: w('staff.menu') }).click();
  await expect.poll(async () => (await shopper.api.get<{ status: string }>(`/orders/${id}`)).status).toBe('cancelled');
  await barista.leave();
  await shopper.leave();
});

for (const language of LANGUAGES) {
  test(`the board on small screens: everything is large enough, and nothing moves when a ticket is unfolded (${language})`, async ({ browser, shop }) => {
    const barista = await Barista.atBoard(browser, shop, { language, viewport: { width: 320, height: 640 } });
    const { page, w } = barista;
    const shopper = await Shopper.atMenu(browser, shop);
    const number = String((await shopper.api.orderCoffee()).number);
    await expect(barista.ticket(number, 'queued')).toBeVisible();
    await expect(page.getByTestId('stations').getByRole('button').first()).toBeVisible();
    const small = await page.locator('.board-top :is(button, summary)').evaluateAll((targets) =>
      targets
        .filter((target) => target.checkVisibility())
        .map((target) => ({ text: target.textContent, ...(({ width, height }) => ({ width, height }))(target.getBoundingClientRect()) }))
        .filter(({ width, height }) => width < 55.5 || height < 55.5),
    );
    expect(small, 'too small for wet hands').toEqual([]);
    await expectAccessible(page, 'the board on a small phone');

    for (const viewport of [{ width: 320, height: 640 }, { width: 768, height: 1024 }]) {
      await page.setViewportSize(viewport);
      const claim = barista.button(number, 'board.claim');
      const more = page.getByText(`${w('board.more')} ${w('board.order')} ${number}`).locator('..');
      const places = () =>
        barista.ticket(number, 'queued').evaluate((ticket) => {
          const [row, handle] = [ticket.querySelector('.ticket__actions .button'), ticket.querySelector('summary')].map((it) => it?.getBoundingClientRect());
          const at = ticket.getBoundingClientRect();
          return [row, handle].map((it) => [(it?.left ?? 0) - at.left, (it?.top ?? 0) - at.top, it?.width ?? 0].map(Math.round));
        });
      await expect(claim).toBeVisible();
      const before = await places();
      await more.press('Enter');
      await expect(barista.button(number, 'board.cancel')).toBeVisible();
      expect(await places()).toEqual(before);
      await more.press('Enter');
      await expect(barista.button(number, 'board.cancel')).toBeHidden();
    }
    const [title, tabs] = [await page.locator('.staff-bar__title').boundingBox(), await page.locator('.staff-tabs').boundingBox()];
    expect(tabs?.y, 'an upright tablet has it in one row').toBeLessThan((title?.y ?? 0) + (title?.height ?? 0));
    // So has a ticket its number and its age, the longest of them, too.
    const heads = await barista.ticket(number, 'queued').evaluate((ticket, word) => {
      const [name, age] = ['.ticket__number', '.ticket__age'].map((part) => ticket.querySelector(part));
      const look = () => {
        const [left, right] = [name, age].map((part) => part?.getBoundingClientRect());
        return { row: (right?.top ?? 0) < (left?.bottom ?? 0), tall: Math.round(ticket.getBoundingClientRect().height) };
      };
      const before = look();
      name?.lastChild?.replaceWith('888');
      age?.lastChild?.replaceWith(word);
      return [before, look()];
    }, w('board.ready_late'));
    expect(heads[0]?.row).toBe(true);
    expect(heads[1], 'whatever is in it').toEqual(heads[0]);
    await shopper.leave();
    await barista.leave();
  });
}

for (const language of LANGUAGES) {
  test(`more totals than a row has room for are reached by keyboard (${language})`, async ({ browser, shop }) => {
    const barista = await Barista.atBoard(browser, shop, { language, viewport: { width: 320, height: 640 } });
    const { page } = barista;
    const shopper = await Shopper.atMenu(browser, shop);
    const skus = ['flat-white-regular', 'flat-white-large', 'cappuccino-regular', 'cappuccino-large', 'latte-regular', 'latte-large'];
    await shopper.api.order(skus.map((sku) => ({ sku, quantity: 2, options: ['oat'] })));
    const totals = page.getByTestId('totals');
    await expect(totals.getByRole('listitem')).toHaveCount(7);
    for (const width of [320, 390, 768]) {
      await page.setViewportSize({ width, height: 844 });
      expect(await totals.evaluate((row) => row.scrollWidth - row.clientWidth), `too many at ${width} px`).toBeGreaterThan(0);
      await expectAccessible(page, `the board with many totals at ${width} px`);
    }
    await page.getByTestId('stations').getByRole('button').last().focus();
    await page.keyboard.press('Tab');
    await expect(totals).toBeFocused();
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => totals.evaluate((row) => row.scrollLeft)).toBeGreaterThan(0);
    await shopper.leave();
    await barista.leave();
  });
}

for (const language of LANGUAGES) {
  test(`what is held back can be taken back after another ticket was touched (${language})`, async ({ browser, shop }) => {
    const barista = await Barista.atBoard(browser, shop, { language });
    const { page, w } = barista;
    const end = await keepOffers(page);
    await barista.expectLive();
    const shopper = await Shopper.atMenu(browser, shop, { language });
    const [first, second] = [await shopper.api.orderCoffee(), await shopper.api.orderCoffee()];
    const [held, other] = [String(first.number), String(second.number)];
    await expect(barista.ticket(other, 'queued')).toBeVisible();
    const sent: string[] = [];
    page.on('request', (request) => {
      if (request.url().endsWith('/cancel')) sent.push(request.url());
    });
    const offer = (number: string) => page.getByTestId('undo').filter({ hasText: new RegExp(`\\b${number}\\b`) });
    const cancel = async () => {
      await page.getByText(`${w('board.more')} ${w('board.order')} ${held}`).locator('..').press('Enter');
      await barista.button(held, 'board.cancel').click();
      await expect(offer(held)).toContainText(w('board.going_cancel'));
    };
    await cancel();
    await barista.button(other, 'board.claim').click();
    await expect(barista.ticket(other, 'making')).toBeVisible();
    await expect(offer(other)).toBeVisible();
    await expect(page.getByTestId('undo')).toHaveCount(2);
    await expectAccessible(page, 'the board with two offers');
    // Its number and Enter say why nothing happens.
    await page.keyboard.type(held);
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('board-problem')).toContainText(w('board.held_already', { number: held }));
    await offer(held).getByRole('button').click();
    await expect(offer(held)).toHaveCount(0);
    await expect(page.getByTestId('board-problem')).toHaveCount(0);
    await expect(barista.ticket(held, 'queued')).not.toHaveAttribute('data-going', 'true');
    await expect(offer(other), 'the other one stays').toBeVisible();

    // The key takes back what came last.
    await cancel();
    await page.keyboard.press('*');
    await expect(offer(held)).toHaveCount(0);
    await page.keyboard.press('*');
    await expect(barista.ticket(other, 'queued')).toBeVisible();
    await expect(page.getByTestId('undo')).toHaveCount(0);
    expect(sent, 'nothing was called off').toEqual([]);
    await cancel();
    await end();
    await expect(barista.ticket(held, 'queued')).toHaveCount(0);
    expect(sent).toHaveLength(1);
    await shopper.leave();
    await barista.leave();
  });
}

for (const language of LANGUAGES) {
  test(`the whole board by keyboard, and a step taken back (${language})`, async ({ browser, shop }) => {
    const barista = await Barista.arrive(browser, shop, { language });
    const { page, w } = barista;
    await page.addInitScript(() => {
      const told = { notes: 0 };
      Object.assign(window, { told });
      const start = OscillatorNode.prototype.start;
      OscillatorNode.prototype.start = function (when) {
        told.notes += 1;
        start.call(this, when);
      };
    });
    await page.goto('/staff');
    await barista.signIn('Kim');
    await barista.openBoard();
    await barista.expectLive();
    const notes = () => page.evaluate(() => (window as unknown as { told: { notes: number } }).told.notes);
    const shopper = await Shopper.atMenu(browser, shop);
    const [first, second] = [String((await shopper.api.orderCoffee()).number), String((await shopper.api.orderCoffee()).number)];
    await expect(barista.ticket(second, 'queued')).toBeVisible();
    expect(await notes(), 'silent until it is touched').toBe(0);
    await expect(page.getByTestId('totals')).toContainText('2 ×');
    await expectAccessible(page, 'the board with stations and totals');

    const bump = async (number: string) => {
      await page.keyboard.type(number);
      await expect(page.getByTestId('typed')).toHaveText(w('board.typed', { number }));
      await page.keyboard.press('Enter');
      await expect(page.getByTestId('typed')).toBeHidden();
    };
    await bump(first);
    await expect(barista.ticket(first, 'making')).toBeVisible();
    await expect(page.getByTestId('undo')).toContainText(first);
    await page.getByTestId('undo').getByRole('button').click();
    await expect(barista.ticket(first, 'queued')).toBeVisible();
    await expect(page.getByTestId('undo')).toHaveCount(0);
    await bump(first);
    await expect(barista.ticket(first, 'making')).toBeVisible();
    await bump(first);
    await expect(barista.ticket(first, 'ready')).toBeVisible();
    // Nobody is asked for ever.
    await expect(page.getByTestId('undo')).toHaveCount(0, { timeout: 8_000 });
    // What leaves the house waits for five seconds, in which it can be taken back.
    const handed: string[] = [];
    page.on('request', (request) => {
      if (request.url().endsWith('/collect')) handed.push(request.url());
    });
    await bump(first);
    await expect(barista.ticket(first, 'ready')).toHaveAttribute('data-going', 'true');
    await expect(page.getByTestId('undo')).toContainText(w('board.going_collect'));
    await page.keyboard.press('*');
    await expect(barista.ticket(first, 'ready')).not.toHaveAttribute('data-going', 'true');
    await bump(first);
    await expectAccessible(page, 'the board with a cup that is going');
    await expect(barista.ticket(first, 'ready')).toHaveCount(0);
    await expect(page.getByTestId('undo'), 'what is handed over is gone').toHaveCount(0);
    expect(handed, 'what was taken back was never sent').toHaveLength(1);
    // A step back.
    await bump(second);
    await expect(barista.ticket(second, 'making')).toBeVisible();
    await page.keyboard.type(second);
    await page.keyboard.press('-');
    await expect(barista.ticket(second, 'queued')).toBeVisible();
    await page.keyboard.type(second);
    await page.keyboard.press('-');
    await expect(page.getByTestId('board-problem')).toContainText(w('board.no_way_back', { number: second }));
    await page.keyboard.type('4711');
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('board-problem')).toContainText(w('board.no_such', { number: 4711 }));
    await page.keyboard.type('12');
    await page.keyboard.press('Escape');
    await expect(page.getByTestId('typed')).toBeHidden();

    const third = String((await shopper.api.orderCoffee()).number);
    await expect(barista.ticket(third, 'queued')).toBeVisible();
    // Who wants no motion sees which one is new, too.
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await expect(barista.ticket(third, 'queued')).toHaveCSS('animation-name', 'ticket-mark');
    await page.emulateMedia({ reducedMotion: null });
    await expect.poll(notes, { message: 'heard' }).toBe(2);
    const sound = page.getByTestId('sound');
    await expect(sound).toHaveAttribute('aria-pressed', 'true');
    await sound.click();
    await expect(sound).toHaveText(w('board.sound_off'));
    const fourth = String((await shopper.api.orderCoffee()).number);
    await expect(barista.ticket(fourth, 'queued')).toBeVisible();
    expect(await notes(), 'switched off').toBe(2);
    await sound.click();
    await expect.poll(notes, { message: 'how it will sound' }).toBe(4);

    // Who bakes does not see coffee.
    const stations = page.getByTestId('stations').getByRole('button');
    await stations.last().click();
    await expect(page.getByTestId('ticket')).toHaveCount(0);
    await page.reload();
    await barista.expectLive();
    await expect(stations.last(), 'who works there still does').toHaveAttribute('aria-pressed', 'true');
    await expect(page.getByTestId('ticket')).toHaveCount(0);
    // What is at another station is not moved unseen, and is not said to be gone.
    for (const key of ['Enter', '-']) {
      await page.keyboard.type(third);
      await page.keyboard.press(key);
      await expect(page.getByTestId('board-problem')).toContainText(w('board.elsewhere', { number: third }));
      await page.getByTestId('board-problem').getByRole('button').click();
    }
    await page.keyboard.press('+');
    await expect(stations.first()).toHaveAttribute('aria-pressed', 'true');
    await expect(page.getByTestId('ticket')).toHaveCount(3);
    await page.getByTestId('board-keys').locator('summary').click();
    await expectAccessible(page, 'the keys of the board');
    await shopper.leave();
    await barista.leave();
  });
}

rush('a tablet that is turned keeps thirty tickets in their lanes, and what is to be made in sight', async ({ browser, shop }) => {
  const shopper = await Shopper.atMenu(browser, shop);
  const manager = new Api(shopper.context.request, shop.url, await shop.token('manager', 'harbor'));
  // More than the café lets in at once.
  await manager.patch('/staff/stores/harbor/settings', { capacity: null });
  for (let order = 0; order < 30; order += 1) {
    const { id } = await shopper.api.orderCoffee();
    if (order < 20) await manager.post(`/staff/orders/${id}/claim`);
    if (order < 10) await manager.post(`/staff/orders/${id}/ready`);
  }
  const barista = await Barista.atBoard(browser, shop);
  const { page } = barista;
  await expect(page.getByTestId('ticket')).toHaveCount(30);
  await expect(page.locator('.ticket__menu > *'), 'nor are those left that the server has drawn').toHaveCount(0);
  for (const [width, height] of [[768, 1024], [1024, 768], [768, 1024]] as const) {
    await page.setViewportSize({ width, height });
    const look = () =>
      page.evaluate(async () => {
        // What is out of sight is only known to be so when a frame was drawn.
        for (let frame = 0; frame < 3; frame += 1) await new Promise((drawn) => requestAnimationFrame(drawn));
        const wide = [...document.querySelectorAll('[data-testid="ticket"]')].filter((ticket) => {
          const lane = ticket.closest('.lane')?.getBoundingClientRect();
          const { left, right } = ticket.getBoundingClientRect();
          return lane === undefined || left < lane.left - 1 || right > lane.right + 1;
        });
        return { width: window.innerWidth, wide: wide.length };
      });
    await expect.poll(look, { message: `tickets that leave their lane at ${width}` }).toEqual({ width, wide: 0 });
    const totals = await page.getByTestId('totals').boundingBox();
    expect(totals?.width ?? 0, 'the totals have a row of their own').toBeGreaterThan(width - 20);
  }
  await shopper.leave();
  await barista.leave();
});
