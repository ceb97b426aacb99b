// What can be taken back is offered beside the tickets, not over them: every button can be brought out from under the offer.
import { expectAccessible } from './support/access';
import type { Order } from './support/api';
import { Barista } from './support/barista';
import { expect, test } from './support/journey';
import { keepOffers } from './support/offers';
import { Shopper } from './support/shopper';
import { PHONE, TABLET } from './support/visitor';
import { LANGUAGES } from './support/words';

for (const [name, device] of [['phone', PHONE], ['tablet', TABLET]] as const) {
  test(`no button of the board is hidden by what is said (${name})`, async ({ browser, shop }) => {
    const barista = await Barista.atBoard(browser, shop, device);
    const { page, w } = barista;
    const end = await keepOffers(page);
    await barista.expectLive();
    const shopper = await Shopper.atMenu(browser, shop);
    const numbers: string[] = [];
    for (let order = 0; order < 5; order += 1) numbers.push(String((await shopper.api.orderCoffee()).number));
    const [first = '', second = '', last = ''] = [numbers[0], numbers[1], numbers.at(-1)];
    await expect(barista.ticket(last, 'queued')).toBeVisible();

    /** The buttons that something else is over when they are scrolled to, as by a keyboard. */
    const hidden = (said: string) =>
      page.evaluate(async (said) => {
        const found: string[] = [];
        for (const button of document.querySelectorAll<HTMLElement>('.board button, .board summary')) {
          if (!button.checkVisibility()) continue;
          // A ticket that has just moved is still on its way, and the page goes with it.
          let over: (string | undefined)[] = [];
          for (let frame = 0; frame < 30; frame += 1) {
            button.scrollIntoView({ block: 'nearest', behavior: 'instant' });
            await new Promise((drawn) => requestAnimationFrame(drawn));
            const { left, top, width, height } = button.getBoundingClientRect();
            const at = [0.1, 0.5, 0.9].map((down) => document.elementFromPoint(left + width / 2, top + height * down));
            over = at.filter((element) => !button.contains(element)).map((element) => element?.className ?? 'out of sight');
            // One whose ticket has moved on meanwhile is no button any more.
            if (!button.isConnected) over = [];
            if (over.length === 0) break;
          }
          if (over.length > 0) found.push(`${button.innerText}: ${over.join(', ')}`);
        }
        // It was there all the time.
        if (document.querySelector(`[data-testid="${said}"]`) === null) found.push('nothing was said');
        return found;
      }, said);
    /** Tickets out of sight have the height that they had in it: every one is shown once, or its height is a guess. */
    const showAll = () =>
      page.evaluate(async () => {
        const drawn = () => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
        for (const ticket of document.querySelectorAll('[data-testid="ticket"]')) {
          ticket.scrollIntoView({ block: 'center', behavior: 'instant' });
          await drawn();
        }
        window.scrollTo({ top: document.documentElement.scrollHeight, behavior: 'instant' });
        await drawn();
      });
    /** Where the page is, and the last ticket on it. */
    const place = () =>
      page.evaluate((number) => {
        const ticket = [...document.querySelectorAll('[data-testid="ticket"]')].find((ticket) => ticket.querySelector('h3')?.innerText.endsWith(number));
        return { scrolled: window.scrollY, top: ticket?.getBoundingClientRect().top ?? NaN };
      }, last);

    // Something that stays until it is dismissed, and then an offer beside it.
    await page.keyboard.type('4711');
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('board-problem')).toContainText(w('board.no_such', { number: 4711 }));
    expect(await hidden('board-problem')).toEqual([]);
    await page.getByTestId('board-problem').getByRole('button').click();
    await barista.button(first, 'board.claim').click();
    await expect(barista.ticket(first, 'making')).toBeVisible();
    await expect(page.getByTestId('undo')).toBeVisible();
    expect(await hidden('undo')).toEqual([]);
    await expectAccessible(page, 'the board with an offer');
    await expect(page.getByTestId('undo')).toBeVisible();
    // Two of them hide no more than one.
    await barista.button(second, 'board.claim').click();
    await expect(barista.ticket(second, 'making')).toBeVisible();
    await expect(page.getByTestId('undo')).toHaveCount(2);
    expect(await hidden('undo')).toEqual([]);

    // At the end of the page, where there is no room to give: nothing moves under a finger when the offer comes and goes.
    await end();
    await expect(page.getByTestId('undo')).toHaveCount(0);
    await barista.button(first, 'board.release').click();
    await expect(page.getByTestId('undo')).toBeVisible();
    await expect(barista.ticket(first, 'queued')).toBeVisible();
    await showAll();
    const before = await place();
    await expect(page.getByTestId('undo')).toBeVisible();
    await end();
    await expect(page.getByTestId('undo')).toHaveCount(0);
    const after = await place();
    expect(after.scrolled).toBe(before.scrolled);
    // Less than a pixel, which nobody sees: the heights that tickets out of sight are remembered by are rounded.
    expect(Math.abs(after.top - before.top), `from ${before.top} to ${after.top}`).toBeLessThan(1);
    await barista.leave();
    await shopper.leave();
  });
}

for (const language of LANGUAGES) {
  test(`what is to be read has a third of the screen, and is closed by keys or all at once (${language})`, async ({ browser, shop }) => {
    const barista = await Barista.atBoard(browser, shop, { language });
    const { page, w } = barista;
    const shopper = await Shopper.atMenu(browser, shop);
    const others = await shopper.colleague();
    const lost = page.getByTestId('board-lost');
    const numbers: string[] = [];
    const lose = async (count: number) => {
      const orders: Order[] = [];
      for (let n = 0; n < count; n += 1) {
        const order = await shopper.api.orderCoffee();
        await barista.button(String(order.number), 'board.claim').click();
        await expect(barista.ticket(String(order.number), 'making')).toBeVisible();
        orders.push(order);
      }
      for (const { id, number } of orders) {
        await others.post(`/staff/orders/${id}/cancel`);
        await expect(lost.filter({ hasText: w('board.called_off_making', { number }) })).toHaveCount(1);
        numbers.push(String(number));
      }
    };
    const all = page.getByRole('button', { name: w('board.dismiss_all') });
    await lose(1);
    await expect(all, 'one is closed by its own').toHaveCount(0);
    await lose(5);
    await expect(lost).toHaveCount(6);
    await expect(lost.first(), 'the newest is on top').toContainText(numbers.at(-1) ?? '');
    const height = page.viewportSize()?.height ?? 0;
    const box = await page.getByTestId('board-alerts').boundingBox();
    expect(box?.height ?? height).toBeLessThan(0.36 * height);
    await expectAccessible(page, 'the board with much to be read');

    // Escape closes the newest, wherever the focus is; by its button the focus goes on to the next one.
    await page.keyboard.press('Escape');
    await expect(lost).toHaveCount(5);
    await expect(lost.first()).toContainText(numbers.at(-2) ?? '');
    for (const left of [4, 3]) {
      await lost.first().getByRole('button').press('Enter');
      await expect(lost).toHaveCount(left);
      await expect(lost.first().getByRole('button')).toBeFocused();
    }
    await page.keyboard.press('Escape');
    await expect(lost).toHaveCount(2);
    await expect(lost.first().getByRole('button')).toBeFocused();
    await all.press('Enter');
    await expect(lost).toHaveCount(0);
    await expect(all).toHaveCount(0);
    await expect(page.locator('#l-making'), 'the focus is not lost with the last one').toBeFocused();
    await shopper.leave();
    await barista.leave();
  });
}
