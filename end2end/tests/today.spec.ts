// A manager looks at the day while it happens: figures and charts move by themselves, and go into a spreadsheet.
import { readFileSync } from 'node:fs';
import { expectAccessible } from './support/access';
import { Api } from './support/api';
import { Barista } from './support/barista';
import { expect, test } from './support/journey';
import { Shopper } from './support/shopper';
import { LANGUAGES } from './support/words';
import { PHONE, type Visitor } from './support/visitor';

for (const language of LANGUAGES) {
  test(`the day's figures move by themselves and are had as a file (${language})`, async ({ browser, shop }) => {
    const manager = await Barista.arrive(browser, shop, { language });
    const { page, w } = manager;
    await page.goto('/staff');
    await manager.signIn('Mo', 'manager');
    await page.getByRole('link', { name: w('today.open'), exact: true }).click();
    await page.waitForURL('**/staff/harbor/today');
    await manager.expectLive();
    const figure = (name: string) => page.getByTestId(`today-${name}`);
    await expect(page.getByTestId('no-order')).toBeVisible();
    await expect(figure('orders')).toHaveText('0');
    await expectAccessible(page, 'a day without an order');

    await manager.rememberDocument();
    const shopper = await Shopper.atMenu(browser, shop);
    const bar = await shopper.colleague();
    const orders = [await shopper.api.orderCoffee(), await shopper.api.orderCoffee(), await shopper.api.orderCoffee()];
    await expect(figure('orders')).toHaveText('3');
    await expect(figure('revenue')).toContainText('$15.30');
    await expect(figure('waiting')).toHaveText('–');
    await expect(page.getByTestId('no-order')).toBeHidden();
    const [first, second] = orders;
    await bar.post(`/staff/orders/${first?.id}/claim`);
    await bar.post(`/staff/orders/${first?.id}/ready`);
    await bar.post(`/staff/orders/${second?.id}/cancel`, { reason: '=1+1' });
    await expect(figure('waiting')).not.toHaveText('–');
    await expect(figure('making')).not.toHaveText('–');
    await expect(figure('cancelled')).toHaveText('1');
    await expect(figure('orders')).toHaveText('2');
    await expect(page.getByTestId('products').getByRole('row')).toHaveCount(2);
    await expect(page.getByTestId('ended')).toContainText('=1+1');
    // A word that could be a program's is somebody's, too.
    const spilled = await shopper.api.orderCoffee();
    await bar.post(`/staff/orders/${spilled.id}/cancel`, { reason: 'spilled' });
    await expect(page.getByTestId('ended')).toContainText('spilled');
    // One column is as high as its chart.
    const heights = await page.getByTestId('chart-orders').locator('.chart__bar').evaluateAll((bars) => bars.map((bar) => bar.getBoundingClientRect().height));
    expect(heights.filter((height) => height > 100)).toHaveLength(1);
    await page.getByText(w('today.as_table')).click();
    await expect(page.getByTestId('hours-table').getByRole('row')).toHaveCount(heights.length + 1);
    await expectAccessible(page, 'a day with orders');
    await page.setViewportSize({ width: 320, height: 844 });
    await expectAccessible(page, 'a day with its table on the narrowest phone');
    // A word at the head of a column is not broken, however few letters it has.
    const heads = await page.locator('.today__lists thead th').evaluateAll((cells) =>
      cells.flatMap((cell) => {
        const range = document.createRange();
        range.selectNodeContents(cell);
        const lines = new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size;
        const text = cell.textContent ?? '';
        return lines > text.split(' ').length ? [text] : [];
      }),
    );
    expect(heads, 'broken words').toEqual([]);
    const table = page.getByTestId('hours-table');
    expect(await table.locator('..').evaluate((room) => room.scrollWidth - room.clientWidth), 'every figure is seen').toBeLessThanOrEqual(0);
    await page.setViewportSize(PHONE.viewport ?? { width: 390, height: 844 });
    await expectAccessible(page, 'a day on a phone');
    // More money than was made here, where the tiles are narrowest: it stays one number.
    for (const width of [320, 360, 720, 1200]) {
      await page.setViewportSize({ width, height: 844 });
      const told = await figure('revenue').evaluate((shown) => {
        const text = document.createTreeWalker(shown, NodeFilter.SHOW_TEXT).nextNode() as Text;
        const [before, line] = [text.data, shown.clientHeight];
        text.data = 'US$112,826.45';
        const grown = shown.clientHeight - line;
        const range = document.createRange();
        range.selectNode(text);
        const inside = range.getBoundingClientRect().right <= shown.getBoundingClientRect().right + 1;
        text.data = before;
        return { grown, inside };
      });
      expect(told, `at ${width}`).toEqual({ grown: 0, inside: true });
    }
    await page.setViewportSize(PHONE.viewport ?? { width: 390, height: 844 });

    const [file] = await Promise.all([page.waitForEvent('download'), page.getByTestId('csv').click()]);
    expect(file.suggestedFilename()).toMatch(/^harbor-\d{4}-\d\d-\d\d\.csv$/);
    const rows = readFileSync(await file.path(), 'utf8').split('\r\n');
    expect(rows.find((row) => row.includes(',total,paid,'))).toContain(',2,,10.20,USD,1,');
    expect(rows.find((row) => row.includes(',ended,'))).toContain(`,cancelled_by_staff,"'=1+1",1,`);

    // Away and back in the middle of it: what was missed is there.
    await manager.context.setOffline(true);
    await expect(manager.liveLine).toHaveAttribute('data-state', 'offline');
    await shopper.api.orderCoffee();
    await manager.context.setOffline(false);
    await expect(figure('orders')).toHaveText('3');
    await manager.expectLive();
    await manager.expectSameDocument();

    // The day before, and back.
    await page.getByRole('link', { name: w('today.before') }).click();
    await expect(page.getByTestId('no-order')).toHaveText(w('today.no_order_then'));
    await page.getByRole('link', { name: w('today.after') }).click();
    await expect(figure('orders')).toHaveText('3');
    await shopper.leave();
    await manager.leave();
  });
}

