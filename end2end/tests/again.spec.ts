// An order that came to nothing, or was good: its lines are one press away from the next try.
import { expectAccessible } from './support/access';
import { Api } from './support/api';
import { expect, test } from './support/journey';
import { Shopper } from './support/shopper';
import { LANGUAGES } from './support/words';

interface Menu {
  categories: { id: string; products: { variants: { sku: string }[] }[] }[];
}

for (const language of LANGUAGES) {
  test(`a declined card, and another one at once (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.atCheckout(browser, shop, { language });
    const { page, w } = shopper;
    await shopper.payWith('checkout.card_declined');
    await shopper.placeOrder();
    await expect(shopper.status).toHaveText(w('order.declined'));
    await expectAccessible(page, 'a declined order');
    await page.getByTestId('order-again').click();
    await page.waitForURL('**/s/harbor/checkout?again=*');
    await expect(page.getByTestId('put-back')).toHaveText(w('checkout.again'));
    await expect(page.getByTestId('line')).toHaveCount(1);
    await expect(page.getByTestId('total')).toContainText('$5.10');
    await expectAccessible(page, 'the checkout of an order that is tried again');

    // Pressed once more, it is not twice as much.
    await page.goBack();
    await page.getByTestId('order-again').click();
    await page.waitForURL('**/s/harbor/checkout?again=*');
    await expect(page.getByTestId('total')).toContainText('$5.10');
    await shopper.placeOrder();
    await expect(shopper.status).toHaveText(w('order.queued'));
    await expect(page.getByTestId('order-again')).toHaveCount(0);

    // Back, the cart is empty because of that order, and not because nothing of the first is offered.
    await page.goBack();
    await expect(page.getByTestId('ordered')).toBeVisible();
    await expect(page.getByTestId('put-back')).toHaveCount(0);
    await shopper.leave();
  });

  for (const javaScriptEnabled of [true, false]) {
    test(`an empty cart says what became of its order ${javaScriptEnabled ? 'with' : 'without'} JavaScript (${language})`, async ({ browser, shop }) => {
      const shopper = await Shopper.atCheckout(browser, shop, { language, javaScriptEnabled });
      const { page, w } = shopper;
      const ordered = page.getByTestId('ordered');
      const cameToNothing = async (number: string, headline: string, next: string) => {
        await page.goto('/s/harbor/checkout');
        await expect(page.getByText(w('cart.empty_title'))).toBeVisible();
        await expect(ordered).toContainText(w('order.title', { headline: w(headline), number }));
        await expect(ordered).toContainText(w(next));
        await expect(ordered).toHaveAttribute('data-tone', 'stop');
        await expect(ordered).not.toContainText(w('cart.ordered', { number }));
      };
      await shopper.payWith('checkout.card_declined');
      const declined = await shopper.placeOrder();
      const order = new URL(page.url()).pathname;
      await shopper.api.orderWhen(order.split('/').at(-1) ?? '', ({ status }) => status === 'rejected');
      await cameToNothing(declined, 'order.declined', 'order.declined_next');
      await expect(ordered.getByRole('link', { name: w('cart.see_order') })).toHaveAttribute('href', order);
      if (javaScriptEnabled) await expectAccessible(page, 'an empty cart whose order was declined');

      await ordered.getByTestId('order-again').click();
      await page.waitForURL('**/s/harbor/checkout?again=*');
      await expect(page.getByTestId('total')).toContainText('$5.10');
      const cancelled = await shopper.placeOrder();
      const other = new URL(page.url()).pathname.split('/').at(-1) ?? '';
      await shopper.api.orderWhen(other, ({ fulfilments }) => fulfilments[0]?.status === 'queued');
      await shopper.api.post(`/orders/${other}/cancel`);
      await page.goto('/s/harbor/checkout');
      await expect(ordered).toContainText(w('order.title', { headline: w('order.cancelled_by_customer'), number: cancelled }));
      await expect(ordered).toHaveAttribute('data-tone', 'stop');
      // It was paid: nobody says that nothing was charged.
      await expect(ordered).not.toContainText(w('order.not_charged_next'));
      await shopper.leave();
    });
  }

  test(`without JavaScript, a form that was sent is not sent again with another card (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.atCheckout(browser, shop, { language, javaScriptEnabled: false });
    const { page, w } = shopper;
    const key = page.locator('#place input[name=key]');
    const sent = await key.inputValue();
    await shopper.payWith('checkout.card_declined');
    await shopper.placeOrder();

    await test.step('Back brings what is in the cart now', async () => {
      await page.goBack();
      await page.waitForURL('**/s/harbor/checkout');
      await expect(page.getByText(w('cart.empty_title'))).toBeVisible();
      await expect(page.getByTestId('place-order')).toHaveCount(0);
    });

    await test.step('a browser that has kept the form is told so', async () => {
      await page.goto('/s/harbor/p/flat-white');
      await shopper.addWithOat();
      await key.evaluate((input, sent) => input.setAttribute('value', sent), sent);
      await shopper.payWith('checkout.card_ok');
      await page.getByTestId('place-order').click();
      await expect(page.getByRole('main')).toContainText(w('problem.idempotency_key_reused'));
      expect(await key.inputValue()).not.toBe(sent);
    });
    await shopper.leave();
  });
}

