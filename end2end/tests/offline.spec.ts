// No network: pages stay, say how old they are and what waits, and go on by themselves.
import { expectAccessible } from './support/access';
import { Barista } from './support/barista';
import { expect, test } from './support/journey';
import { Shopper } from './support/shopper';
import { beginning, LANGUAGES } from './support/words';

for (const language of LANGUAGES) {
  test(`nothing is sent while there is no network, and nobody is led off the page (${language})`, async ({ browser, shop }) => {
    const barista = await Barista.arrive(browser, shop, { language });
    await barista.page.goto('/staff');
    await barista.signIn('Kim');
    await barista.openBoard();
    await barista.expectLive();
    const shopper = await Shopper.arrive(browser, shop, { language });
    const { page, w } = shopper;
    await page.goto('/s/harbor');
    await shopper.chooseProduct();
    await shopper.addWithOat();
    await expect(page.getByTestId('hold')).toBeVisible();

    await test.step('the order waits', async () => {
      await shopper.context.setOffline(true);
      await page.getByTestId('place-order').click();
      await expect(page.getByRole('main')).toContainText(w('problem.offline'));
      await shopper.context.setOffline(false);
      await expect(page.getByRole('main')).not.toContainText(w('problem.offline'));
    });
    const number = await shopper.placeOrder();
    await expect(shopper.status).toHaveText(w('order.queued'));
    await shopper.expectLive();
    await shopper.rememberDocument();
    await expect(barista.ticket(number, 'queued')).toBeVisible();

    await test.step('the tracker says how old it is, and that it cannot be cancelled now', async () => {
      await shopper.context.setOffline(true);
      await expect(shopper.liveLine).toHaveAttribute('data-state', 'offline');
      await expect(shopper.liveLine).toContainText(beginning(language, 'live.offline'));
      await expect(shopper.liveLine).toContainText(/\d{1,2}:\d\d/);
      await expect(page.getByRole('main')).toContainText(w('order.cancel_offline'));
      await page.getByTestId('cancel-order').press('Enter');
      await expect(page.getByTestId('cancel-order')).toHaveAttribute('aria-disabled', 'true');
      await expectAccessible(page, 'the order without a network');
      await shopper.expectSameDocument();
    });

    await test.step('the board says so, its buttons wait, and the notice goes when the network is back', async () => {
      await barista.context.setOffline(true);
      const claim = barista.button(number, 'board.claim');
      await expect(claim).toHaveAttribute('aria-disabled', 'true');
      await expect(barista.liveLine).toContainText(beginning(language, 'live.board_offline'));
      await claim.press('Enter');
      await expect(barista.page.getByTestId('board-problem')).toContainText(w('board.offline'));
      await expectAccessible(barista.page, 'the board without a network');
      await barista.context.setOffline(false);
      await barista.expectLive();
      await expect(barista.page.getByTestId('board-problem')).toHaveCount(0);
      await expect(claim).not.toHaveAttribute('aria-disabled', 'true');
      await expect(barista.ticket(number, 'queued')).toBeVisible();
    });

    await test.step('back again, the order can be cancelled, and what became of it has the focus', async () => {
      await shopper.context.setOffline(false);
      await shopper.expectLive();
      await page.getByTestId('cancel-order').press('Enter');
      await expect(shopper.status).toHaveText(w('order.cancelled_by_customer'));
      await expect(shopper.status).toBeFocused();
      await shopper.expectSameDocument();
      await expect(barista.page.getByTestId('ticket')).toHaveCount(0);
    });
    await shopper.leave();
    await barista.leave();
  });
}

