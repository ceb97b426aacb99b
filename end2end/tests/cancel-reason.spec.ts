// The bar calls an order off and says why; whoever ordered reads it.
import { expectAccessible } from './support/access';
import { Barista } from './support/barista';
import { expect, test } from './support/journey';
import { Shopper } from './support/shopper';
import { LANGUAGES } from './support/words';

for (const language of LANGUAGES) {
  test(`an order is called off with a reason, which its shopper sees (${language})`, async ({ browser, shop }) => {
    const barista = await Barista.atBoard(browser, shop, { language });
    const plain = await Barista.arrive(browser, shop, { language, javaScriptEnabled: false });
    await plain.page.goto('/staff');
    await plain.signIn('Robin');
    const shopper = await Shopper.arrive(browser, shop, { language });
    const { page, w } = shopper;
    await page.goto('/s/harbor');

    const order = async () => {
      const { id, number } = await shopper.api.orderCoffee();
      await page.goto(`/orders/${id}`);
      await shopper.expectLive();
      return String(number);
    };
    const told = async (reason: string) => {
      await expect(shopper.status).toHaveText(w('order.cancelled_by_staff'));
      await expect(page.getByTestId('order-reason')).toHaveText(w('order.because', { why: reason }));
      await shopper.openJourney();
      await expect(shopper.journey.locator('[data-type="order.cancelled.v1"]')).toContainText(reason);
    };
    const unfold = async (who: Barista, number: string) => {
      await who.page.getByText(`${w('board.more')} ${w('board.order')} ${number}`).locator('..').press('Enter');
    };

    await test.step('one of the usual reasons', async () => {
      const number = await order();
      await unfold(barista, number);
      await expectAccessible(barista.page, 'the reasons');
      await barista.ticket(number, 'queued').getByRole('button', { name: w('board.why_out_of_stock') }).click();
      await expect(barista.page.getByTestId('ticket')).toHaveCount(0);
      await told(w('why.out_of_stock'));
      await expectAccessible(page, 'an order that was called off with a reason');
    });

    await test.step('in their own words', async () => {
      const number = await order();
      await unfold(barista, number);
      await barista.ticket(number, 'queued').getByLabel(w('board.other')).fill('spilled');
      await barista.page.keyboard.press('Enter');
      await expect(barista.page.getByTestId('ticket')).toHaveCount(0);
      await told('spilled');
    });

    await test.step('without JavaScript', async () => {
      const number = await order();
      await plain.page.goto('/staff/harbor/queue');
      await unfold(plain, number);
      await plain.ticket(number, 'queued').getByRole('button', { name: w('board.why_machine_down') }).click();
      await expect(plain.page.getByTestId('ticket')).toHaveCount(0);
      await told(w('why.machine_down'));
    });
    await test.step('what would be read backwards is refused, and what to do is said', async () => {
      const number = await order();
      await unfold(barista, number);
      await barista.ticket(number, 'queued').getByLabel(w('board.other')).fill('gone\u202e now');
      await barista.page.keyboard.press('Enter');
      await expect(barista.page.getByTestId('board-lost')).toContainText(w('problem.control_character'));
      await expect(barista.ticket(number, 'queued'), 'it is there again').toBeVisible();
      await plain.page.goto('/staff/harbor/queue');
      await unfold(plain, number);
      await plain.ticket(number, 'queued').getByLabel(w('board.other')).fill('gone\u202e now');
      await plain.page.keyboard.press('Enter');
      await expect(plain.page.getByRole('alert')).toContainText(w('problem.control_character'));
      await expect(shopper.status).toHaveText(w('order.queued'));
    });
    await shopper.leave();
    // Chromium writes refusals to the console, too.
    for (const refused of [barista, plain]) await refused.context.close();
  });
}
