// A device that goes from hand to hand: who goes back on it after somebody has signed out sees nothing of theirs. In a browser that keeps
// the pages that are left, as people's do and those of the other journeys do not.
import { type Browser, chromium as engine } from '@playwright/test';
import { chromiumShell } from '../chromium';
import { Barista } from './support/barista';
import { expect, test as base } from './support/journey';
import { Shopper } from './support/shopper';
import { LANGUAGES } from './support/words';

const test = base.extend<{ keeper: Browser }>({
  keeper: async ({}, use) => {
    const keeper = await engine.launch({
      ...chromiumShell,
      args: [...(chromiumShell.args ?? []), '--enable-bfcache'],
      ignoreDefaultArgs: ['--disable-back-forward-cache'],
    });
    await use(keeper);
    await keeper.close();
  },
});

for (const language of LANGUAGES) {
  test(`back at the board after signing out there is the door (${language})`, async ({ keeper, shop }) => {
    const shopper = await Shopper.arrive(keeper, shop, { language });
    await shopper.page.goto('/s/harbor');
    const number = String((await shopper.api.orderCoffee()).number);
    const barista = await Barista.atBoard(keeper, shop, { language });
    const { page, w } = barista;
    await expect(barista.ticket(number, 'queued')).toBeVisible();
    await page.goto('/staff');
    await expect(page.getByText(w('staff.hello', { name: 'Kim' }))).toBeVisible();
    await page.getByRole('button', { name: w('staff.sign_out') }).click();
    await expect(page.getByLabel(w('staff.code'))).toBeVisible();

    const seen: string[] = [];
    for (const _ of ['the hello', 'the board']) {
      await page.goBack();
      await expect(page.getByLabel(w('staff.code'))).toBeVisible();
      await expect(page.getByText(w('staff.hello', { name: 'Kim' }))).toHaveCount(0);
      await expect(page.getByTestId('ticket')).toHaveCount(0);
      seen.push(new URL(page.url()).pathname);
    }
    expect(seen, 'as far as the board').toContain('/staff/harbor/queue');
    await shopper.leave();
    // Not `leave`: the board was refused, which the console tells.
    await barista.context.close();
  });

  test(`back at an account after signing out there is the door (${language})`, async ({ keeper, shop }) => {
    const shopper = await Shopper.arrive(keeper, shop, { language });
    const { page, w } = shopper;
    await page.goto('/sign-in?back=/account');
    await shopper.signIn('+15550100001');
    await page.waitForURL('**/account');
    await expect(page.getByTestId('balance')).toContainText('$33.00');
    await page.getByTestId('sign-out').click();
    await expect(page.getByTestId('sign-in-link')).toBeVisible();

    await page.goBack();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(w('sign_in.heading'));
    await expect(page.getByTestId('balance')).toHaveCount(0);
    await shopper.leave();
  });
}
