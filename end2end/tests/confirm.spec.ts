// A bank that wants to hear from its customer first: for how long it waits, and what there is to fetch once it is paid.
import { expectAccessible } from './support/access';
import { expect, test } from './support/journey';
import { Shopper } from './support/shopper';
import { LANGUAGES } from './support/words';

const CONFIRM = { en: 'Confirm the payment', 'zh-CN': '确认付款' };

for (const language of LANGUAGES) {
  test(`an order waits for its confirmation, and its ticket for the money (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.atCheckout(browser, shop, { language });
    const { page, w } = shopper;
    await shopper.payWith('checkout.card_3ds');
    await shopper.placeOrder();
    await expect(shopper.status).toHaveText(w('order.confirm'));
    await expect(page.getByTestId('confirm-by')).toContainText(/[45]:\d\d/);
    await expect(page.getByTestId('pickup')).toBeHidden();
    await expect(page.getByTestId('tell-me')).toBeHidden();
    await expect(page.getByTestId('ready-by')).toHaveCount(0);
    await expectAccessible(page, 'an order that waits for its confirmation');
    const before = await page.getByTestId('confirm-by').getByRole('time').textContent();
    await expect(page.getByTestId('confirm-by').getByRole('time'), 'it goes down').not.toHaveText(before ?? '');

    // The same order in another tab, which stays where it is.
    const tab = await shopper.context.newPage();
    await tab.goto(page.url());
    await expect(tab.getByTestId('confirm-by')).toBeVisible();
    await page.getByTestId('confirm-payment').click();
    await page.getByRole('button', { name: CONFIRM[language] }).click();
    await page.waitForURL('**/orders/*');
    for (const here of [page, tab]) {
      await expect(here.getByTestId('order-status')).toHaveText(w('order.queued'));
      await expect(here.getByTestId('confirm-by')).toHaveCount(0);
      await expect(here.getByTestId('pickup')).toBeVisible();
      await expect(here.getByTestId('tell-me')).toBeVisible();
      await expect(here.getByTestId('ready-by')).toContainText(/1[45]:\d\d/);
    }
    await expectAccessible(page, 'an order with its ticket and the promise of the bar');
    await shopper.leave();
  });
}
