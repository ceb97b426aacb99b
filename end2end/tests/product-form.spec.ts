// What a product's form says when it is pressed in vain: where the thumb is, from wherever one has scrolled to.
import { expect, test } from './support/journey';
import { Shopper } from './support/shopper';
import { PHONE, TABLET } from './support/visitor';
import { LANGUAGES } from './support/words';

const SCREENS = { 'a phone': PHONE, 'a tablet': TABLET, 'a low window': { viewport: { width: 1280, height: 720 } } };

for (const language of LANGUAGES) {
  for (const [name, screen] of Object.entries(SCREENS)) {
    test(`why nothing was added is in sight on ${name} (${language})`, async ({ browser, shop }) => {
      const shopper = await Shopper.arrive(browser, shop, { language, ...screen });
      const { page, w } = shopper;
      await page.goto('/s/harbor/p/flat-white');
      await expect(page.getByTestId('product-form')).toHaveAttribute('data-alive', 'true');
      const add = page.getByTestId('add-to-cart');
      const alert = page.getByRole('alert');

      await test.step('one choice too many', async () => {
        for (const syrup of ['vanilla', 'caramel', 'hazelnut']) await page.locator(`input[value=${syrup}]`).check();
        await page.evaluate(() => scrollTo({ top: 0, behavior: 'instant' }));
        const problem = page.getByTestId('choice-problem');
        await expect(problem).toBeEmpty();
        await add.click();
        await expect(problem).toHaveText(w('problem.modifier_max'));
        await expect(problem).toBeInViewport({ ratio: 1 });
        await expect(add).toBeInViewport({ ratio: 1 });
        await page.locator('input[value=hazelnut]').uncheck();
        await expect(problem).toBeEmpty();
      });

      await page.route('**/do/cart/add', (route) => route.abort(), { times: 1 });
      await add.click();
      await expect(alert).toHaveText(w('problem.unreachable'));
      await expect(alert).toBeInViewport({ ratio: 1 });
      await expect(add, 'the button is still there').toBeInViewport({ ratio: 1 });

      await add.click();
      await page.waitForURL('**/s/harbor');
      await shopper.leave();
    });
  }
}

for (const language of LANGUAGES) {
  for (const javaScriptEnabled of [true, false]) {
    const how = javaScriptEnabled ? 'alive' : 'without JavaScript';
    test(`a cart says how many more it has room for (${language}, ${how})`, async ({ browser, shop }) => {
      const shopper = await Shopper.arrive(browser, shop, { language, javaScriptEnabled });
      const { page, w } = shopper;
      const add = async (quantity: number) => {
        await page.goto('/s/harbor/p/flat-white');
        if (javaScriptEnabled) await expect(page.getByTestId('product-form')).toHaveAttribute('data-alive', 'true');
        await page.getByRole('spinbutton').fill(String(quantity));
        await page.getByTestId('add-to-cart').click();
      };
      await add(98);
      await page.waitForURL('**/s/harbor');
      await add(2);
      await expect(page.getByRole('alert')).toContainText(w('cart.room_for', { there: 98, left: 1 }));
      await add(1);
      await page.waitForURL('**/s/harbor');
      await add(1);
      await expect(page.getByRole('alert')).toContainText(w('cart.no_room', { there: 99 }));
      await shopper.leave();
    });
  }
}
