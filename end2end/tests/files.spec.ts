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
  const shopper = await Shopper.arrive(browser, shop, { javaScriptEnabled: false });
  await shopper.page.goto('/s/harbor');
  // In the source: a browser that is only told to run no scripts still reads the page as one that does.
  expect(await shopper.page.locator('noscript').allTextContents()).toContainEqual(expect.stringContaining(shopper.w('live.no_scripts')));
  await expect(shopper.page.getByText(shopper.w('live.connecting'))).toBeHidden();
  await shopper.leave();
});
