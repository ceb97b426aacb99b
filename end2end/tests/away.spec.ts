// The database goes away and returns: pages say so at once, and are themselves again.
import { expect, test } from '@playwright/test';
import { Orderly } from './support/orderly';
import { Postgres } from './support/postgres';
import { words } from './support/words';

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