test('without JavaScript, what is gone is named and left out, and prices are those of now', async ({ browser, shop, request }) => {
  const manager = new Api(request, shop.url, await shop.token('manager', 'harbor'));
  const shopper = await Shopper.arrive(browser, shop, { javaScriptEnabled: false });
  const { page, w } = shopper;
  for (const product of ['flat-white', 'drip-bags']) {
    await page.goto(`/s/harbor/p/${product}`);
    await page.getByTestId('add-to-cart').click();
    await page.waitForURL('**/s/harbor');
  }
  await page.goto('/s/harbor/checkout');
  await expect(page.getByTestId('line')).toHaveCount(2);
  await shopper.placeOrder();
  await page.getByTestId('cancel-order').click();
  await expect(shopper.status).toHaveText(w('order.cancelled_by_customer'));

  const { categories } = await manager.get<Menu>('/stores/harbor/menu');
  const sellOut = async (id: string) => {
    for (const { variants } of categories.find((category) => category.id === id)?.products ?? []) {
      for (const { sku } of variants) await manager.put(`/staff/stores/harbor/items/${sku}`, { available: false });
    }
  };
  await sellOut('take-home');
  await manager.put('/staff/products/flat-white/variants/flat-white-regular/prices', [{ amount: 470 }]);
  const order = page.url();
  await page.getByTestId('order-again').click();
  await page.waitForURL('**/s/harbor/checkout?again=*');
  await expect(page.getByTestId('line')).toHaveCount(1);
  await expect(page.getByTestId('total')).toHaveText('$4.70');
  await expect(page.getByTestId('put-back')).toContainText(/drip/i);
  await expect(page.getByTestId('put-back')).not.toContainText('Flat white');

  await test.step('nothing of it is left', async () => {
    await sellOut('coffee');
    await page.getByRole('button', { name: /^Remove/ }).click();
    await page.goto(order);
    await page.getByTestId('order-again').click();
    await expect(page.getByTestId('put-back')).toContainText(w('checkout.none_again'));
    await expect(page.getByTestId('put-back')).toContainText('Flat white');
    await expect(page.getByText(w('cart.empty_title'))).toBeVisible();
    // Whatever else is in the cart is not that order.
    await page.goto('/s/harbor/p/lemon-tart');
    await page.getByTestId('add-to-cart').click();
    await page.goto(order);
    await page.getByTestId('order-again').click();
    await expect(page.getByTestId('put-back')).toContainText(w('checkout.none_again'));
    await expect(page.getByTestId('line')).toHaveCount(1);
  });

  await test.step("somebody else's order is nobody's", async () => {
    const stranger = await Shopper.atMenu(browser, shop);
    const answer = await stranger.context.request.post(`${shop.url}/do/order/again`, {
      headers: { Origin: shop.url, Accept: 'text/html' },
      form: { order: order.split('/').at(-1) ?? '' },
      maxRedirects: 0,
    });
    expect(answer.headers()['location']).toContain('error=not_found');
    await stranger.page.goto('/s/harbor/checkout');
    await expect(stranger.page.getByText(stranger.w('cart.empty_title'))).toBeVisible();
    await stranger.leave();
  });
  await shopper.leave();
});

for (const javaScriptEnabled of [true, false]) {
  for (const [gone, named, instead] of [
    ['options/oat', 'Oat', 'Soy'],
    ['items/flat-white-regular', 'Regular', 'Large'],
  ] as const) {
    test(`what is sold out is back with what could be taken instead: ${instead} (${javaScriptEnabled ? 'with' : 'without'} JavaScript)`, async ({ browser, shop, request }) => {
      const manager = new Api(request, shop.url, await shop.token('manager', 'harbor'));
      const shopper = await Shopper.atCheckout(browser, shop, { javaScriptEnabled });
      const { page, w } = shopper;
      await shopper.placeOrder();
      await page.getByTestId('cancel-order').click();
      await expect(shopper.status).toHaveText(w('order.cancelled_by_customer'));
      await manager.put(`/staff/stores/harbor/${gone}`, { available: false });
      await page.getByTestId('order-again').click();
      await page.waitForURL('**/s/harbor/checkout?again=*');
      await expect(page.getByTestId('put-back')).toHaveText(w('checkout.again'));
      await expect(page.getByTestId('line')).toContainText(named);
      await expect(page.getByTestId('line-trouble')).not.toBeEmpty();
      await expect(page.getByTestId('place-order')).toBeDisabled();
      await page.getByTestId('swap').click();
      await expect(page.getByTestId('line')).toContainText(instead);
      await expect(page.getByTestId('place-order')).toBeEnabled();
      await shopper.placeOrder();
      await expect(page.getByRole('main')).toContainText(instead);
      await shopper.leave();
    });
  }
}
