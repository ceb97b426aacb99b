// The database goes away and returns: pages say so at once, and are themselves again.
import { expect, test } from '@playwright/test';
import { expectAccessible } from './support/access';
import { Orderly } from './support/orderly';
import { Postgres } from './support/postgres';
import { PHONE } from './support/visitor';
import { LANGUAGES, words } from './support/words';

/** From asking to the whole answer. */
const WITHIN_MS = 1_300;

test('a page is not kept waiting by a database that does not answer', async ({ request }) => {
  const postgres = await Postgres.open();
  const shop = await Orderly.open({ DATABASE_URL: postgres.url });
  const look = async (path: string) => {
    const begun = Date.now();
    const answer = await request.get(`${shop.url}${path}`, { headers: { Accept: 'text/html' } });
    return { status: answer.status(), after: answer.headers()['retry-after'], text: await answer.text(), took: Date.now() - begun };
  };
  expect(await look('/')).toMatchObject({ status: 200, after: undefined });
  for (const how of ['paused', 'gone'] as const) {
    if (how === 'paused') postgres.pause();
    else await postgres.close();
    // Also together: they share one look at the database.
    const answers = await Promise.all(['/', '/s/harbor', '/s/harbor/p/flat-white', '/orders', '/sitemap'].map(look));
    for (const { status, after, text, took } of answers) {
      expect([status, after], how).toEqual([503, '1']);
      expect(text).toContain('<h1>');
      expect(text).not.toContain(words('en')('lost.heading'));
      expect(took, `${how}: milliseconds`).toBeLessThan(WITHIN_MS);
    }
    if (how === 'paused') {
      postgres.resume();
      await shop.answers('/readyz', 20);
      expect(await look('/')).toMatchObject({ status: 200 });
    }
  }
  await shop.close();
});

for (const language of LANGUAGES) {
  test(`a page that cannot be made keeps the shop's frame, and is itself again when the shop is back (${language})`, async ({ browser }) => {
    const w = words(language);
    const postgres = await Postgres.open();
    const shop = await Orderly.open({ DATABASE_URL: postgres.url });
    const pages = await Promise.all(
      [true, false].map(async (javaScriptEnabled) => {
        const context = await browser.newContext({ baseURL: shop.url, locale: language === 'en' ? 'en-US' : language, ...PHONE, javaScriptEnabled });
        return { javaScriptEnabled, page: await context.newPage() };
      }),
    );
    postgres.pause();
    for (const { javaScriptEnabled, page } of pages) {
      const answer = await page.goto('/s/harbor?some=thing');
      expect(answer?.status()).toBe(503);
      await expect(page.getByRole('heading', { level: 1 })).toHaveText(w('lost.away_heading'));
      await expect(page.getByRole('link', { name: w('lost.again') })).toHaveAttribute('href', '/s/harbor?some=thing');
      await expect(page.getByRole('banner').getByRole('link', { name: w('frame.my_orders') })).toBeVisible();
      await expect(page.getByRole('contentinfo')).toContainText(w('frame.claim'));
      if (javaScriptEnabled) {
        await expectAccessible(page, 'the page of a shop that is away');
        await page.getByRole('link', { name: w('frame.other_language_label') }).click();
        await expect(page.getByRole('heading', { level: 1 })).toHaveText(words(language === 'en' ? 'zh-CN' : 'en')('lost.away_heading'));
        await page.goBack();
      }
    }
    postgres.resume();
    // Nothing is pressed: with scripts and without, the page comes back by itself.
    for (const { page } of pages) {
      await expect(page.getByTestId('store-status')).toBeVisible();
      expect(page.url()).toBe(`${shop.url}/s/harbor?some=thing`);
      await page.context().close();
    }
    await shop.close();
    await postgres.close();
  });
}
