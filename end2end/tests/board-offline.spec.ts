// A board that loses its network in the middle of a rush: it says how old it is, promises nothing, and when it is back nothing
// is missing and nothing is there twice.
import { expectAccessible } from './support/access';
import { Api } from './support/api';
import { Barista } from './support/barista';
import { expect, test } from './support/journey';
import { Shopper } from './support/shopper';
import { beginning, LANGUAGES } from './support/words';

interface Queue {
  lanes: Record<'queued' | 'making' | 'ready', { number: number }[]>;
}

for (const language of LANGUAGES) {
  test(`a board goes offline and comes back in the middle of a rush (${language})`, async ({ browser, shop }) => {
    const barista = await Barista.atBoard(browser, shop, { language });
    const { page, w } = barista;
    const shopper = await Shopper.arrive(browser, shop, { language });
    await shopper.page.goto('/s/harbor');
    const others = new Api(shopper.context.request, shop.url, await shop.token('barista', 'harbor'));
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
}
