// People: a browser context of their own each, with the errors of their pages kept.
import { type Browser, type BrowserContext, type BrowserContextOptions, expect, type Page } from '@playwright/test';
import type { Orderly } from './orderly';

export const PHONE: BrowserContextOptions = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
export const TABLET: BrowserContextOptions = { viewport: { width: 1024, height: 768 }, hasTouch: true };

// What Chromium reports by itself while a server is away; everything else is a fault of the page.
const WHILE_THE_SERVER_IS_AWAY = /^(Failed to load resource: net::ERR_|WebSocket connection to )/;

export class Visitor {
  private constructor(
    readonly context: BrowserContext,
    readonly page: Page,
    private readonly faults: string[],
  ) {}

  static async arrive(browser: Browser, shop: Orderly, options: BrowserContextOptions): Promise<Visitor> {
    const context = await browser.newContext({ baseURL: shop.url, locale: 'en-US', ...options });
    const page = await context.newPage();
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(`uncaught: ${error.message}`));
    page.on('console', (message) => {
      const isError = message.type() === 'error' || /Could not find WASM function/.test(message.text());
      if (isError && !WHILE_THE_SERVER_IS_AWAY.test(message.text())) faults.push(message.text());
    });
    return new Visitor(context, page, faults);
  }

  /** Closes the browser context; a panic, an exception or a refused script on any page fails here. */
  async leave(): Promise<void> {
    await this.context.close();
    expect(this.faults, 'errors in the console').toEqual([]);
  }
}
