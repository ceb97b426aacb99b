// A shop that closes on people who were let in a moment ago: wherever they are, they hear of it, and what they can do.
import { expectAccessible } from './support/access';
import { Api } from './support/api';
import { answerHeldBack } from './support/held-back';
import { expect, test } from './support/journey';
import { Shopper } from './support/shopper';
import { LANGUAGES } from './support/words';

for (const language of LANGUAGES) {
  test(`who was let in hears that the shop closes (${language})`, async ({ browser, shop }) => {
    const ada = await Shopper.arrive(browser, shop, { language });
    const ben = await Shopper.arrive(browser, shop, { language });
    const { w } = ada;
    const manager = new Api(ada.context.request, shop.url, await shop.token('manager', 'pier'));
    const switched = (open: boolean) => manager.put('/staff/stores/pier/status', { open });
    await ada.comeIn(manager, '+15550100009');
    await ben.comeIn(manager, '+15550100008');
    const [hers, his] = [ada, ben].map(({ page }) => page.getByTestId('admitted'));
    if (hers === undefined || his === undefined) throw new Error('there are two of them');
    for (const shopper of [ada, ben]) {
      await shopper.expectLive();
      await shopper.rememberDocument();
    }

    await test.step('on the menu', async () => {
      await expect(hers).toContainText(w('scan.in_title'));
      await switched(false);
      for (const said of [hers, his]) {
        await expect(said).toContainText(w('store.closed_title'));
        await expect(said).toContainText(w('store.closed_text'));
        await expect(said).not.toContainText(w('scan.in_title'));
        await expect(said.getByRole('time')).toHaveCount(0);
      }
      await expect(ada.page.getByTestId('store-status')).toContainText(w('store.closed'));
      await expectAccessible(ada.page, 'the menu of who was let in, of a shop that has closed');
      // Her time goes on meanwhile, and is hers again.
      await switched(true);
      await expect(hers).toContainText(w('scan.in_title'));
      await expect(hers.getByRole('time')).toHaveText(/^[1-4]:\d\d$/);
      for (const shopper of [ada, ben]) await shopper.expectSameDocument();
    });

    await test.step('at the checkout, with what is held', async () => {
      await ada.takeLemonade();
      await expect(ada.page.getByTestId('hold')).toBeVisible();
      await ada.rememberDocument();
      await switched(false);
      const told = ada.page.getByTestId('store-closed');
      await expect(told).toContainText(w('checkout.closed_held'));
      await expect(told).toContainText(w('checkout.closed_held_text'));
      await expectAccessible(ada.page, 'the checkout of who was let in, of a shop that has closed');
      await ada.expectSameDocument();
    });

    await test.step('at the checkout, without', async () => {
      await ben.takeLemonade();
      await expect(ben.page.getByTestId('store-closed')).toContainText(w('problem.store_closed'));
      await expect(ben.page.getByTestId('place-order')).toBeDisabled();
      await ben.rememberDocument();
    });

    // What was said holds: hers is ordered, and he is let go on as soon as it is open again.
    await ada.placeOrder();
    await expect(ada.status).toBeVisible();
    await switched(true);
    await expect(ben.page.getByTestId('store-closed')).toHaveCount(0);
    await expect(ben.page.getByTestId('hold')).toBeVisible();
    await ben.expectSameDocument();
    await ben.placeOrder();
    await expect(ben.status).toBeVisible();
    await ada.leave();
    await ben.leave();
  });
}

test('a shop opens while its answer is on its way, and holds what is in the cart', async ({ browser, shop }) => {
  const shopper = await Shopper.atCheckout(browser, shop);
  const { page, w } = shopper;
  const manager = new Api(shopper.context.request, shop.url, await shop.token('manager', 'harbor'));
  await expect(page.getByTestId('hold')).toBeVisible();
  await shopper.api.delete(`/checkouts/${await page.locator('input[name="checkout"]').inputValue()}`);
  await manager.put('/staff/stores/harbor/status', { open: false });
  const { answered, release } = await answerHeldBack(page, '**/do/checkout/hold');
  await page.reload();
  await expect(page.getByTestId('store-closed')).toContainText(w('problem.store_closed'));
  await answered;
  await manager.put('/staff/stores/harbor/status', { open: true });
  await expect(page.getByTestId('store-closed')).toHaveCount(0);
  release();
  await expect(page.getByTestId('hold')).toBeVisible();
  await expect(page.locator('#problem')).toHaveCount(0);
  await shopper.placeOrder();
  await expect(shopper.status).toBeVisible();
  await shopper.leave();
});
