// Parts of a page are loaded when they are needed, and may come alive at any moment of the connection.
import { Api } from './support/api';
import { expect, test } from './support/journey';
import { Shopper } from './support/shopper';

test('a form that comes alive while the server still thinks hears of a new price', async ({ browser, shop }) => {
  const shopper = await Shopper.arrive(browser, shop);
  const { page } = shopper;
  let asked = () => {};
  const menuIsAskedFor = new Promise<void>((resolve) => {
    asked = resolve;
  });
  await page.routeWebSocket('**/mqtt', (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((message) => {
      if (message.toString().includes('/menu')) asked();
      server.send(message);
    });
    // Not even that the connection is accepted is told before.
    server.onMessage(async (message) => {
      await menuIsAskedFor;
      socket.send(message);
    });
  });
  await page.goto('/s/harbor/p/flat-white');
  await expect(page.getByTestId('add-to-cart')).toContainText('$4.50');
  await menuIsAskedFor;
  const manager = new Api(shopper.context.request, shop.url, await shop.token('manager', 'harbor'));
  await manager.put('/staff/products/flat-white/variants/flat-white-regular/prices', [{ amount: 480 }]);
  await expect(page.getByTestId('add-to-cart')).toContainText('$4.80');
  await shopper.leave();
});
