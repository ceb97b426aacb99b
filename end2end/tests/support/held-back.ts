// Answers that keep somebody waiting.
import type { Page } from '@playwright/test';

/** Whatever the page asks for here waits, until what this returns is called. */
export async function heldBack(page: Page, url: string): Promise<() => void> {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route(url, async (route) => {
    await released;
    await route.continue();
  });
  return release;
}