for (const language of LANGUAGES) {
  test(`wherever one has scrolled to, a page says that it is not live, and nothing moves (${language})`, async ({ browser, shop }) => {
    const barista = await Barista.atBoard(browser, shop, { language });
    const shopper = await Shopper.atMenu(browser, shop, { language });
    const { id } = await shopper.api.orderCoffee();
    for (const [visitor, path, below, sentence] of [
      [shopper, '/s/harbor', '.menu-nav', 'live.offline'],
      [shopper, `/orders/${id}`, '.stages', 'live.offline'],
      [barista, '/staff/harbor/queue', '.board', 'live.board_offline'],
    ] as const) {
      const { page, context, liveLine } = visitor;
      const place = async () => {
        const box = await page.locator(below).boundingBox();
        return [box?.x, box?.y];
      };
      for (const width of [320, 768]) {
        await page.setViewportSize({ width, height: 568 });
        await page.goto(path);
        await visitor.expectLive();
        const before = await place();
        await context.setOffline(true);
        await expect(liveLine).toContainText(beginning(language, sentence));
        expect(await place(), `${path} at ${width} px`).toEqual(before);
        await visitor.expectLineInSight();
        await context.setOffline(false);
        await visitor.expectLive();
        expect(await place(), `${path} at ${width} px`).toEqual(before);
      }
    }
    await shopper.leave();
    await barista.leave();
  });

  test(`pages whose parts are live say when they are not (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.atCheckout(browser, shop, { language });
    const manager = await Barista.arrive(browser, shop, { language });
    await manager.page.goto('/staff');
    await manager.signIn('Mo', 'manager');
    for (const [visitor, path] of [
      [shopper, '/s/harbor/p/flat-white'],
      [shopper, '/s/harbor/checkout'],
      [manager, '/staff/harbor/settings'],
    ] as const) {
      const { page, context, liveLine } = visitor;
      await page.goto(path);
      await visitor.expectLive();
      const around = page.locator('.live-quiet');
      await expect(around, 'it is not seen').toHaveCSS('position', 'absolute');
      await context.setOffline(true);
      await expect(liveLine).toContainText(beginning(language, 'live.offline'));
      await expect(around, 'nothing moves under a thumb').toHaveCSS('position', 'fixed');
      await expect(liveLine).toBeInViewport({ ratio: 1 });
      await expectAccessible(page, `${path} without a network`);
      await context.setOffline(false);
      await visitor.expectLive();
      await expect(around).toHaveCSS('position', 'absolute');
    }
    await manager.leave();
    await shopper.leave();
  });

  test(`what an order is refused for while the server is away is read below the line that says so (${language})`, async ({ browser, shop }) => {
    for (const [width, height] of [
      [390, 844],
      [320, 568],
    ] as const) {
      const shopper = await Shopper.atCheckout(browser, shop, { language, viewport: { width, height } });
      const { page, w, liveLine } = shopper;
      await expect(page.getByTestId('hold')).toBeVisible();
      await shopper.expectLive();
      await shop.kill();
      await expect(liveLine).toHaveAttribute('data-state', 'offline');
      await page.getByTestId('place-order').click();
      const notice = page.locator('#problem');
      await expect(notice).toContainText(w('problem.unavailable'));
      await expect(notice).toBeInViewport({ ratio: 1 });
      const line = await liveLine.boundingBox();
      const clear = async () => ((await notice.boundingBox())?.y ?? 0) - ((line?.y ?? 0) + (line?.height ?? 0));
      await expect.poll(clear, `at ${width} px`).toBeGreaterThanOrEqual(0);
      await shop.start();
      await shopper.leave();
    }
  });

  test(`what is changed at the checkout while the server is away is saved when it is back (${language})`, async ({ browser, shop }) => {
    const shopper = await Shopper.atCheckout(browser, shop, { language });
    const { page, w } = shopper;
    const notice = page.locator('#problem');
    const line = page.getByTestId('line');
    await expect(page.getByTestId('hold')).toBeVisible();
    await shopper.rememberDocument();

    await test.step('one more, and one press orders both', async () => {
      await shop.kill();
      await line.locator('button[value="2"]').click();
      await expect(page.getByTestId('total')).toContainText('$10.20');
      await expect(notice).toContainText(w('problem.unsaved'));
      await page.getByTestId('place-order').click();
      await expect(page.getByTestId('place-order')).toHaveAttribute('aria-busy', 'false');
      await expect(notice).toContainText(w('problem.unsaved'));
      await shop.start();
      await expect(notice).toHaveCount(0);
      await shopper.expectSameDocument();
      await shopper.placeOrder();
      await expect(page.getByRole('main')).toContainText('$10.20');
    });

    await test.step('the only line is removed', async () => {
      await page.goto('/s/harbor');
      await shopper.chooseProduct();
      await shopper.addWithOat();
      await expect(page.getByTestId('hold')).toBeVisible();
      await shop.kill();
      await line.locator('button[value="0"]').click();
      await expect(line).toHaveCount(0);
      await expect(notice).toContainText(w('problem.unsaved'));
      await expect(page.getByRole('main')).toContainText(w('cart.empty_title'));
      await expect(page.getByRole('main')).not.toContainText(w('checkout.fix_first'));
      await expect(page.getByTestId('hold')).toHaveCount(0);
      await shop.start();
      await expect(page.getByTestId('checkout')).toHaveCount(0);
      await expect(page.getByRole('main')).toContainText(w('cart.empty_title'));
    });
    await shopper.leave();
  });
}
