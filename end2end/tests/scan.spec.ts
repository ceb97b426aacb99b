// From a kiosk's code, read by the phone's own camera, to a placed order.
import { expectAccessible } from './support/access';
import { Api } from './support/api';
import { expect, test } from './support/journey';
import { Shopper } from './support/shopper';
import { LANGUAGES } from './support/words';

const ADA = '+15550100009';

interface Shown {
  code: string;
  scans_left: number;
}

for (const language of LANGUAGES) {
  test(`a scan lets somebody in for one order (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.arrive(browser, shop, { language });
    const { page, w } = shopper;
    const manager = new Api(shopper.context.request, shop.url, await shop.token('manager', 'pier'));
    await manager.addKiosk('pier', 'wall-1');
    const { code } = await manager.codeOf('wall-1');

    // The page spends nothing, and leads through the door and back.
    await page.goto(`/scan/${code}`);
    await expectAccessible(page, 'a code, before signing in');
    await page.getByTestId('scan-sign-in').click();
    await shopper.signIn(ADA);
    await page.waitForURL(`**/scan/${code}`);
    expect((await manager.get<Shown>('/kiosks/wall-1/code')).scans_left).toBe(10);
    await expectAccessible(page, 'a code');
    await page.getByTestId('scan-form').getByRole('button').click();
    await page.waitForURL('**/s/pier');
    await expect(page.getByTestId('admitted')).toContainText(w('scan.in_title'));
    await expect(page.getByTestId('admitted').getByRole('time')).toHaveText(/^4:\d\d$/);
    await expectAccessible(page, 'the menu of who is in');
    expect((await manager.get<Shown>('/kiosks/wall-1/code')).scans_left).toBe(9);

    await page.goto('/s/pier/p/pier-lemonade');
    await page.getByTestId('add-to-cart').click();
    await page.getByRole('link', { name: w('cart.view') }).click();
    await page.waitForURL('**/s/pier/checkout');
    await shopper.placeOrder();
    await expect(shopper.status).toBeVisible();

    await page.goto('/s/pier');
    await expect(page.getByTestId('admitted')).toBeHidden();

    // Once more, on a page of its own: its refusal is in the console, as it should be.
    const again = await shopper.context.newPage();
    expect((await again.goto(`/scan/${code}`))?.status()).toBe(410);
    await expect(again.getByTestId('scan-refused')).toHaveAttribute('data-code', 'code_used');
    await expect(again.getByRole('heading', { level: 1 })).toHaveText(w('scan.used_title'));
    await expectAccessible(again, 'a code that was used');
    await shopper.leave();
  });
}

for (const language of LANGUAGES) {
  test(`a code that lets nobody in says why, and what to do (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.arrive(browser, shop, { language, javaScriptEnabled: false });
    const { page, w } = shopper;
    const manager = new Api(shopper.context.request, shop.url, await shop.token('manager', 'pier'));
    // What is said to who has no scripts is looked at with them, which takes some.
    const eye = await Shopper.arrive(browser, shop, { language });
    const lookAt = async (refusal: string) => {
      await expect(page.getByTestId('scan-refused')).toHaveAttribute('data-code', refusal);
      await eye.page.goto(page.url());
      await expect(eye.page.getByTestId('scan-refused')).toHaveAttribute('data-code', refusal);
      await expectAccessible(eye.page, `a code that is refused: ${refusal}`);
    };
    const unknown = await page.goto('/scan/22222222');
    expect(unknown?.status()).toBe(404);
    await expect(page.getByTestId('scan-refused')).toContainText(w('problem.code_unknown'));
    await lookAt('code_unknown');
    await page.goto('/scan/%2F%2Felsewhere.example');
    await expect(page.getByTestId('scan-refused')).toHaveAttribute('data-code', 'code_unknown');

    const { code } = await manager.codeOf('pier-1');
    await page.goto(`/sign-in?back=/scan/${code}`);
    await shopper.signIn(ADA);
    await manager.put('/staff/stores/pier/status', { open: false });
    await page.getByTestId('scan-form').getByRole('button').click();
    await expect(page.getByTestId('scan-refused')).toContainText(w('problem.store_closed'));
    await lookAt('store_closed');
    await manager.put('/staff/stores/pier/status', { open: true });
    await page.getByRole('link', { name: w('scan.again') }).click();
    await page.getByTestId('scan-form').getByRole('button').click();
    await page.waitForURL('**/s/pier');
    await expect(page.getByTestId('admitted')).toBeVisible();
    // The refusals are in the consoles, as they should be.
    await eye.context.close();
    await shopper.context.close();
  });
}

for (const language of LANGUAGES) {
  test(`a code that is used up and one that is over have a page each, with what to do (${language})`, async ({ browser, shop }) => {
    const [first, second] = [await Shopper.arrive(browser, shop, { language }), await Shopper.arrive(browser, shop, { language })];
    const manager = new Api(first.context.request, shop.url, await shop.token('manager', 'pier'));
    await manager.patch('/staff/stores/pier/settings', { scans_per_code: 1, code_seconds: 30 });
    // The settings hold for codes that are made from now on, so of another kiosk; a fresh one is good for as long as this takes.
    await manager.post('/staff/stores/pier/kiosks', { id: 'window-1' });
    const shown = () => manager.get<Shown>('/kiosks/window-1/code');
    const before = (await shown()).code;
    await expect.poll(async () => (await shown()).code, { timeout: 60_000 }).not.toBe(before);
    const { code } = await shown();
    await first.page.goto(`/sign-in?back=/scan/${code}`);
    await first.signIn(ADA);
    await first.page.getByTestId('scan-form').getByRole('button').click();
    await first.page.waitForURL('**/s/pier');

    const { page, w } = second;
    const refused = page.getByTestId('scan-refused');
    const used = await page.goto(`/scan/${code}`);
    expect(used?.status()).toBe(429);
    await expect(refused).toHaveAttribute('data-code', 'code_exhausted');
    await expect(refused.getByRole('heading')).toHaveText(w('scan.gone_title'));
    await expect(page.getByTestId('next-code')).toBeVisible();
    await expect(refused.getByRole('link', { name: w('cart.see_menu') })).toBeVisible();
    await expectAccessible(page, 'a code that is used up');

    await expect.poll(async () => (await shown()).code, { timeout: 60_000 }).not.toBe(code);
    // Who had opened its page may still have used it; who comes only now may not.
    const third = await Shopper.arrive(browser, shop, { language });
    const over = await third.page.goto(`/scan/${code}`);
    expect(over?.status()).toBe(410);
    const late = third.page.getByTestId('scan-refused');
    await expect(late).toHaveAttribute('data-code', 'code_expired');
    await expect(late.getByRole('heading')).toHaveText(w('scan.late_title'));
    await expectAccessible(third.page, 'a code that is over');
    // The refusals are in the consoles, as they should be.
    for (const visitor of [first, second, third]) await visitor.context.close();
  });
}
