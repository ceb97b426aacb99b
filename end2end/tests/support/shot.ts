// Photographs of pages, for people to look at.
import type { Page } from '@playwright/test';
import { SCHEMES } from './access';

/** `end2end/shots/{name}-{scheme}.png`, the whole page, in both colour schemes. */
export async function shoot(page: Page, name: string): Promise<void> {
  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const path = new URL(`../../shots/${name}-${colorScheme}.png`, import.meta.url).pathname;
    await page.screenshot({ path, fullPage: true, animations: 'disabled' });
  }
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
}
