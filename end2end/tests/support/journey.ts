// What every journey begins with: `test` with a shop of its own.
import { test as base } from '@playwright/test';
import { Orderly } from './orderly';

export { expect } from '@playwright/test';

type Fixtures = {
  /** The demo shop, freshly opened; its log is attached when the journey fails. */
  shop: Orderly;
};

export const test = base.extend<Fixtures>({
  shop: async ({}, use, testInfo) => {
    const shop = await Orderly.open();
    await use(shop);
    if (testInfo.status !== testInfo.expectedStatus) {
      await testInfo.attach('server.log', { body: shop.logText(), contentType: 'text/plain' });
    }
    await shop.close();
  },
});
