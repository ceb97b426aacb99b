// The people of a store: added, at work, changed and revoked by their manager; and the screen that they hang up.
import { Api } from './support/api';
import { expectAccessible } from './support/access';
import { Barista } from './support/barista';
import { expect, test } from './support/journey';
import { Shopper } from './support/shopper';
import { beginning, LANGUAGES } from './support/words';
import { Visitor } from './support/visitor';

const PASSWORD = 'over the counter';

for (const language of LANGUAGES) {
  test(`somebody is added to the staff, works, and is revoked (${language})`, async ({ browser, shop }) => {
    const manager = await Barista.arrive(browser, shop, { language });
    const { page, w } = manager;
    await page.goto('/staff');
    await expectAccessible(page, 'the door for staff');
    await manager.signIn('Mo', 'manager');
    await expect(page.getByRole('heading', { name: w('staff.choose_title') })).toBeVisible();
    await expectAccessible(page, 'the home of staff without a password');
    // What is refused is said where it was typed, in sight on a phone, too.
    const size = page.viewportSize();
    await page.setViewportSize({ width: 390, height: 844 });
    await page.getByLabel(w('staff.new_password'), { exact: true }).fill(PASSWORD);
    await page.getByLabel(w('staff.again_password')).fill(`${PASSWORD}!`);
    await page.getByRole('button', { name: w('staff.save_password') }).click();
    const refused = page.getByTestId('password-form').getByRole('alert');
    await expect(refused).toHaveText(w('problem.password_twice'));
    await expect(refused).toBeInViewport();
    await expect(page.getByLabel(w('staff.again_password'))).toHaveAttribute('aria-invalid', 'true');
    await expectAccessible(page, 'a password that was refused');
    if (size) await page.setViewportSize(size);
    await page.getByLabel(w('staff.new_password'), { exact: true }).fill(PASSWORD);
    await page.getByLabel(w('staff.again_password')).fill(PASSWORD);
    await page.getByRole('button', { name: w('staff.save_password') }).click();
    await expect(page.getByText(w('staff.password_saved'))).toBeVisible();

    await page.goto('/staff/harbor/settings');
    const add = page.getByTestId('add-member');
    await page.getByText(w('people.add'), { exact: true }).click();
    await add.getByLabel(w('people.name'), { exact: true }).fill('Kim');
    await add.getByRole('button').click();
    await expect(page.getByText(w('people.told_member', { name: 'Kim' }))).toBeVisible();
    const code = await page.getByTestId('secret').innerText();
    await expectAccessible(page, 'the settings, with a code');
    await page.reload();
    await expect(page.getByTestId('secret')).toHaveCount(0);

    // What another manager changes meanwhile is said where it would be written over.
    const other = new Api(manager.context.request, shop.url, await shop.token('manager', 'harbor'));
    await other.patch('/staff/stores/harbor/settings', { barista_seconds: 1200 });
    await expect(page.getByTestId('settings-changed')).toContainText(w('settings.changed_title'));
    await expectAccessible(page, 'the settings that somebody has changed');
    await page.getByRole('link', { name: w('settings.changed_go') }).click();
    await expect(page.locator('#set-barista_seconds')).toHaveValue('1200');
    await other.post('/staff/stores/harbor/tokens', { role: 'barista', name: 'Till' });
    await expect(page.getByTestId('settings-changed')).toContainText(w('settings.people_changed_title'));
    await page.getByRole('link', { name: w('settings.changed_go') }).click();
    await expect(page.getByTestId('tokens')).toContainText('Till');

    const kim = await Barista.arrive(browser, shop, { language });
    await kim.page.goto('/staff/harbor/queue');
    await kim.page.getByLabel(w('staff.code')).fill(code);
    await kim.page.getByRole('button', { name: w('staff.sign_in'), exact: true }).click();
    await kim.page.waitForURL('**/staff/harbor/queue');
    await kim.expectLive();

    const row = page.getByTestId('member').filter({ hasText: 'Kim' });
    await row.locator('summary').first().click();
    // One press asks, without having done anything; the second does it.
    await row.getByText(w('people.remove'), { exact: true }).click();
    await expect(row.getByText(w('people.remove_sure', { name: 'Kim' }))).toBeVisible();
    await expectAccessible(page, 'the settings, with a question');
    await row.getByText(w('people.cancel'), { exact: true }).click();
    await expect(row.getByRole('button', { name: w('people.remove_go') })).toBeHidden();
    await row.getByText(w('people.remove'), { exact: true }).click();
    await row.getByRole('button', { name: w('people.remove_go') }).click();
    await expect(page.getByText(w('people.done'))).toBeVisible();
    await expect(page.getByTestId('member').filter({ hasText: 'Kim' })).toHaveCount(0);
    // Her board says by itself that it hears nothing any more.
    await expect(kim.liveLine).toHaveAttribute('data-state', 'offline');
    await expect(kim.liveLine).toContainText(beginning(language, 'live.refused'));
    await kim.page.goto('/staff/harbor/queue');
    await expect(kim.page.getByTestId('name-form')).toBeVisible();
    // The refusals are in the console, as they should be.
    await kim.context.close();

    await page.goto('/staff/harbor/audit');
    await expect(page.getByTestId('audit-entry').first()).toContainText(w('did.staff_revoked', { whom: 'Kim' }));
    await expectAccessible(page, 'what was done');

    // The next shift begins by name and password.
    await page.goto('/staff');
    await page.getByRole('button', { name: w('staff.sign_out') }).click();
    const form = page.getByTestId('name-form');
    await form.getByLabel(w('staff.store')).selectOption('harbor');
    await form.getByLabel(w('staff.name')).fill('mo');
    await form.getByLabel(w('staff.password'), { exact: true }).fill(PASSWORD);
    await form.getByRole('button').click();
    await expect(page.getByText(w('staff.hello', { name: 'Mo' }))).toBeVisible();
    await manager.leave();
  });

  test(`a manager who is revoked hears of it on the page she has open (${language})`, async ({ browser, shop }) => {
    const manager = await Barista.arrive(browser, shop, { language });
    const { page, w } = manager;
    const owner = new Api(manager.context.request, shop.url, await shop.token('manager', 'harbor'));
    await page.goto('/staff');
    await manager.signIn('Mo', 'manager');
    const signIn = async () => {
      const mo = await owner.memberOf('harbor', 'Mo');
      const { code } = await owner.post<{ code: string }>(`${mo}/code`);
      await page.getByLabel(w('staff.code')).fill(code);
      await page.getByRole('button', { name: w('staff.sign_in'), exact: true }).click();
      return mo;
    };
    const told = page.locator('#problem');
    const expectDoor = async () => {
      await expect(page.getByTestId('name-form')).toBeVisible();
      await expect(told).toContainText(w('staff.gone_title'));
      await expect(told).toContainText(w('staff.gone_text'));
      await expect(page, 'at the door of the page that she had open').toHaveURL(/\/staff\/harbor\/settings\?error=right_gone$/);
    };

    // Signed out on another page of hers, the shop itself tells of nothing.
    await page.goto('/staff/harbor/settings');
    await expect(page.getByTestId('settings')).toBeVisible();
    const other = await manager.context.newPage();
    await other.goto('/staff');
    await other.getByRole('button', { name: w('staff.sign_out') }).click();
    await expect(other.getByTestId('name-form')).toBeVisible();
    await other.close();
    await expectDoor();
    await expectAccessible(page, 'the door for who had a page open');

    // The same door leads back, and what she is typing by then is not touched by what others change.
    const mo = await signIn();
    await expect(page).toHaveURL(/\/staff\/harbor\/settings$/);
    await expect(told).toHaveCount(0);
    await page.locator('#set-capacity').fill('17');
    await owner.patch('/staff/stores/harbor/settings', { barista_seconds: 1200 });
    await expect(page.getByTestId('settings-changed')).toContainText(w('settings.changed_title'));
    await expect(page.locator('#set-capacity')).toHaveValue('17');

    // Another right is none to these settings, and she is still signed in.
    await owner.put(`${mo}/roles`, { roles: ['barista'] });
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(w('staff.gone_title'));
    await expect(page.getByRole('main')).toContainText(w('staff.gone_text'));
    await page.getByRole('link', { name: w('staff.to_home') }).click();
    await expect(page.getByText(w('staff.hello', { name: 'Mo' }))).toBeVisible();

    await owner.put(`${mo}/roles`, { roles: ['manager'] });
    await page.goto('/staff/harbor/settings');
    await expect(page.getByTestId('settings')).toBeVisible();
    await owner.delete(mo);
    await expectDoor();
    // The refusals are in the console, as they should be.
    await manager.context.close();
  });

  test(`a screen is paired, shows who it lets in, and is taken out of service (${language})`, async ({ browser, shop }) => {
    const api = await Shopper.arrive(browser, shop);
    const manager = new Api(api.context.request, shop.url, await shop.token('manager', 'pier'));
    const screen = await Visitor.arrive(browser, shop, { language, viewport: { width: 1920, height: 1080 } });
    const { page, w } = screen;
    const code = await manager.addKiosk('pier', 'wall-1');
    await page.goto('/kiosk/wall-1');
    await expectAccessible(page, 'where a screen is paired');
    await page.getByLabel(w('kiosk.pair_code')).fill(code.toLowerCase());
    await page.getByTestId('pair-form').getByRole('button').click();
    const kiosk = page.getByTestId('kiosk');
    await expect(kiosk).toHaveAttribute('data-state', 'scan');
    await screen.expectLive();
    await expectAccessible(page, 'the screen');
    const box = await page.getByTestId('kiosk-code').boundingBox();
    expect(Math.min(box?.width ?? 0, box?.height ?? 0), 'as large as it fits').toBeGreaterThan(700);
    expect(await page.evaluate(() => document.documentElement.scrollHeight), 'all of it is in sight').toBeLessThanOrEqual(1080);
    // On a phone held either way, too: nothing is cut, and the code takes most of the narrow side.
    for (const [width, height] of [[844, 390], [390, 844], [667, 375], [1024, 768]] as const) {
      await page.setViewportSize({ width, height });
      const [across, down] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]);
      expect(across, `${width}×${height}`).toBeLessThanOrEqual(width);
      expect(down, `${width}×${height}`).toBeLessThanOrEqual(height);
      const code = await page.getByTestId('kiosk-code').boundingBox();
      expect(code?.width ?? 0, `${width}×${height}`).toBeGreaterThan(0.7 * Math.min(width, height));
    }
    await page.setViewportSize({ width: 1920, height: 1080 });

    await screen.rememberDocument();
    const phone = await Shopper.arrive(browser, shop);
    await phone.page.goto('/sign-in');
    await phone.signIn('+15550100009');
    const url = await page.getByTestId('kiosk-code').getAttribute('data-url');
    await phone.page.goto(url ?? '');
    await phone.page.getByTestId('scan-form').getByRole('button').click();
    await phone.page.waitForURL('**/s/pier');
    await expect(page.getByTestId('kiosk-left')).toContainText('9');

    await manager.put('/staff/stores/pier/status', { open: false });
    await expect(kiosk).toHaveAttribute('data-state', 'closed');
    await expectAccessible(page, 'the screen of a closed store');
    await manager.put('/staff/stores/pier/status', { open: true });
    await expect(kiosk).toHaveAttribute('data-state', 'scan');
    await manager.patch('/staff/stores/pier/settings', { capacity: 1 });
    await expect(kiosk).toHaveAttribute('data-state', 'busy');
    await manager.patch('/staff/stores/pier/settings', { capacity: 20 });
    await expect(kiosk).toHaveAttribute('data-state', 'scan');
    await screen.expectSameDocument();

    await manager.delete('/staff/stores/pier/kiosks/wall-1');
    await expect(kiosk).toHaveAttribute('data-state', 'revoked');
    const again = page.getByTestId('pair-again');
    await expect(again).toHaveText(w('scanner.pair_again'));
    await expectAccessible(page, 'a screen that is none any more');
    await again.click();
    await expect(page.getByTestId('pair-form')).toBeVisible();
    await phone.leave();
    await api.leave();
    await screen.context.close();
  });
}

