// What is pressed on the board takes the focus along, and the page with it only for who works by keyboard.
import { Barista } from './support/barista';
import { expect, test } from './support/journey';
import { Shopper } from './support/shopper';
import { PHONE, TABLET } from './support/visitor';

for (const [name, device] of [['phone', PHONE], ['tablet', TABLET]] as const) {
  test(`under a finger the board stays where it is (${name})`, async ({ browser, shop }) => {
    const barista = await Barista.atBoard(browser, shop, device);
    const { page } = barista;
    const shopper = await Shopper.atMenu(browser, shop);
    const order = async () => String((await shopper.api.orderCoffee()).number);
    const numbers: string[] = [];
    for (let count = 0; count < 6; count += 1) numbers.push(await order());
    const [first = '', second = '', last = ''] = [numbers[0], numbers[1], numbers.at(-1)];
    await expect(barista.ticket(last, 'queued')).toBeVisible();
    const place = () => page.evaluate(() => window.scrollY);
    const drawn = () => page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));

    // What is claimed is in another lane, on a phone below all that waits.
    await barista.button(first, 'board.claim').tap();
    await expect(barista.button(first, 'board.ready_verb')).toBeFocused();
    await drawn();
    await expect(barista.ticket(second, 'queued'), 'the next one is at hand').toBeInViewport();

    // Somebody taps beside it, and looks at what is far from it.
    const goFar = () =>
      page.evaluate(async (end) => {
        if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
        // A ticket out of sight has the height that it had in it: every one is shown once, or its height is a guess.
        for (const ticket of document.querySelectorAll('[data-testid="ticket"]')) {
          ticket.scrollIntoView({ block: 'center', behavior: 'instant' });
          await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
        }
        window.scrollTo({ top: end ? document.documentElement.scrollHeight : 0, behavior: 'instant' });
      }, name === 'tablet');
    await goFar();
    await drawn();
    const before = await place();
    if (name === 'tablet') expect(before, 'a long queue').toBeGreaterThan(0);
    const newest = await order();
    await expect(barista.ticket(newest, 'queued')).toBeVisible();
    await drawn();
    expect(await place(), 'what comes in moves nothing').toBe(before);
    expect(await page.evaluate(() => document.activeElement?.tagName), 'nor is anything pressed by the next key').toBe('BODY');

    // By keyboard they go along.
    await page.locator('#l-queued').focus();
    await page.keyboard.press('Tab');
    await expect(barista.button(second, 'board.claim')).toBeFocused();
    await page.keyboard.press('Enter');
    await expect(barista.button(second, 'board.ready_verb')).toBeFocused();
    await expect(barista.button(second, 'board.ready_verb')).toBeInViewport();
    await barista.leave();
    await shopper.leave();
  });
}
