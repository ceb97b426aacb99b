// Nothing on a Chinese page is English, and nothing is written with the marks of English.
import type { Page } from '@playwright/test';
import { Barista } from './support/barista';
import { expect, test } from './support/journey';
import { Shopper } from './support/shopper';

// Names, and what is written with letters in Chinese, too.
const NAMES = 'Orderly|JSON|US|Kim|Chrome|Linux|UTC';

/** Words in Latin letters, and half-width marks after Chinese, in what is read or heard; commands, and what is engraved on keys, are no words. */
async function foreign(page: Page): Promise<string[]> {
  return page.evaluate((names) => {
    const found: string[] = [];
    const look = (text: string) => {
      const rest = text.replaceAll(new RegExp(`\\b(${names})\\b`, 'g'), '');
      if (/[A-Za-z]{2,}/.test(rest) || /[\u4e00-\u9fff] ?[,;:!?]/.test(rest)) found.push(text.trim());
    };
    for (const element of document.querySelectorAll('title, meta[name=description], body *')) {
      if (element.closest('script, style, noscript, code, kbd, [lang=en]') !== null) continue;
      for (const node of element.childNodes) if (node.nodeType === Node.TEXT_NODE) look(node.textContent ?? '');
      const said = ['aria-label', 'alt', 'title', 'placeholder', ...(element.tagName === 'META' ? ['content'] : [])];
      for (const name of said) look(element.getAttribute(name) ?? '');
    }
    return found;
  }, NAMES);
}

test('every page in Chinese', async ({ browser, shop }) => {
  const shopper = await Shopper.atCheckout(browser, shop, { language: 'zh-CN' });
  const { page, w } = shopper;
  const expectChinese = async (what: string) => expect(await foreign(page), what).toEqual([]);
  await expect(page.getByTestId('hold')).toBeVisible();
  await expectChinese('the checkout');
  await shopper.payWith('checkout.card_declined');
  await shopper.placeOrder();
  await expect(shopper.status).toHaveText(w('order.declined'));
  await shopper.openJourney();
  await expect(shopper.journey).toContainText(w('why.payment_declined'));
  await expectChinese('a declined order');
  const pages = ['/', '/s/harbor', '/s/pier', '/s/unicorn', '/s/harbor/p/flat-white', '/s/unicorn/p/unicorn-plush', '/orders', '/sign-in', '/staff', '/staff?error=wrong_code&by=code'];
  for (const path of pages) {
    await page.goto(path);
    await expectChinese(path);
  }
  await page.goto('/sign-in?back=/account');
  await shopper.signIn('+15550100001');
  await expectChinese('the account');
  const api = await page.request.post('/do/cart/add', {
    headers: { Origin: shop.url, Accept: 'application/json', 'Accept-Language': 'zh-CN' },
    form: { store: 'harbor', product: 'flat-white', sku: 'flat-white-regular', quantity: '100', 'options[milk][]': 'oat' },
  });
  expect(await api.text()).toContain(w('problem.quantity_out_of_range'));

  const barista = await Barista.arrive(browser, shop, { language: 'zh-CN' });
  await barista.page.goto('/staff');
  await barista.signIn('Kim', 'manager');
  await shopper.api.orderCoffee();
  for (const path of ['/staff', '/staff/harbor/queue', '/staff/harbor/menu', '/staff/harbor/stock', '/staff/harbor/settings', '/staff/harbor/audit', '/staff/harbor/settings?error=out_of_range&fields=capacity']) {
    await barista.page.goto(path);
    expect(await foreign(barista.page), path).toEqual([]);
  }
  await barista.leave();
  await shopper.leave();
});

test('what was typed at the checkout is there in the other language, once', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop);
  const { page, w } = shopper;
  await page.goto('/s/unicorn/p/unicorn-plush');
  await page.getByTestId('add-to-cart').click();
  await page.waitForURL('**/s/unicorn');
  await page.goto('/s/unicorn/checkout');
  const name = page.locator('input[name="address[name]"]');
  const slow = page.locator('input[name="payment"][value="tok_slow"]');
  await shopper.expectLive();
  await name.fill('Ada Lovelace');
  await shopper.payWith('checkout.card_slow');
  await page.getByRole('button', { name: w('frame.other_language_label') }).click();
  await expect(page.locator('html')).toHaveAttribute('lang', 'zh-CN');
  await expect(name).toHaveValue('Ada Lovelace');
  await expect(slow).toBeChecked();
  await expect(slow, 'what is chosen is seen').toBeVisible();
  expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
  await shopper.leave();
});
