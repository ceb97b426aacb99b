// A card that pays nothing into the wallet, and one that does: the form is where it was.
import { expectAccessible } from './support/access';
import { expect, test } from './support/journey';
import { Shopper } from './support/shopper';

for (const javaScriptEnabled of [true, false]) {
  test(`a declined top-up comes back to where it was ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, async ({ browser, shop }) => {
    const shopper = await Shopper.arrive(browser, shop, { javaScriptEnabled });
    const { page, w } = shopper;
    await page.goto('/sign-in?back=/account');
    await shopper.signIn('+15550100001');
    await page.waitForURL('**/account');
    await page.locator('#top-up summary').click();
    await page.getByRole('radio', { name: '$50.00' }).check();
    await page.getByLabel(w('wallet.pay_with')).selectOption('tok_declined');
    await page.getByRole('button', { name: w('wallet.top_up_go') }).click();
    await page.waitForURL(/\/account\?error=payment_declined.*#wallet$/);
    const fold = page.locator('#top-up');
    await expect(fold.getByRole('alert')).toContainText(w('problem.payment_declined'));
    await expect(fold.getByRole('alert')).toBeInViewport();
    await expect(page.getByRole('alert')).toHaveCount(1);
    await expect(fold.getByRole('radio', { name: '$50.00' })).toBeChecked();
    if (javaScriptEnabled) await expectAccessible(page, 'the account after a declined top-up');

    await page.getByLabel(w('wallet.pay_with')).selectOption('tok_ok');
    await page.getByRole('button', { name: w('wallet.top_up_go') }).click();
    await page.waitForURL(/saved=topped_up#wallet$/);
    await expect(page.locator('#wallet').getByRole('status').filter({ hasText: w('wallet.topped_up') })).toBeInViewport();
    await expect(page.getByTestId('entries')).toContainText('+$50.00');
    await shopper.leave();
  });
}
