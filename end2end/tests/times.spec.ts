// Times: of a store as its clocks say, of nobody's store as the reader's own do; both as the language writes them.
import { Api } from './support/api';
import { expect, test } from './support/journey';
import { Shopper } from './support/shopper';
import { Visitor } from './support/visitor';
import type { Language } from './support/words';

const KNOWN = '+15550100001';
const HARBOR = 'America/Los_Angeles';
const TOKYO = 'Asia/Tokyo';

/** What a clock there says, without the kinds of spaces. */
function clock(at: string, timeZone: string, language: Language, day = false): string {
  const locale = language === 'en' ? 'en-US' : language;
  const date = day ? ({ month: 'short', day: 'numeric' } as const) : {};
  return plain(new Intl.DateTimeFormat(locale, { ...date, hour: language === 'en' ? 'numeric' : '2-digit', minute: '2-digit', timeZone }).format(new Date(at)));
}

/** What it has said at each second of the last two minutes. */
function lately(timeZone: string, language: Language): string[] {
  const [locale, hour] = language === 'en' ? (['en-US', 'numeric'] as const) : ([language, '2-digit'] as const);
  const format = new Intl.DateTimeFormat(locale, { hour, minute: '2-digit', second: '2-digit', timeZone });
  return Array.from({ length: 120 }, (_, ago) => plain(format.format(Date.now() - ago * 1000)));
}

const plain = (text: string | null) => text?.replaceAll(/\s/g, ' ') ?? '';

for (const language of ['en', 'zh-CN'] as const) {
  test(`a shopper far away reads the store's time, and their own for what is theirs (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.arrive(browser, shop, { language, timezoneId: TOKYO });
    const { page } = shopper;
    await page.goto('/s/harbor');
    const order = await shopper.api.orderCoffee();
    const { placed_at } = await shopper.api.get<{ placed_at: string }>(`/orders/${order.id}`);
    await page.goto(`/orders/${order.id}`);
    await shopper.expectLive();
    await expect(page.getByTestId('store-time')).toBeVisible();
    const placed = page.locator('.stage time').first();
    await expect(placed).toHaveAttribute('datetime', placed_at);
    expect(plain(await placed.textContent())).toBe(clock(placed_at, HARBOR, language));
    await page.goto('/orders');
    await expect(page.getByTestId('store-time')).toBeVisible();
    await expect(page.locator('.order-row time')).toHaveAttribute('datetime', placed_at);
    expect(plain(await page.locator('.order-row time').textContent())).toContain(clock(placed_at, HARBOR, language));

    await page.goto('/sign-in?back=/account');
    await shopper.signIn(KNOWN);
    await page.waitForURL('**/account');
    const entry = page.getByTestId('entries').locator('time').first();
    const at = (await entry.getAttribute('datetime')) ?? '';
    await expect.poll(async () => plain(await entry.textContent())).toBe(clock(at, TOKYO, language, true));
    await shopper.leave();
  });
}

for (const language of ['en', 'zh-CN'] as const) {
  test(`a kiosk whose own clock is far away tells the store's time (${language})`, async ({ browser, shop }) => {
    const screen = await Visitor.arrive(browser, shop, { language, timezoneId: TOKYO });
    const manager = new Api(screen.context.request, shop.url, await shop.token('manager', 'harbor'));
    await screen.becomeWall(manager, 'harbor', 'wall-1');
    for (const page of ['/kiosk/wall-1', '/kiosk/wall-1/scan']) {
      await screen.page.goto(page);
      await screen.expectLive();
      await screen.context.setOffline(true);
      await expect(screen.liveLine).toHaveAttribute('data-state', 'offline');
      const said = plain(await screen.liveLine.textContent());
      expect(lately(HARBOR, language).some((time) => said.includes(time)), `${page}: ${said}`).toBe(true);
      await screen.context.setOffline(false);
      await screen.expectLive();
    }
    // Not `leave`: the page was 401 before the screen was paired, which the console tells.
    await screen.context.close();
  });
}

test('without JavaScript everybody is told whose times they are', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop, { javaScriptEnabled: false });
  const { page, w } = shopper;
  await page.goto('/s/harbor');
  const order = await shopper.api.orderCoffee();
  for (const path of [`/orders/${order.id}`, '/orders']) {
    await page.goto(path);
    await expect(page.getByTestId('store-time'), path).toHaveText(w('order.store_time'));
    await expect(page.getByTestId('store-time'), path).toBeVisible();
  }
  await shopper.leave();
});

test('without JavaScript the account names the zone of its times', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop, { javaScriptEnabled: false, timezoneId: TOKYO });
  const { page } = shopper;
  await page.goto('/sign-in?back=/account');
  await shopper.signIn(KNOWN);
  await page.waitForURL('**/account');
  await expect(page.getByTestId('entries').locator('time').first()).toHaveText(/^[A-Z][a-z]{2} \d+, \d+:\d\d\s[AP]M UTC$/);
  await shopper.leave();
});
