// A card that pays nothing into the wallet, and one that does: the form is where it was. And a bank that asks first, or does not
// answer: what came of it stands on the page that it leads back to.
import { expectAccessible } from './support/access';
import { expect, test } from './support/journey';
import { Shopper } from './support/shopper';
import { LANGUAGES } from './support/words';

const BANK = { en: { confirm: 'Confirm the payment', refuse: 'Refuse' }, 'zh-CN': { confirm: '确认付款', refuse: '拒绝' } };

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

for (const language of LANGUAGES) {
  test(`a bank that asks first is refused, then told yes (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.arrive(browser, shop, { language });
    const { page, w } = shopper;
    await page.goto('/sign-in?back=/account');
    await shopper.signIn('+15550100001');
    await page.waitForURL('**/account');
    await page.locator('#top-up summary').click();
    const toTheBank = async () => {
      await page.getByLabel(w('wallet.pay_with')).selectOption('tok_3ds');
      await page.getByRole('button', { name: w('wallet.top_up_go') }).click();
      await page.waitForURL(/\/account#wallet$/);
      await expect(page.getByTestId('confirm-top-up')).toBeVisible();
      const left = page.getByTestId('confirm-by').getByRole('time');
      await expect(left).toHaveText(/^[45]:\d\d$/);
      const before = await left.textContent();
      await expect(left, 'it goes down').not.toHaveText(before ?? '');
    };

    await toTheBank();
    await page.getByTestId('confirm-top-up').click();
    await page.getByRole('button', { name: BANK[language].refuse }).click();
    await page.waitForURL(/\/account\?top_up=/);
    await expect(page.locator('#top-up').getByRole('alert')).toContainText(w('problem.payment_declined'));
    await expect(page.getByTestId('confirm-top-up')).toHaveCount(0);
    await expect(page.getByTestId('balance')).toContainText('33.00');
    await expectAccessible(page, 'the account after a refusal at the bank');

    await toTheBank();
    // The same page in another tab, which stays where it is.
    const tab = await shopper.context.newPage();
    await tab.goto('/account');
    await expect(tab.getByTestId('confirm-top-up')).toBeVisible();
    await page.getByTestId('confirm-top-up').click();
    await page.getByRole('button', { name: BANK[language].confirm }).click();
    await page.waitForURL(/\/account\?top_up=/);
    await expect(page.locator('#wallet').getByRole('status').filter({ hasText: w('wallet.topped_up') })).toBeInViewport();
    for (const here of [page, tab]) {
      await expect(here.getByTestId('entries')).toContainText(/\+\D*20\.00/);
      await expect(here.getByTestId('confirm-top-up')).toHaveCount(0);
      await expect(here.getByTestId('balance')).toContainText('53.00');
    }
    await shopper.leave();
  });
}

for (const language of LANGUAGES) {
  test(`what moves in the wallet is seen where it is looked at (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.arrive(browser, shop, { language });
    const { page, w } = shopper;
    await page.goto('/sign-in?back=/account');
    await shopper.signIn('+15550100001');
    await page.waitForURL('**/account');
    await shopper.expectLive();
    await shopper.rememberDocument();
    const newest = page.getByTestId('entries').getByRole('listitem').first();
    const order = await shopper.api.order([{ sku: 'flat-white-regular', quantity: 1, options: ['oat'] }], { method: 'wallet' });
    await expect(newest).toContainText(w('wallet.charge'));
    await expect(newest.getByRole('link')).toHaveAttribute('href', new RegExp(order.id));
    await shopper.api.post(`/orders/${order.id}/cancel`);
    await expect(newest).toContainText(w('wallet.refund'));
    await expect(newest).toContainText(/\+\D*5\.10/);
    await expect(page.getByTestId('balance')).toContainText('33.00');
    await shopper.expectSameDocument();
    await shopper.leave();
  });
}

const TWENTY = { en: '$20.00', 'zh-CN': 'US$20.00' };

for (const language of LANGUAGES) {
  test(`a bank that does not answer is waited for, and no second card is charged (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.arrive(browser, shop, { language });
    const { page, w } = shopper;
    await page.goto('/sign-in?back=/account');
    await shopper.signIn('+15550100001');
    await page.waitForURL('**/account');
    const tab = await shopper.context.newPage();
    await tab.goto('/account');
    await page.locator('#top-up summary').click();
    // No card of the form is as slow as this one.
    await page.locator('#card option').first().evaluate((option) => option.setAttribute('value', 'tok_timeout'));
    await page.getByRole('button', { name: w('wallet.top_up_go') }).click();
    await page.waitForURL(/\/account\?top_up=/);
    const waits = w('wallet.bank_waits', { amount: TWENTY[language] });
    await expect(page.getByTestId('bank-answer')).toContainText(waits);
    await expect(page.locator('#top-up')).toHaveCount(0);
    await expect(page.getByRole('alert')).toHaveCount(0);

    // A tab that was there before has its form still; it leads to the one that waits.
    await tab.locator('#top-up summary').click();
    await tab.getByRole('button', { name: w('wallet.top_up_go') }).click();
    await tab.waitForURL(/\/account\?top_up=/);
    await expect(tab.getByTestId('bank-answer')).toContainText(waits);

    // Both find out by themselves; nobody's page is taken from under their hands.
    const name = page.getByLabel(w('account.name'));
    await name.fill('Ann');
    await page.evaluate(() => Object.assign(window, { stays: true }));
    await expect(page.getByTestId('bank-answer')).toContainText(w('wallet.bank_answered', { amount: TWENTY[language] }), { timeout: 60_000 });
    await expect(name).toHaveValue('Ann');
    await expect(name).toBeFocused();
    expect(await page.evaluate(() => 'stays' in window), 'it is the same page').toBe(true);
    await expectAccessible(page, 'the account when the bank has answered');
    await page.getByRole('link', { name: w('wallet.bank_see') }).click();
    for (const here of [page, tab]) {
      await expect(here.locator('#top-up').getByRole('alert')).toContainText(w('problem.payment_timeout'), { timeout: 60_000 });
      await expect(here.getByTestId('bank-answer')).toHaveCount(0);
      await expect(here.getByTestId('balance')).toContainText('33.00');
    }
    await shopper.leave();
  });
}
