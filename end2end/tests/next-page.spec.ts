// While the page that answers a form is on its way, nothing that comes alive or is pressed on this one leads elsewhere.
import { expect, test } from './support/journey';
import { Shopper } from './support/shopper';
import { LANGUAGES } from './support/words';

/** Something that is waited for until it is opened. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** At the checkout, before it is alive; what is sent to `form` is done, and its answer waits as well. */
async function beforeItIsAlive({ page, shop }: Shopper, form: string) {
  const [alive, done, answer] = [gate(), gate(), gate()];
  await page.route('**/*.wasm', async (route) => {
    await alive.opened;
    await route.continue();
  });
  await page.route(form, async (route) => {
    const response = await route.fetch({ headers: { ...route.request().headers(), origin: shop.url }, maxRedirects: 0 });
    done.open();
    await answer.opened;
    await route.fulfill({ response });
  });
  await page.goto('/s/harbor/checkout');
  return { alive, done, answer };
}

for (const language of LANGUAGES) {
  test(`an order sent before the checkout is alive leads to the order (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.atCheckout(browser, shop, { language });
    const { page, w } = shopper;
    const { alive, done, answer } = await beforeItIsAlive(shopper, '**/do/checkout/place');
    // By keyboard: while another page is on its way, nobody may look at this one.
    await page.getByTestId('place-order').focus();
    await page.keyboard.press('Enter');
    await done.opened;
    const held = page.waitForRequest('**/do/checkout/hold', { timeout: 3_000 });
    const part = page.waitForResponse(/\/(split|chunk|pack)_[^/]*$/);
    alive.open();
    await part;
    await expect(held, 'what is being ordered is not held').rejects.toThrow();
    answer.open();
    await page.waitForURL('**/orders/*');
    await expect(shopper.status).toHaveText(w('order.queued'));
    await shopper.leave();
  });

  test(`one more, pressed before the checkout is alive, is nobody else's doing (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.atCheckout(browser, shop, { language });
    const { page, w } = shopper;
    const { alive, done, answer } = await beforeItIsAlive(shopper, '**/do/cart/set');
    await page.getByTestId('line').locator('button[name=quantity][value="2"]').focus();
    await page.keyboard.press('Enter');
    await done.opened;
    const held = page.waitForRequest('**/do/checkout/hold', { timeout: 3_000 });
    const part = page.waitForResponse(/\/(split|chunk|pack)_[^/]*$/);
    alive.open();
    await part;
    await expect(held, 'what is being changed is not held').rejects.toThrow();
    answer.open();
    await expect(page.getByTestId('line').getByRole('status')).toHaveText('2');
    await expect(page.getByTestId('hold')).toBeVisible();
    await expect(page.getByRole('main')).not.toContainText(w('problem.cart_changed'));
    expect(new URL(page.url()).search).toBe('');
    await shopper.leave();
  });

  test(`what is pressed after the order is placed comes too late (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.atCheckout(browser, shop, { language });
    const { page, w } = shopper;
    await expect(page.getByTestId('hold')).toBeVisible();
    const more = page.getByTestId('line').locator('button[name=quantity][value="2"]');
    // The next page is on its way then, and nobody may look at this one.
    await more.evaluate((button: HTMLElement) => {
      addEventListener('keydown', ({ key }) => {
        if (key === '+') button.click();
      });
    });
    const next = gate();
    await page.route('**/orders/*', async (route) => {
      await next.opened;
      await route.continue();
    });
    const placed = page.waitForRequest('**/orders/*');
    await page.getByTestId('place-order').focus();
    await page.keyboard.press('Enter');
    await placed;
    const changed = page.waitForRequest('**/do/cart/set', { timeout: 2_000 });
    await page.keyboard.press('+');
    await expect(changed, 'what is ordered stays as it is').rejects.toThrow();
    next.open();
    await page.waitForURL('**/orders/*');
    await expect(shopper.status).toHaveText(w('order.queued'));
    await shopper.leave();
  });
}
