// The switch that opens and closes a shop moves on every page that has it, whoever has moved it.
import { Api } from './support/api';
import { Barista } from './support/barista';
import { expect, test } from './support/journey';
import { LANGUAGES } from './support/words';

for (const language of LANGUAGES) {
  test(`a manager sees that somebody else has closed the shop, and opens it again (${language})`, async ({ browser, shop }) => {
    const manager = await Barista.arrive(browser, shop, { language });
    const { page: home, w } = manager;
    const colleague = new Api(manager.context.request, shop.url, await shop.token('manager', 'harbor'));
    await home.goto('/staff');
    await manager.signIn('Mo', 'manager');
    const settings = await manager.context.newPage();
    await settings.goto('/staff/harbor/settings');
    const switches = [home, settings].map((page) => page.getByRole('switch'));
    const are = async (open: boolean) => {
      for (const one of switches) {
        await expect(one).toHaveAttribute('aria-checked', String(open));
        await expect(one).toHaveText(w(open ? 'staff.open_for_orders' : 'staff.closed_for_orders'));
        await expect(one, 'what a press does now').toHaveAttribute('value', String(!open));
      }
      await expect(settings.getByTestId('store-status')).toContainText(w(open ? 'store.open' : 'store.closed'));
    };
    await are(true);
    for (const page of [home, settings]) await page.evaluate(() => Object.assign(window, { remembered: true }));
    const same = (page: typeof home) => page.evaluate(() => 'remembered' in window);

    await colleague.put('/staff/stores/harbor/status', { open: false });
    await are(false);
    await colleague.put('/staff/stores/harbor/status', { open: true });
    await are(true);
    await colleague.put('/staff/stores/harbor/status', { open: false });
    await are(false);
    expect(await Promise.all([home, settings].map(same)), 'no page was loaded again').toEqual([true, true]);

    // What is pressed on one page is what was seen there: it opens, and the other page hears of it.
    await settings.getByRole('switch').click();
    await are(true);
    expect(await same(home), 'nor this one now').toBe(true);
    expect((await colleague.get<{ open: boolean }>('/stores/harbor')).open).toBe(true);
    await manager.leave();
  });
}