for (const language of LANGUAGES) {
  test(`one long word of a shopper's or of a colleague's widens no page (${language})`, async ({ browser, shop }) => {
    const manager = await Barista.arrive(browser, shop, { language });
    const { page, w } = manager;
    await page.goto('/staff');
    const name = 'M'.repeat(60);
    await manager.signIn(name, 'manager');
    const shopper = await Shopper.atMenu(browser, shop, { language });
    const bar = await shopper.colleague();
    // As long as a reason may be, and nowhere to break it; a link is one, too.
    const reasons = ['Z'.repeat(200), `https://example.com/${'z'.repeat(180)}`];
    const orders = [await shopper.api.orderCoffee(), await shopper.api.orderCoffee(), await shopper.api.orderCoffee()];
    const [left, undone, made] = orders;
    await shopper.api.post(`/orders/${left?.id}/cancel`, { reason: reasons[0] });
    await bar.post(`/staff/orders/${undone?.id}/cancel`, { reason: reasons[1] });
    await bar.post(`/staff/orders/${made?.id}/claim`);
    const taken = await shopper.api.orderCoffee();
    await manager.api.post(`/staff/orders/${taken.id}/claim`);
    const desk = new Api(manager.context.request, shop.url, await shop.token('manager', 'harbor'));
    await desk.post('/staff/stores/harbor/tokens', { name: 'W'.repeat(60), role: 'barista' });
    await desk.post('/staff/stores/harbor/kiosks', { id: 'k'.repeat(32) });
    const cake = 'Himbeerschokoladenkuchen'.repeat(3);
    await desk.put('/staff/products/latte', { name: { en: cake, 'zh-CN': cake }, description: { en: 'x', 'zh-CN': 'x' } });

    const fits = async (who: Visitor, what: string) => {
      for (const width of [320, 390, 768, 1024, 1280, 1920]) {
        await who.page.setViewportSize({ width, height: 844 });
        const over = await who.page.evaluate(() => {
          // A table has no edge of its own that would hide what leaves it.
          const wide = [...document.querySelectorAll('.panel')].filter((panel) => panel.scrollWidth > panel.clientWidth + 1).length;
          return { page: document.documentElement.scrollWidth - document.documentElement.clientWidth, panels: wide };
        });
        expect(over, `${what} at ${width} px`).toEqual({ page: 0, panels: 0 });
      }
    };
    await page.goto('/staff/harbor/today');
    const ended = page.getByTestId('ended');
    for (const reason of reasons) await expect(ended).toContainText(reason);
    await fits(manager, 'the day');
    // The column beside the reasons keeps room for a few signs a line.
    for (const width of [320, 1024, 1280]) {
      await page.setViewportSize({ width, height: 844 });
      const heads = await page.locator('.today__lists tbody th').evaluateAll((cells) => cells.map((cell) => cell.getBoundingClientRect().width));
      expect(Math.min(...heads), `the first columns at ${width} px`).toBeGreaterThan(80);
    }
    for (const path of ['staff', 'account']) {
      await page.goto(`/${path}`);
      await expect(page.getByRole('heading', { level: 1 })).toContainText(name);
      await fits(manager, path);
    }
    for (const path of ['audit', 'settings', 'queue', 'menu']) {
      await page.goto(`/staff/harbor/${path}`);
      if (path === 'menu') await expect(page.getByText(cake).first()).toBeVisible();
      if (path === 'audit') await expect(page.getByTestId('audit')).toContainText(reasons[1] ?? '');
      await fits(manager, path);
    }
    for (const order of [left, undone]) {
      await shopper.page.goto(`/orders/${order?.id}`);
      await shopper.page.getByText(w('order.journey')).click();
      await fits(shopper, 'an order that came to nothing');
    }
    await shopper.page.goto(`/orders/${taken.id}`);
    await expect(shopper.status).toContainText(name);
    await fits(shopper, 'an order that somebody makes');
    await shopper.leave();
    await manager.leave();
  });
}

