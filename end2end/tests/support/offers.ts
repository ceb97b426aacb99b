// What a board offers to take back, for as long as a journey looks at it.
import type { Page } from '@playwright/test';

/**
 * Keeps the five seconds of every offer from passing, on the pages that are loaded from now on, the one that is open included.
 * What is returned ends them: what was held back is sent, and the offers go.
 */
export async function keepOffers(page: Page): Promise<() => Promise<void>> {
  await page.addInitScript(() => {
    const [start, stop] = [window.setTimeout.bind(window), window.clearTimeout.bind(window)];
    const waiting = new Map<number, TimerHandler>();
    let next = 1_000_000_000;
    Object.assign(window, {
      setTimeout: (then: TimerHandler, after?: number, ...more: unknown[]) => {
        if (after !== 5000) return start(then, after, ...more);
        next += 1;
        waiting.set(next, then);
        return next;
      },
      clearTimeout: (timer: number) => {
        if (!waiting.delete(timer)) stop(timer);
      },
      endOffers: () => {
        const over = [...waiting.values()];
        waiting.clear();
        for (const then of over) if (typeof then === 'function') then();
      },
    });
  });
  await page.reload();
  return () => page.evaluate(() => (window as unknown as { endOffers: () => void }).endOffers());
}
