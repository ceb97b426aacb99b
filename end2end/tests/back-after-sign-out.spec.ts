// A device that goes from hand to hand: who goes back on it after somebody has signed out sees nothing of theirs. In a browser that keeps
// the pages that are left, as people's do and those of the other journeys do not.
import { type Browser, chromium as engine, type Page } from '@playwright/test';
import { chromiumShell } from '../chromium';
import { Api } from './support/api';
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

const ADA = '+15550100001';
const PASSWORD = 'over the counter';

/** The page was loaded anew since it was remembered: with it went what was typed. */
async function expectNotAsItWasLeft(page: Page): Promise<void> {
  expect(await page.evaluate(() => 'remembered' in window), 'the page as it was left').toBe(false);
}

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

  test(`back at a page that was kept, after being signed out from elsewhere, there is the door (${language})`, async ({ keeper, shop }) => {
    const barista = await Barista.arrive(keeper, shop, { language });
    const { page, w } = barista;
    await page.goto('/staff');
    await barista.signIn('Kim');
    // Not every browser heeds that a page is not to be kept.
    await page.route('**/staff', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, headers: { ...response.headers(), 'cache-control': 'private, no-cache' } });
    });
    await page.goto('/staff');
    await expect(page.getByText(w('staff.hello', { name: 'Kim' }))).toBeVisible();
    await page.unroute('**/staff');
    await page.evaluate(() => addEventListener('pageshow', ({ persisted }) => sessionStorage.setItem('kept', String(persisted))));
    await page.goto('/s/harbor');
    // The same session by other hands: this browser's cookie stays as it is.
    const elsewhere = await keeper.newContext({ storageState: await barista.context.storageState() });
    await new Api(elsewhere.request, shop.url).post('/sign-out');
    await elsewhere.close();

    await page.goBack({ waitUntil: 'commit' });
    await expect(page.getByLabel(w('staff.code'))).toBeVisible();
    await expect(page.getByText(w('staff.hello', { name: 'Kim' }))).toHaveCount(0);
    expect(await page.evaluate(() => sessionStorage.getItem('kept')), 'the page was kept').toBe('true');
    // Not `leave`: who asks and is nobody is refused, which the console tells.
    await barista.context.close();
  });

  test(`back at an account after signing out there is the door (${language})`, async ({ keeper, shop }) => {
    const shopper = await Shopper.arrive(keeper, shop, { language });
    const { page, w } = shopper;
    await page.goto('/sign-in?back=/account');
    await shopper.rememberDocument();
    await shopper.signIn(ADA);
    await page.waitForURL('**/account');
    await expect(page.getByTestId('balance')).toContainText('$33.00');
    await page.getByTestId('sign-out').click();
    await expect(page.getByTestId('sign-in-link')).toBeVisible();

    await page.goBack();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(w('sign_in.heading'));
    await expect(page.getByTestId('balance')).toHaveCount(0);

    // The door, too, is as for anybody: neither the number that a code was sent to, nor the page where it was typed.
    await page.goBack();
    await expect(page).toHaveURL(/&step=code$/);
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(w('sign_in.heading'));
    expect(await page.content()).not.toContain(ADA.slice(1));
    await page.goBack();
    await expect(page).toHaveURL(/\/sign-in\?back=\/account$/);
    await expect(page.getByTestId('phone-form')).toBeVisible();
    await expectNotAsItWasLeft(page);
    await shopper.leave();
  });

  test(`back at the door of staff after signing out it is as for anybody (${language})`, async ({ keeper, shop }) => {
    const barista = await Barista.arrive(keeper, shop, { language });
    const { page, w } = barista;
    await page.goto('/staff');
    await barista.signIn('Kim');
    await page.getByLabel(w('staff.new_password'), { exact: true }).fill(PASSWORD);
    await page.getByLabel(w('staff.again_password')).fill(PASSWORD);
    await page.getByRole('button', { name: w('staff.save_password') }).click();
    await expect(page.getByText(w('staff.password_saved'))).toBeVisible();
    await page.getByRole('button', { name: w('staff.sign_out') }).click();

    const form = page.getByTestId('name-form');
    const password = form.getByLabel(w('staff.password'), { exact: true });
    await expect(form).toBeVisible();
    await barista.rememberDocument();
    await form.getByLabel(w('staff.store')).selectOption('harbor');
    await form.getByLabel(w('staff.name')).fill('Kim');
    await password.fill(PASSWORD);
    await form.getByRole('button').click();
    await expect(page.getByText(w('staff.hello', { name: 'Kim' }))).toBeVisible();
    await page.getByRole('button', { name: w('staff.sign_out') }).click();
    await expect(form).toBeVisible();
    for (const _ of ['the hello', 'the door']) {
      await page.goBack();
      await expect(password).toHaveValue('');
      await expectNotAsItWasLeft(page);
    }
    await barista.leave();
  });

  test(`back at what a guest ordered, after signing in and out, there is nothing (${language})`, async ({ keeper, shop }) => {
    const shopper = await Shopper.arrive(keeper, shop, { language });
    const { page, w } = shopper;
    await page.goto('/s/harbor');
    const order = await shopper.api.orderCoffee();
    await page.goto(`/orders/${order.id}`);
    await expect(shopper.status).toHaveText(w('order.queued'));
    await page.goto('/orders');
    await expect(page.getByTestId('orders').getByRole('listitem')).toHaveCount(1);
    await page.goto('/sign-in?back=/account');
    await shopper.signIn(ADA);
    await page.waitForURL('**/account');
    await page.getByTestId('sign-out').click();
    await expect(page.getByTestId('sign-in-link')).toBeVisible();

    const pages: [url: RegExp, heading: string][] = [
      [/\/sign-in\?back=\/account$/, w('sign_in.heading')],
      [/&step=code$/, w('sign_in.heading')],
      [/\/sign-in\?back=\/account$/, w('sign_in.heading')],
      [/\/orders$/, w('orders.none_title')],
      [new RegExp(`/orders/${order.id}$`), w('lost.heading')],
    ];
    for (const [url, heading] of pages) {
      // A page that was kept is not loaded again; and one that is being changed for another cannot be left.
      await page.goBack({ waitUntil: 'commit' });
      await expect(page).toHaveURL(url);
      await expect(page.getByRole('heading', { level: 1 })).toHaveText(heading);
    }
    // Not `leave`: the order was refused, which the console tells.
    await shopper.context.close();
  });
}
