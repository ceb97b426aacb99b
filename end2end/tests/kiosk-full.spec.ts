// The wall of a stand whose every place is taken: it says that drinks are being made, and shows the code again by itself.
import { expectAccessible } from './support/access';
import { Api, type Order } from './support/api';
import { expect, test } from './support/journey';
import { Shopper } from './support/shopper';
import { Visitor } from './support/visitor';
import { LANGUAGES } from './support/words';

for (const language of LANGUAGES) {
  test(`a full stand shows no code until a drink is ready (${language})`, async ({ browser, shop }) => {
    const screen = await Visitor.arrive(browser, shop, { language, viewport: { width: 1920, height: 1080 } });
    const { page, w } = screen;
    const manager = new Api(screen.context.request, shop.url, await shop.token('manager', 'pier'));
    await manager.patch('/staff/stores/pier/settings', { capacity: 2 });
    await screen.becomeWall(manager, 'pier', 'wall-1');
    const kiosk = page.getByTestId('kiosk');

    const ada = await Shopper.arrive(browser, shop, { language });
    await ada.comeIn(manager, '+15550100009', 'wall-1');
    await expect(page.getByTestId('kiosk-left')).toContainText('9');
    await expect(kiosk, 'there is room for one more').toHaveAttribute('data-state', 'scan');
    const ben = await Shopper.arrive(browser, shop, { language });
    await ben.comeIn(manager, '+15550100008', 'wall-1');
    await expect(kiosk).toHaveAttribute('data-state', 'busy');
    await expect(kiosk.getByRole('heading', { level: 1 })).toHaveText(w('kiosk.busy_title'));
    await expect(kiosk).toContainText(w('kiosk.full_text'));
    await expect(page.getByTestId('kiosk-code')).toHaveCount(0);
    await expectAccessible(page, 'the screen of a full stand');

    // Whoever has photographed the code is told the same, and has spent nothing.
    const cleo = await Shopper.arrive(browser, shop, { language });
    const shown = await manager.codeOf('wall-1');
    await cleo.page.goto(`/sign-in?back=/scan/${shown.code}`);
    await cleo.signIn('+15550100007');
    await expect(cleo.page.getByTestId('scan-refused')).toHaveAttribute('data-code', 'store_at_capacity');
    await expect(cleo.page.getByTestId('scan-refused')).toContainText(w('problem.store_at_capacity'));
    await expectAccessible(cleo.page, 'a code of a full stand');
    expect((await manager.get<{ scans_left: number }>('/kiosks/wall-1/code')).scans_left).toBe(shown.scans_left);

    // An order keeps the place of who was let in, until the drink is ready.
    await ada.takeLemonade();
    await ada.placeOrder();
    const id = ada.page.url().split('/').at(-1) ?? '';
    await ada.api.orderWhen(id, (order: Order) => order.fulfilments[0]?.status === 'queued');
    await manager.post(`/staff/orders/${id}/claim`);
    await expect(kiosk).toHaveAttribute('data-state', 'busy');
    await manager.post(`/staff/orders/${id}/ready`);
    await expect(kiosk).toHaveAttribute('data-state', 'scan');
    await expect(page.getByTestId('kiosk-code')).toBeVisible();
    await screen.expectSameDocument();

    await cleo.page.getByRole('link', { name: w('scan.again') }).click();
    await cleo.page.getByTestId('scan-form').getByRole('button').click();
    await cleo.page.waitForURL('**/s/pier');
    await expect(kiosk, 'she has the last place').toHaveAttribute('data-state', 'busy');
    await screen.expectSameDocument();
    await ada.leave();
    await ben.leave();
    // Not `leave`: she was refused, and the page was 401 before the screen was paired, which the consoles tell.
    await cleo.context.close();
    await screen.context.close();
  });
}
