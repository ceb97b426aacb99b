// A shop that goes back to a backup under open pages: they show it as it is again, and go on from there.
import { Api } from './support/api';
import { expect, test } from './support/journey';
import { Shopper } from './support/shopper';
import { LANGUAGES } from './support/words';

for (const language of LANGUAGES) {
  test(`pages that are open while a backup is restored hear what happens next (${language})`, async ({ browser, shop }) => {
    const looks = await Shopper.arrive(browser, shop, { language });
    const waits = await Shopper.arrive(browser, shop, { language });
    const { w } = looks;
    const [manager, barista] = await Promise.all(
      ['manager', 'barista'].map(async (role) => new Api(looks.context.request, shop.url, await shop.token(role, 'harbor'))),
    );
    if (manager === undefined || barista === undefined) throw new Error('there are two of them');
    const switched = (open: boolean) => manager.put('/staff/stores/harbor/status', { open });
    const sold = async (available: boolean) => {
      for (const sku of ['espresso-single', 'espresso-double']) {
        await manager.put(`/staff/stores/harbor/items/${sku}`, { available });
      }
    };

    await looks.page.goto('/s/harbor');
    const status = looks.page.getByTestId('store-status');
    const espresso = looks.page.locator('.product-card', { has: looks.page.locator('a[href$="/p/espresso"]') });
    await waits.page.goto('/s/harbor');
    const order = await waits.api.orderCoffee();
    await waits.page.goto(`/orders/${order.id}`);
    const tracker = waits.page.getByTestId('tracker');
    await expect(waits.status).toHaveText(w('order.queued'));
    for (const shopper of [looks, waits]) {
      await shopper.expectLive();
      await shopper.rememberDocument();
    }

    const backup = await shop.backup();
    // The copy knows nothing of all this.
    for (const open of [false, true, false, true, false]) await switched(open);
    for (const available of [false, true, false]) await sold(available);
    for (const step of ['claim', 'release', 'claim', 'ready']) await barista.post(`/staff/orders/${order.id}/${step}`);
    await expect(status).toContainText(w('store.closed'));
    await expect(espresso).toHaveAttribute('data-available', 'false');
    await expect(waits.status).toHaveText(w('order.ready'));

    await shop.stop();
    for (const shopper of [looks, waits]) await shopper.expectPaused('live.reconnecting');
    await shop.restore(backup);
    await shop.start();
    for (const shopper of [looks, waits]) await shopper.expectLive();
    await expect(status).toContainText(w('store.open'));
    await expect(espresso).toHaveAttribute('data-available', 'true');
    await expect(waits.status).toHaveText(w('order.queued'));

    await switched(false);
    await sold(false);
    await barista.post(`/staff/orders/${order.id}/claim`);
    await expect(status).toContainText(w('store.closed'));
    await expect(espresso).toHaveAttribute('data-available', 'false');
    await expect(tracker).toHaveAttribute('data-status', 'making');
    for (const shopper of [looks, waits]) {
      await shopper.expectSameDocument();
      await shopper.leave();
    }
  });
}
