// What every journey begins with: `test` with a shop of its own.
import { test as base, type TestInfo } from '@playwright/test';
import { Orderly } from './orderly';

export { expect } from '@playwright/test';

type Fixtures = {
  /** The demo shop, freshly opened; its log is attached when the journey fails. */
  shop: Orderly;
};

/** A shop of these settings, for one journey. */
function opened(settings: Record<string, string> = {}) {
  return async ({}, use: (shop: Orderly) => Promise<void>, testInfo: TestInfo) => {
    const shop = await Orderly.open(settings);
    await use(shop);
    if (testInfo.status !== testInfo.expectedStatus) {
      await testInfo.attach('server.log', { body: shop.logText(), contentType: 'text/plain' });
    }
    await shop.close();
  };
}

export const test = base.extend<Fixtures>({ shop: opened() });

/** The same in a shop that takes more orders of one person than anybody places in an hour. */
export const rush = base.extend<Fixtures>({ shop: opened({ ORDERLY_LIMITS: 'off' }) });
