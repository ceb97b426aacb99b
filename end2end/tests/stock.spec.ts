// What is counted is corrected: that it was is said where the one who did it looks.
import { expectAccessible } from './support/access';
import { Barista } from './support/barista';
import { expect, test } from './support/journey';
import { LANGUAGES } from './support/words';

for (const language of LANGUAGES) {
  for (const javaScriptEnabled of [true, false]) {
    test(`what was booked is said in sight ${javaScriptEnabled ? 'with' : 'without'} JavaScript (${language})`, async ({ browser, shop }) => {
      const viewport = { width: 1280, height: 480 };
      const manager = await Barista.arrive(browser, shop, { language, javaScriptEnabled, viewport });
      const { page, w } = manager;
      await page.goto('/staff');
      await manager.signIn('Mo', 'manager');
      await page.goto('/staff/harbor/stock');
      const item = page.getByTestId('count').last();
      await item.locator('summary').click();
      await item.getByLabel(w('stock.units'), { exact: true }).fill('4');
      await item.getByRole('button', { name: w('stock.book') }).click();
      await page.waitForURL(/\?saved=/);
      await expect(item.getByRole('status')).toBeInViewport();
      await expect(item.getByRole('status')).toHaveAttribute('data-tone', 'go');
      if (javaScriptEnabled) await expectAccessible(page, 'the stock after a correction');
      await manager.leave();
    });
  }
}
