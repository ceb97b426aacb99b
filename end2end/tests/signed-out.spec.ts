// Signed out in another tab: what was left open says so, leads to the door, and goes on by itself for who has signed in again.
import type { Page } from '@playwright/test';
import { expectAccessible } from './support/access';
import { Api } from './support/api';
import { Barista } from './support/barista';
import { expect, test } from './support/journey';
import { Shopper } from './support/shopper';
import type { Visitor } from './support/visitor';
import { beginning, LANGUAGES } from './support/words';

const ADA = '+15550100009';

/** The line says that it hears nothing any more, as of when the page is shown, and where to sign in. */
async function expectRefused({ liveLine, language, w }: Visitor, door: string): Promise<void> {
  await expect(liveLine).toContainText(beginning(language, 'live.refused'));
  await expect(liveLine).toHaveAttribute('data-state', 'offline');
  await expect(liveLine).toContainText(/\d{1,2}:\d\d/);
  await expect(liveLine.getByRole('link', { name: w('live.sign_in') })).toHaveAttribute('href', door);
}

/** Somebody looks at the page again: a browser without a screen shows all of its tabs, and tells of none. */
async function lookAgain(page: Page): Promise<void> {
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
}

for (const language of LANGUAGES) {
  test(`an order goes on for who has signed in again (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.arrive(browser, shop, { language });
    const { page, w } = shopper;
    await page.goto('/sign-in?back=/account');
    await shopper.signIn(ADA);
    await page.waitForURL('**/account');
    const order = await shopper.api.orderCoffee();
    await page.goto(`/orders/${order.id}`);
    await shopper.expectLive();
    await expect(shopper.status).toHaveText(w('order.queued'));
    await shopper.rememberDocument();

    const other = await shopper.context.newPage();
    await other.goto('/account');
    await other.getByTestId('sign-out').click();
    await expect(other.getByTestId('sign-in-link')).toBeVisible();
    await expectRefused(shopper, `/sign-in?back=/orders/${order.id}`);
    await expectAccessible(page, 'an order that is refused');

    await other.goto('/sign-in?back=/account');
    await shopper.signIn(ADA, 2, other);
    await other.waitForURL('**/account');
    const bar = await shopper.colleague();
    await bar.post(`/staff/orders/${order.id}/claim`);
    await expect(page.getByTestId('tracker'), 'it is not told').not.toHaveAttribute('data-status', 'making');
    await lookAgain(page);
    await shopper.expectLive();
    await expect(shopper.liveLine.getByRole('link')).toHaveCount(0);
    await expect(page.getByTestId('tracker')).toHaveAttribute('data-status', 'making');
    await bar.post(`/staff/orders/${order.id}/ready`);
    await expect(shopper.status).toHaveText(w('order.ready'));
    await shopper.expectSameDocument();
    await shopper.leave();
  });

  test(`a board goes on for who has signed in again (${language})`, async ({ browser, shop }) => {
    const barista = await Barista.atBoard(browser, shop, { language });
    const { page, w } = barista;
    const manager = new Api(barista.context.request, shop.url, await shop.token('manager', 'harbor'));
    const shopper = await Shopper.atMenu(browser, shop, { language });
    const number = String((await shopper.api.orderCoffee()).number);
    const claim = barista.button(number, 'board.claim');
    await expect(claim).toBeVisible();
    await barista.rememberDocument();

    const other = await barista.context.newPage();
    await other.goto('/staff');
    await other.getByRole('button', { name: w('staff.sign_out') }).click();
    await expect(other.getByTestId('name-form')).toBeVisible();
    await expectRefused(barista, '/staff');
    await expect(claim).toHaveAttribute('aria-disabled', 'true');
    await expect(claim).toHaveAccessibleDescription(new RegExp(beginning(language, 'live.refused')));
    await claim.press('Enter');
    await expect(page.getByTestId('board-problem')).toContainText(w('board.refused'));
    await expectAccessible(page, 'a board that is refused');

    // They come back to it before they have signed in, which changes nothing.
    await lookAgain(page);
    await expectRefused(barista, '/staff');
    const { code } = await manager.post<{ code: string }>(`${await manager.memberOf('harbor', 'Kim')}/code`);
    await other.getByLabel(w('staff.code')).fill(code);
    await other.getByRole('button', { name: w('staff.sign_in'), exact: true }).click();
    await expect(other.getByText(w('staff.hello', { name: 'Kim' }))).toBeVisible();
    await lookAgain(page);
    await barista.expectLive();
    await expect(page.getByTestId('board-problem')).toHaveCount(0);
    await expect(claim).not.toHaveAttribute('aria-disabled', 'true');
    await claim.click();
    await expect(barista.ticket(number, 'making')).toBeVisible();
    await barista.expectSameDocument();
    await shopper.leave();
    await barista.leave();
  });

  test(`the switches of who works there no more lead to the door (${language})`, async ({ browser, shop }) => {
    const barista = await Barista.arrive(browser, shop, { language });
    const { page, w } = barista;
    const manager = new Api(barista.context.request, shop.url, await shop.token('manager', 'harbor'));
    await page.goto('/staff');
    await barista.signIn('Kim');
    await page.goto('/staff/harbor/menu');
    await barista.expectLive();
    await manager.delete(await manager.memberOf('harbor', 'Kim'));
    await page.locator('#harbor-oat').getByTestId('switch').click();
    await expect(page.getByTestId('name-form')).toBeVisible();
    await expect(page.locator('#problem')).toContainText(w('staff.gone_title'));
    await expectAccessible(page, 'the door for who works there no more');
    await expect(page).toHaveURL(/\/staff\/harbor\/menu\?error=right_gone$/);
    // The refusal is in the console, as it should be.
    await barista.context.close();
  });
}
