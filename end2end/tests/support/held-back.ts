// Requests and answers that keep somebody waiting.
import type { Page, Route } from '@playwright/test';

/** Whatever the page asks for here waits, until what this returns is called. */
export async function heldBack(page: Page, url: string): Promise<() => void> {
  const [released, release] = gate();
  await page.route(url, async (route) => {
    await released;
    await route.continue();
  });
  return release;
}

/** The next answer to this waits, until it is released; `answered` resolves when the shop has given it. */
export async function answerHeldBack(page: Page, url: string): Promise<{ answered: Promise<void>; release: () => void }> {
  const [[answered, tell], [released, release]] = [gate(), gate()];
  const hold = async (route: Route) => {
    const response = await route.fetch();
    tell();
    await released;
    await route.fulfill({ response });
  };
  await page.route(url, hold, { times: 1 });
  return { answered, release };
}

/** What is waited for, and what ends that. */
function gate(): [Promise<void>, () => void] {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return [opened, () => open()];
}