for (const language of LANGUAGES) {
  test(`on a phone every tab of a manager's pages is in sight and beside the others (${language})`, async ({ browser, shop }) => {
    const manager = await Barista.arrive(browser, shop, { language });
    const { page } = manager;
    await page.goto('/staff');
    await manager.signIn('Maximiliane Wolkenstein-Trostburg', 'manager');
    for (const [width, height] of [[390, 700], [320, 640]] as const) {
      await page.setViewportSize({ width, height });
      for (const place of ['queue', 'menu', 'stock', 'today', 'settings', 'audit']) {
        await page.goto(`/staff/harbor/${place}`);
        const current = page.locator('.staff-tabs [aria-current="page"]');
        await expect(current).toHaveAttribute('href', `/staff/harbor/${place}`);
        await expect(current).toBeInViewport({ ratio: 0.98 });
        const where = await page.locator('.staff-tabs a').evaluateAll((tabs) =>
          tabs.map((tab) => {
            const { left, right, top, bottom } = tab.getBoundingClientRect();
            return { name: tab.textContent, left, right, top, bottom };
          }),
        );
        const over = where.flatMap((a, n) =>
          where.slice(n + 1).filter((b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom).map((b) => [a.name, b.name]),
        );
        expect(over, `tabs that lie over each other on ${place} at ${width}`).toEqual([]);
        expect(where.filter(({ left, right }) => left < 0 || right > width), `out of sight on ${place} at ${width}`).toEqual([]);
        if (['queue', 'settings', 'audit'].includes(place)) await expectAccessible(page, `${place} on a phone ${width} wide`);
        // However long her own name is, what the page is called stays in whole words.
        const [lines, words] = await page.getByRole('heading', { level: 1 }).evaluate((title) => {
          const text = document.createRange();
          text.selectNodeContents(title);
          return [new Set([...text.getClientRects()].map(({ bottom }) => Math.round(bottom))).size, (title.textContent ?? '').trim().split(/\s+/).length];
        });
        expect(lines, `the title of ${place} at ${width}`).toBeLessThanOrEqual(words ?? 0);
      }
    }
    await manager.leave();
  });
}
