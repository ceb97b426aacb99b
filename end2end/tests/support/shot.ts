// Photographs of pages, for people to look at.
import type { Page } from '@playwright/test';
import { SCHEMES } from './access';

/** Brings every picture of the page, also those that wait to be scrolled to. */
async function bringPictures(page: Page): Promise<void> {
  await page.evaluate(async () => {
    for (let top = 0; top < document.documentElement.scrollHeight; top += window.innerHeight / 2) {
      window.scrollTo({ top, behavior: 'instant' });
      await new Promise((drawn) => requestAnimationFrame(drawn));
    }
    const pictures = [...document.images];
    for (const picture of pictures) picture.loading = 'eager';
    // A picture that cannot be had is shown as that.
    await Promise.all(pictures.map((picture) => picture.decode().catch(() => undefined)));
    window.scrollTo({ top: 0, behavior: 'instant' });
  });
}

/** `end2end/shots/{name}-{scheme}.png`, the whole page, in both colour schemes. */
export async function shoot(page: Page, name: string): Promise<void> {
  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await bringPictures(page);
    const path = new URL(`../../shots/${name}-${colorScheme}.png`, import.meta.url).pathname;
    await page.screenshot({ path, fullPage: true, animations: 'disabled' });
  }
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
}
