// Photographs of pages, for people to look at.
import type { Page } from '@playwright/test';
import { SCHEMES } from './access';

/** Every screen that there is a page for: a wall, a tablet as it lies and as it stands, and a phone. */
export const SIZES = [[1920, 1080], [1024, 768], [768, 1024], [390, 844]] as const;

/** Does something at every size, and leaves the page as large as it was. */
export async function atEverySize(page: Page, photograph: (size: string) => Promise<void>): Promise<void> {
  const before = page.viewportSize();
  for (const [width, height] of SIZES) {
    await page.setViewportSize({ width, height });
    await photograph(`${width}x${height}`);
  }
  if (before !== null) await page.setViewportSize(before);
}

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

/** `end2end/shots/{name}-{size}-{scheme}.png`, the whole page, at every size and in both colour schemes. */
export async function shoot(page: Page, name: string): Promise<void> {
  await atEverySize(page, async (size) => {
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await bringPictures(page);
      const path = new URL(`../../shots/${name}-${size}-${colorScheme}.png`, import.meta.url).pathname;
      await page.screenshot({ path, fullPage: true, animations: 'disabled' });
    }
  });
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
}
