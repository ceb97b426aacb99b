// A board that loses its network in the middle of a rush: it says how old it is, promises nothing, and when it is back nothing
// is missing and nothing is there twice.
import { expectAccessible } from './support/access';
import { Barista } from './support/barista';
import { expect, test } from './support/journey';
import { keepOffers } from './support/offers';
import { Shopper } from './support/shopper';
import { beginning, LANGUAGES } from './support/words';

interface Queue {
  lanes: Record<'queued' | 'making' | 'ready', { number: number }[]>;
}

test('what is done on a board whose connection is swallowed is seen there before that is found out', async ({ browser, shop }) => {
  const barista = await Barista.atBoard(browser, shop);
  const { page } = barista;
  let swallowed = false;
  let connections = 0;
  await page.routeWebSocket('**/mqtt', (socket) => {
    connections += 1;
    const server = socket.connectToServer();
    const unless = (send: (message: string | Buffer) => void) => (message: string | Buffer) => {
      if (!swallowed) send(message);
    };
    socket.onMessage(unless((message) => server.send(message)));
    server.onMessage(unless((message) => socket.send(message)));
  });
  await page.reload();
  await barista.expectLive();
  const shopper = await Shopper.atMenu(browser, shop);
  const number = String((await shopper.api.orderCoffee()).number);
  await expect(barista.ticket(number, 'queued')).toBeVisible();
  swallowed = true;
  await barista.button(number, 'board.claim').click();
  await expect(barista.ticket(number, 'making')).toBeVisible();
  expect(connections, 'nobody knows yet').toBe(1);
  await expect(barista.button(number, 'board.ready')).toBeFocused();
  await shopper.leave();
  await barista.leave();
});

