// The wall at the counter: numbers that move, a manager who sees that it is alive, and a new version that it loads by itself.
import { expectAccessible } from './support/access';
import { Api } from './support/api';
import { Barista } from './support/barista';
import { expect, test } from './support/journey';
import { Shopper } from './support/shopper';
import { LANGUAGES } from './support/words';
import { Visitor } from './support/visitor';

for (const language of LANGUAGES) {
  test(`the wall shows who is next (${language})`, async ({ browser, shop }) => {
    const boss = await Barista.arrive(browser, shop, { language });
    await boss.page.goto('/staff');
    await boss.signIn('Mo', 'manager');
    const manager = new Api(boss.context.request, shop.url, await shop.token('manager', 'harbor'));
    const { code } = await manager.post<{ code: string }>('/staff/stores/harbor/kiosks', { id: 'counter-1' });
    await boss.page.goto('/staff/harbor/settings');
    await expect(boss.page.getByTestId('screen-presence')).toHaveCount(0);

    const screen = await Visitor.arrive(browser, shop, { language, viewport: { width: 1920, height: 1080 } });
    const { page, w } = screen;
    await page.addInitScript(() => {
      const locks: { asked: number; held?: EventTarget } = { asked: 0 };
      Object.assign(window, { locks });
      const request = async () => {
        locks.asked += 1;
        locks.held = new EventTarget();
        return locks.held;
      };
      Object.defineProperty(navigator, 'wakeLock', { value: { request } });
    });
    await page.goto('/kiosk/counter-1');
    await page.getByLabel(w('kiosk.pair_code')).fill(code);
    await page.getByTestId('pair-form').getByRole('button').click();
    const [preparing, ready] = [page.getByTestId('kiosk-preparing'), page.getByTestId('kiosk-ready')];
    await expect(preparing).toContainText(w('kiosk.nothing'));
    await screen.expectLive();
    await screen.rememberDocument();
    const asked = () => page.evaluate(() => (window as unknown as { locks: { asked: number } }).locks.asked);
    await expect.poll(asked, 'the screen stays on').toBe(1);
    await page.evaluate(() => (window as unknown as { locks: { held: EventTarget } }).locks.held.dispatchEvent(new Event('release')));
    await expect.poll(asked, 'and comes back on').toBe(2);

    const shopper = await Shopper.atMenu(browser, shop);
    const first = await shopper.api.orderCoffee();
    const second = await shopper.api.orderCoffee();
    const numbers = (lane: typeof preparing) => lane.getByRole('listitem').locator('strong');
    await expect(numbers(preparing)).toHaveText([first.number, second.number].map(String));
    await manager.post(`/staff/orders/${second.id}/claim`);
    await manager.post(`/staff/orders/${second.id}/ready`);
    await expect(numbers(preparing)).toHaveText([String(first.number)]);
    await expect(numbers(ready)).toHaveText([String(second.number)]);
    await expect(ready).toContainText(w('kiosk.age', { minutes: 0 }));
    await expectAccessible(page, 'the wall with numbers');
    expect(await page.evaluate(() => document.documentElement.scrollHeight), 'all of it is in sight').toBeLessThanOrEqual(1080);
    await manager.post(`/staff/orders/${second.id}/collect`);
    await expect(numbers(ready)).toHaveCount(0);
    await screen.expectSameDocument();

    // The scanner of the same kiosk is another screen, and the page that its manager has open follows by itself.
    await boss.page.reload();
    await boss.rememberDocument();
    const { code: next } = await manager.post<{ code: string }>('/staff/stores/harbor/kiosks/counter-1/pairing');
    const desk = await Visitor.arrive(browser, shop, { language });
    await desk.page.goto('/kiosk/counter-1/scan');
    await desk.page.getByLabel(w('kiosk.pair_code')).fill(next);
    await desk.page.getByTestId('pair-form').getByRole('button').click();
    await desk.expectLive();
    const there = boss.page.getByTestId('screen-presence');
    const on = (screen: string) => `${w(`people.screen_${screen}`)} · ${w('people.screen_on')}`;
    await expect(there).toHaveText([on('wall'), on('scanner')]);
    // Not `leave`: the page was 401 before the screen was paired, which the console tells.
    await desk.context.close();
    const away = `${w('people.screen_scanner')} · ${w(`people.screen_minutes.${language === 'en' ? 'one' : 'other'}`, { count: 1 })}`;
    await expect(there, 'a screen that is dead is not green').toHaveText([on('wall'), away]);
    await boss.expectSameDocument();
    await expectAccessible(boss.page, 'the settings with a screen that is there');

    // The shop comes back as it was: the wall stays. It comes back as another version: the wall loads itself again.
    await shop.kill();
    await screen.expectPaused('live.reconnecting');
    const looked = page.waitForRequest((request) => /\/pkg\/.*\.js\?\d/.test(request.url()));
    await shop.start();
    await screen.expectLive();
    await looked;
    await screen.expectSameDocument();
    // The first answer is none: it asks again.
    const answers = [502, 404];
    await page.route(/\/pkg\/.*\.js\?\d/, (route) => route.fulfill({ status: answers.shift() ?? 404 }));
    await shop.kill();
    await screen.expectPaused('live.reconnecting');
    const loaded = page.waitForEvent('load');
    await shop.start();
    await loaded;
    expect(answers, 'it has asked twice').toEqual([]);
    await screen.expectLive();
    expect(await page.evaluate(() => 'remembered' in window), 'it was loaded again').toBe(false);
    await shopper.leave();
    await boss.leave();
    // That its files were gone is in the console, as it should be.
    await screen.context.close();
  });
}
