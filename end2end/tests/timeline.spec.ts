// What happened to an order, as its page tells it: when, by whom and why, and live.
import { expectAccessible } from './support/access';
import { Api } from './support/api';
import { Barista } from './support/barista';
import { expect, test } from './support/journey';
import { Shopper } from './support/shopper';

const KNOWN = '+15550100001';

test('a declined card', async ({ browser, shop }) => {
  const shopper = await Shopper.atCheckout(browser, shop);
  const { w } = shopper;
  await shopper.payWith('checkout.card_declined');
  await shopper.placeOrder();
  await expect(shopper.status).toHaveText(w('order.declined'));
  await shopper.openJourney();
  await expect(shopper.journey).toContainText(w('event.order_created'));
  await expect(shopper.journey).toContainText(w('event.payment_declined'));
  await expect(shopper.journey).toContainText(`${w('event.order_rejected')}`);
  await expect(shopper.journey).toContainText(w('why.payment_declined'));
  await expectAccessible(shopper.page, 'the timeline of a declined card');
  await shopper.leave();
});

test('a bank that does not answer, and another card that works', async ({ browser, shop }) => {
  const shopper = await Shopper.atCheckout(browser, shop);
  const { page, w } = shopper;
  await shopper.payWith('checkout.card_timeout');
  await shopper.placeOrder();
  await shopper.rememberDocument();
  await shopper.openJourney();
  await expect(shopper.status).toHaveText(w('order.created'));
  await expect(shopper.status).toHaveText(w('order.pay_timed_out'), { timeout: 60_000 });
  await expect(shopper.journey).toContainText(w('why.payment_timeout'));
  await expect(shopper.journey).toContainText(w('event.payment_given_up'));
  await expect(shopper.journey, 'no bank has said no').not.toContainText(w('event.payment_declined'));
  await shopper.expectSameDocument();
  await expectAccessible(page, 'the timeline of a payment without an answer');

  await page.getByTestId('order-again').click();
  await page.waitForURL('**/s/harbor/checkout?again=*');
  await shopper.payWith('checkout.card_slow');
  await shopper.placeOrder();
  await expect(shopper.status).toHaveText(w('order.queued'));
  await shopper.openJourney();
  await expect(shopper.journey).toContainText(w('event.payment_captured'));
  await shopper.leave();
});

test('a customer who cancels', async ({ browser, shop }) => {
  const barista = await Barista.atBoard(browser, shop);
  const shopper = await Shopper.atCheckout(browser, shop);
  const { page, w } = shopper;
  const number = await shopper.placeOrder();
  await expect(barista.ticket(number, 'queued')).toBeVisible();
  await page.getByRole('button', { name: w('order.cancel') }).click();
  await expect(shopper.status).toHaveText(w('order.cancelled_by_customer'));
  await shopper.openJourney();
  const cancelled = shopper.journey.getByRole('listitem').filter({ hasText: w('event.order_cancelled') });
  await expect(cancelled).toContainText(w('order.by_you'));
  await expect(shopper.journey).toContainText(w('event.payment_refunded'));
  await expectAccessible(page, 'the timeline of a cancelled order');
  await shopper.leave();
  await barista.leave();
});

test('a customer who cancels while their bank is waited for', async ({ browser, shop }) => {
  const shopper = await Shopper.atCheckout(browser, shop);
  const { page, w } = shopper;
  await shopper.payWith('checkout.card_3ds');
  await shopper.placeOrder();
  await expect(shopper.status).toHaveText(w('order.confirm'));
  await page.getByRole('button', { name: w('order.cancel') }).click();
  await expect(shopper.status).toHaveText(w('order.cancelled_by_customer'));
  await shopper.openJourney();
  await expect(shopper.journey).toContainText(w('event.payment_action_required'));
  await expect(shopper.journey).toContainText(w('event.payment_given_up'));
  await expect(shopper.journey, 'no bank has said no').not.toContainText(w('event.payment_declined'));
  await expectAccessible(page, 'the timeline of an order that was cancelled before it was paid');
  await shopper.leave();
});

test('a bar that is too late pays back into the wallet', async ({ browser, shop }) => {
  test.slow();
  const shopper = await Shopper.arrive(browser, shop);
  const { page, w } = shopper;
  // The least that a manager can set: the bar has a minute.
  const manager = new Api(shopper.context.request, shop.url, await shop.token('manager', 'harbor'));
  await manager.patch('/staff/stores/harbor/settings', { barista_seconds: 60 });
  await page.goto('/sign-in?back=/s/harbor');
  await shopper.signIn(KNOWN);
  await shopper.chooseProduct();
  await shopper.addWithOat();
  await shopper.placeOrder();
  await shopper.rememberDocument();
  await expect(shopper.status).toHaveText(w('order.queued'));
  await shopper.openJourney();
  await expect(shopper.status).toHaveText(w('order.timed_out'), { timeout: 90_000 });
  const cancelled = shopper.journey.getByRole('listitem').filter({ hasText: w('event.order_cancelled') });
  await expect(cancelled).toContainText(w('order.by_system'));
  await expect(cancelled).toContainText(w('why.barista_timeout'));
  await expect(shopper.journey).toContainText(w('event.wallet_refunded'));
  await shopper.expectSameDocument();
  await expectAccessible(page, 'the timeline of an order that was too late');
  await page.goto('/account');
  await expect(page.getByTestId('balance')).toContainText('$33.00');
  await expect(page.getByTestId('entries')).toContainText('+$5.10');
  await expect(page.getByTestId('entries')).toContainText('−$5.10');
  await shopper.leave();
});