for (const language of LANGUAGES) {
  test(`a board goes offline and comes back in the middle of a rush (${language})`, async ({ browser, shop }) => {
    const barista = await Barista.atBoard(browser, shop, { language });
    const { page, w } = barista;
    const shopper = await Shopper.atMenu(browser, shop, { language });
    const others = await shopper.colleague();
    const rush = async (count: number) => {
      const orders = [];
      for (let order = 0; order < count; order += 1) orders.push(await shopper.api.orderCoffee());
      return orders;
    };
    const before = await rush(4);
    await expect(page.getByTestId('ticket')).toHaveCount(4);
    await barista.rememberDocument();

    await barista.context.setOffline(true);
    await expect(barista.liveLine).toHaveAttribute('data-state', 'offline');
    await expect(barista.liveLine).toContainText(beginning(language, 'live.board_offline'));
    await expect(barista.liveLine, 'it says how old it is').toContainText(/\d{1,2}:\d\d/);
    const claim = barista.button(String(before[0]?.number), 'board.claim');
    await expect(claim).toHaveAttribute('aria-disabled', 'true');
    await expect(claim).toHaveAccessibleDescription(/\d{1,2}:\d\d/);
    await page.keyboard.type(String(before[0]?.number));
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('board-problem')).toContainText(w('board.offline'));
    await expectAccessible(page, 'the board without a network');

    // Meanwhile the others work on.
    const [first, second, third] = before;
    for (const verb of ['claim', 'ready', 'collect']) await others.post(`/staff/orders/${first?.id}/${verb}`);
    for (const verb of ['claim', 'ready']) await others.post(`/staff/orders/${second?.id}/${verb}`);
    await others.post(`/staff/orders/${third?.id}/claim`);
    await rush(6);
    await expect(page.getByTestId('ticket'), 'it shows what it knows').toHaveCount(4);

    await barista.context.setOffline(false);
    await barista.expectLive();
    await expect(page.getByTestId('board-problem')).toHaveCount(0);
    // The rush goes on while it catches up.
    await rush(2);
    const { lanes } = await others.get<Queue>('/staff/stores/harbor/queue');
    for (const lane of ['queued', 'making', 'ready'] as const) {
      const numbers = page.getByTestId(`l-${lane}`).getByRole('heading', { level: 3 });
      await expect(numbers).toHaveText(lanes[lane].map(({ number }) => new RegExp(`\\b${number}$`)));
    }
    await expect(page.getByTestId('ticket')).toHaveCount(11);
    await barista.expectSameDocument();
    const ids = await page.getByTestId('ticket').evaluateAll((tickets) => tickets.map(({ id }) => id));
    expect(new Set(ids).size, 'nothing is there twice').toBe(ids.length);
    await shopper.leave();
    await barista.leave();
  });

  test(`a command that is swallowed is told, and may be pressed again (${language})`, async ({ browser, shop }) => {
    const barista = await Barista.atBoard(browser, shop, { language });
    const { page, w } = barista;
    const shopper = await Shopper.atMenu(browser, shop, { language });
    const number = String((await shopper.api.orderCoffee()).number);
    const claim = barista.button(number, 'board.claim');
    // A connection that is half dead: nothing is ever answered, and the line still says that it is live.
    const swallowed = ['**/api/v1/staff/orders/*/claim', '**/api/v1/staff/stores/*/queue'];
    for (const call of swallowed) await page.route(call, () => {});
    await claim.click();
    await expect(claim).toHaveAttribute('aria-busy', 'true');
    await expect(page.getByTestId('board-lost')).toContainText(w('board.doubt_moved', { number }));
    await expect(claim).toHaveAttribute('aria-busy', 'false');
    await barista.expectLive();
    for (const call of swallowed) await page.unroute(call);
    await claim.click();
    await expect(barista.ticket(number, 'making')).toBeVisible();
    await expect(page.getByTestId('board-lost')).toHaveCount(0);
    await shopper.leave();
    await barista.leave();
  });

  test(`what was done and not answered is not known, and then it is (${language})`, async ({ browser, shop }) => {
    const barista = await Barista.atBoard(browser, shop, { language });
    const { page, w } = barista;
    const end = await keepOffers(page);
    await barista.expectLive();
    const shopper = await Shopper.atMenu(browser, shop, { language });
    const others = await shopper.colleague();
    const orders = [await shopper.api.orderCoffee(), await shopper.api.orderCoffee(), await shopper.api.orderCoffee()];
    const [cup, gone, drink] = orders.map(({ number }) => String(number)) as [string, string, string];
    for (const verb of ['claim', 'ready']) await others.post(`/staff/orders/${orders[0]?.id}/${verb}`);
    await expect(barista.ticket(cup, 'ready')).toBeVisible();
    const lost = page.getByTestId('board-lost');
    const told: number[] = [];
    /** The shop does it, and neither its answer nor the order itself comes through until `back` is called. */
    const lose = async (verb: string) => {
      await page.route(`**/api/v1/staff/orders/*/${verb}`, async (route) => {
        const answer = await route.fetch({ headers: { ...route.request().headers(), origin: shop.url } });
        told.push(answer.status());
        await route.abort();
      });
      await page.route('**/api/v1/orders/*', (route) => route.abort());
      return () => page.unroute('**/api/v1/orders/*');
    };
    const known = async (doubt: string, number: string, back: () => Promise<void>) => {
      await expect(lost).toContainText(w(doubt, { number }));
      await expect(lost).toContainText(w('board.no_answer'));
      await expectAccessible(page, 'the board with what is not known');
      await back();
      await expect(lost).toHaveCount(0);
    };

    const claimed = await lose('claim');
    await barista.button(drink, 'board.claim').click();
    await expect(barista.ticket(drink, 'making')).toBeVisible();
    await known('board.doubt_moved', drink, claimed);

    const collected = await lose('collect');
    await barista.button(cup, 'board.collect').click();
    await expect(barista.ticket(cup, 'ready')).toHaveAttribute('data-going', 'true');
    await end();
    await expect(barista.ticket(cup, 'ready')).toHaveCount(0);
    await known('board.doubt_collected', cup, collected);
    await expect(page.getByRole('status').filter({ hasText: `${w('board.order')} ${cup}: ${w('orders.collected')}` })).toHaveCount(1);

    const cancelled = await lose('cancel');
    await page.getByText(`${w('board.more')} ${w('board.order')} ${gone}`).locator('..').press('Enter');
    await barista.button(gone, 'board.cancel').click();
    await expect(barista.ticket(gone, 'queued')).toHaveAttribute('data-going', 'true');
    await end();
    await expect(barista.ticket(gone, 'queued')).toHaveCount(0);
    await known('board.doubt_cancelled', gone, cancelled);
    await expect(page.getByRole('status').filter({ hasText: `${w('board.order')} ${gone}: ${w('orders.cancelled')}` })).toHaveCount(1);
    expect(told).toEqual([200, 200, 200]);
    await shopper.leave();
    await barista.leave();
  });

  test(`a shop whose data is away is told to the bar in its own words, and so is a cart (${language})`, async ({ browser, shop }) => {
    const barista = await Barista.atBoard(browser, shop, { language });
    const shopper = await Shopper.arrive(browser, shop, { language });
    const { page, w } = shopper;
    await page.goto('/s/harbor');
    const number = String((await shopper.api.orderCoffee()).number);
    await barista.page.route('**/api/v1/staff/orders/*/claim', (route) =>
      route.fulfill({ status: 503, json: { type: 'about:blank', title: '', status: 503, detail: '', code: 'unavailable', request_id: '' } }),
    );
    await barista.button(number, 'board.claim').click();
    await expect(barista.page.getByTestId('board-problem')).toContainText(w('board.away'));
    await expect(barista.page.getByTestId('board-problem')).not.toContainText(w('problem.unavailable'));

    await page.route('**/do/cart/add', (route) => route.fulfill({ json: { Refused: { code: 'unavailable', faults: [] } } }));
    await page.goto('/s/harbor/p/flat-white');
    await expect(page.getByTestId('add-to-cart').locator('data'), 'the form is alive').toBeVisible();
    await page.getByTestId('add-to-cart').click();
    await expect(page.getByRole('alert')).toContainText(w('problem.unreachable'));
    await shopper.leave();
    // The refusal is in the console, as it should be.
    await barista.context.close();
  });

  test(`a manager's phone that hears nothing says so in full (${language})`, async ({ browser, shop }) => {
    const manager = await Barista.arrive(browser, shop, { language, viewport: { width: 390, height: 844 } });
    const { page } = manager;
    await page.goto('/staff');
    await manager.signIn('Mo', 'manager');
    await page.routeWebSocket('**/mqtt', (socket) => socket.close());
    await page.goto('/staff/harbor/queue');
    await manager.expectPaused('live.board_reconnecting');
    for (const width of [320, 390]) {
      await page.setViewportSize({ width, height: 844 });
      const covered = await manager.liveLine.evaluate((line) => {
        const at = line.getBoundingClientRect();
        const others = document.querySelectorAll('.staff-bar h1, .staff-tabs, .staff-bar__tools > *');
        const over = [...others].filter((other) => {
          const { left, right, top, bottom } = other.getBoundingClientRect();
          // Less than a pixel is rounding.
          return left < at.right - 1 && right > at.left + 1 && top < at.bottom - 1 && bottom > at.top + 1;
        });
        return { fits: at.left >= 0 && at.right <= innerWidth && line.scrollWidth <= line.clientWidth, over: over.map((it) => it.className) };
      });
      expect(covered, `at ${width} px`).toEqual({ fits: true, over: [] });
    }
    await expectAccessible(page, 'the board of a phone that hears nothing');
    await manager.leave();
  });

  test(`what is promised and cannot be sent is called off aloud (${language})`, async ({ browser, shop }) => {
    const barista = await Barista.atBoard(browser, shop, { language });
    const { page, w } = barista;
    const end = await keepOffers(page);
    await barista.expectLive();
    const shopper = await Shopper.atMenu(browser, shop, { language });
    const others = await shopper.colleague();
    const [cup, order] = [await shopper.api.orderCoffee(), await shopper.api.orderCoffee()];
    for (const verb of ['claim', 'ready']) await others.post(`/staff/orders/${cup.id}/${verb}`);
    const [ready, queued] = [barista.ticket(String(cup.number), 'ready'), barista.ticket(String(order.number), 'queued')];
    await expect(ready).toBeVisible();
    await expect(queued).toBeVisible();
    const lost = (key: string, number: number) => page.getByTestId('board-lost').filter({ hasText: w(key, { number }) });

    await barista.button(String(cup.number), 'board.collect').click();
    await expect(ready).toHaveAttribute('data-going', 'true');
    await page.getByText(`${w('board.more')} ${w('board.order')} ${order.number}`).locator('..').press('Enter');
    await barista.button(String(order.number), 'board.cancel').click();
    await expect(page.getByTestId('undo')).toHaveCount(2);
    await barista.context.setOffline(true);
    await expect(lost('board.not_collected', cup.number)).toBeVisible();
    await expect(lost('board.not_cancelled', order.number)).toBeVisible();
    await expect(page.getByTestId('undo'), 'nothing is promised any more').toHaveCount(0);
    for (const ticket of [ready, queued]) await expect(ticket).not.toHaveAttribute('data-going', 'true');
    await expectAccessible(page, 'the board with what was not done');
    await barista.context.setOffline(false);
    await barista.expectLive();
    await expect(page.getByTestId('board-lost'), 'a network that is back has not done it').toHaveCount(2);
    await expect(lost('board.not_collected', cup.number), 'nor is it away any more').toContainText(w('board.was_offline'));
    await expect(page.getByTestId('board-lost').filter({ hasText: w('board.offline') })).toHaveCount(0);
    await lost('board.not_cancelled', order.number).getByRole('button', { name: w('board.dismiss') }).click();
    await expect(page.getByTestId('board-lost')).toHaveCount(1);

    // A server that does not answer.
    await page.route('**/api/v1/staff/orders/*/cancel', (route) => route.abort());
    await page.getByText(`${w('board.more')} ${w('board.order')} ${order.number}`).locator('..').press('Enter');
    await barista.button(String(order.number), 'board.cancel').click();
    await expect(queued).toHaveAttribute('data-going', 'true');
    await end();
    await expect(lost('board.doubt_cancelled', order.number)).toContainText(w('board.no_answer'));
    await expect(lost('board.not_cancelled', order.number), 'the order is asked for').toContainText(w('board.not_arrived'));
    await expect(queued).not.toHaveAttribute('data-going', 'true');

    // What is done after all needs no reminder.
    await barista.button(String(cup.number), 'board.collect').click();
    await expect(ready).toHaveAttribute('data-going', 'true');
    await end();
    await expect(ready).toHaveCount(0);
    await expect(lost('board.not_collected', cup.number)).toHaveCount(0);
    await expect(page.getByTestId('board-lost')).toHaveCount(1);
    await shopper.leave();
    await barista.leave();
  });
}
