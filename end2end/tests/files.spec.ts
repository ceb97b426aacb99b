// What browsers ask for by themselves, and pages for when scripts or the shop are away.
import { expect, test } from './support/journey';
import { Shopper } from './support/shopper';

test('the icon is where browsers look for it, and a store without a picture has a neutral one', async ({ request, shop }) => {
  const icon = await request.get(`${shop.url}/favicon.ico`);
  expect(icon.status()).toBe(200);
  expect((await icon.body()).subarray(0, 4).toString('hex'), 'an icon file').toBe('00000100');
  const neutral = await request.get(`${shop.url}/img/stores/of-somebody.svg`);
  expect(neutral.status()).toBe(200);
  expect(neutral.headers()['content-type']).toContain('image/svg+xml');
  expect(await neutral.text()).not.toBe(await (await request.get(`${shop.url}/img/stores/harbor.svg`)).text());
});

test('without JavaScript nothing says that it connects', async ({ browser, shop }) => {
  const shopper = await Shopper.atMenu(browser, shop, { javaScriptEnabled: false });
  // In the source: a browser that is only told to run no scripts still reads the page as one that does.
  expect(await shopper.page.locator('noscript').allTextContents()).toContainEqual(expect.stringContaining(shopper.w('live.no_scripts')));
  await expect(shopper.page.getByText(shopper.w('live.connecting'))).toBeHidden();
  await shopper.leave();
});

test('every page says in a sentence what it is, and link previews have a picture that they can show', async ({ request, shop }) => {
  const pages = ['/', '/s/harbor', '/s/harbor/p/flat-white', '/s/harbor/checkout', '/orders', '/sign-in', '/staff', '/no-such-page'];
  for (const path of pages) {
    const html = await (await request.get(`${shop.url}${path}`, { headers: { Accept: 'text/html' } })).text();
    expect(html, path).toMatch(/<meta name="description" content="[^"]{20,}"/);
    // What is asked for ahead is asked for in the mode in which it is used, or it comes twice.
    const modes = [...html.matchAll(/crossorigin="([^"]*)"/g)].map(([, mode]) => mode);
    expect(new Set(modes), path).toEqual(new Set(['anonymous']));
    expect(modes.length, path).toBeGreaterThan(2);
    const [, picture] = /<meta property="og:image" content="([^"]+)"/.exec(html) ?? [];
    if (['/', '/s/harbor', '/s/harbor/p/flat-white'].includes(path)) {
      const answer = await request.get(picture ?? '');
      expect([answer.status(), answer.headers()['content-type']], path).toEqual([200, 'image/png']);
    }
  }
});