test('the board tells the day and how long things take', async ({ browser, shop }) => {
  const barista = await Barista.atBoard(browser, shop);
  const { page, w } = barista;
  const day = page.getByTestId('board-day');
  const line = day.locator('summary');
  await expect(line).toContainText(`0 ${w('today.started_count')}`);
  const shopper = await Shopper.atMenu(browser, shop);
  const [first, second] = [await shopper.api.orderCoffee(), await shopper.api.orderCoffee()];
  await expect(line).toContainText(`2 ${w('today.started_count')}`);
  const bar = await shopper.colleague();
  await bar.post(`/staff/orders/${second.id}/cancel`);
  await expect(line).toContainText(`1 ${w('today.cancelled_count')}`);
  const lanes = await page.locator('.board').boundingBox();
  await line.click();
  await expect(day).toContainText(w('today.making_none'));
  await bar.post(`/staff/orders/${first.id}/claim`);
  await bar.post(`/staff/orders/${first.id}/ready`);
  await expect(day.locator('dl')).toContainText(w('today.seconds', { seconds: 0 }).replace('0', ''));
  expect((await page.locator('.board').boundingBox())?.y, 'the lanes stay where they are').toBe(lanes?.y);
  await expectAccessible(page, 'the board with the times');
  await shopper.leave();
  await barista.leave();
});

test('the day without JavaScript', async ({ browser, shop }) => {
  const shopper = await Shopper.atMenu(browser, shop);
  await shopper.api.orderCoffee();
  const manager = await Barista.arrive(browser, shop, { javaScriptEnabled: false });
  await manager.page.goto('/staff');
  await manager.signIn('Mo', 'manager');
  await manager.page.goto('/staff/harbor/today');
  await expect(manager.page.getByTestId('today-orders')).toHaveText('1');
  await manager.page.getByText(manager.w('today.as_table')).click();
  await expect(manager.page.getByTestId('hours-table').getByRole('row').filter({ hasText: '$5.10' })).toHaveCount(1);
  const unscripted = await manager.page.locator('noscript').allTextContents();
  expect(unscripted).toContainEqual(expect.stringContaining(manager.w('live.no_scripts')));
  for (const visitor of [shopper, manager]) await visitor.leave();
});
