// The wall of a stand on a device whose clock is set while it runs, as one without a battery does once it has a network.
import { Api } from './support/api';
import { expect, test } from './support/journey';
import { Shopper } from './support/shopper';
import { LANGUAGES } from './support/words';
import { Visitor } from './support/visitor';

const HOUR = 3_600_000;

for (const language of LANGUAGES) {
  test(`a clock that is set moves no time on the wall (${language})`, async ({ browser, shop }) => {
    const screen = await Visitor.arrive(browser, shop, { language, viewport: { width: 1920, height: 1080 } });
    const { page, w } = screen;
    const manager = new Api(screen.context.request, shop.url, await shop.token('manager', 'harbor'));
    await page.addInitScript(() => {
      const now = Date.now.bind(Date);
      const clock = { set: 0 };
      Object.assign(window, { clock });
      Date.now = () => now() + clock.set;
    });
    await screen.becomeWall(manager, 'harbor', 'wall-1');
    const kiosk = page.getByTestId('kiosk');

    const next = page.locator('.kiosk__time p');
    const seconds = async () => {
      const [, minutes = '', rest = ''] = /(\d+):(\d\d)/.exec((await next.textContent()) ?? '') ?? [];
      return Number(minutes) * 60 + Number(rest);
    };
    const shopper = await Shopper.atMenu(browser, shop, { language });
    const ready = page.getByTestId('kiosk-ready').getByRole('listitem');
    for (const set of [HOUR, -HOUR]) {
      const before = await seconds();
      const asked = page.waitForResponse('**/healthz');
      await page.evaluate((set) => Object.assign((window as unknown as { clock: object }).clock, { set }), set);
      await asked;
      // It has ticked since.
      await expect.poll(seconds).toBeLessThan(before);
      expect(await seconds(), 'an hour is none').toBeGreaterThan(before - 300);
      await expect(kiosk).toHaveAttribute('data-state', 'scan');
      // Who is called is still called.
      const order = await shopper.api.orderCoffee();
      for (const verb of ['claim', 'ready']) await manager.post(`/staff/orders/${order.id}/${verb}`);
      await expect(ready.filter({ hasText: String(order.number) })).toContainText(w('kiosk.age', { minutes: 0 }));
    }
    await screen.expectSameDocument();
    await shopper.leave();
    // Not `leave`: the page was 401 before the screen was paired, which the console tells.
    await screen.context.close();
  });
}
