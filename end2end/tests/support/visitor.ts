// People: a browser context of their own each, with the errors of their pages kept.
import { type Browser, type BrowserContext, type BrowserContextOptions, expect, type Locator, type Page } from '@playwright/test';
import { Api } from './api';
import type { Orderly } from './orderly';
import { beginning, type Language, type Words, words } from './words';

export const PHONE: BrowserContextOptions = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
export const TABLET: BrowserContextOptions = { viewport: { width: 1024, height: 768 }, hasTouch: true };

export interface Likes extends BrowserContextOptions {
  language?: Language;
}

// What Chromium reports by itself while a server is away; everything else is a fault of the page.
const WHILE_THE_SERVER_IS_AWAY = /^(Failed to load resource: net::ERR_|WebSocket connection to )/;

// Chromium's own promise of a fade between two pages, which no script of ours holds: whoever goes on meanwhile ends it.
const CUT_SHORT = /^Transition was aborted because of invalid state\. ViewTransition opt-in disabled$/;

export class Visitor {
  readonly w: Words;

  protected constructor(
    readonly context: BrowserContext,
    readonly page: Page,
    readonly shop: Orderly,
    readonly language: Language,
    private readonly faults: string[],
  ) {
    this.w = words(language);
  }

  static async arrive(browser: Browser, shop: Orderly, { language = 'en', ...options }: Likes = {}): Promise<Visitor> {
    return new Visitor(...(await Visitor.enter(browser, shop, language, options)));
  }

  protected static async enter(browser: Browser, shop: Orderly, language: Language, options: BrowserContextOptions) {
    const locale = language === 'en' ? 'en-US' : language;
    const context = await browser.newContext({ baseURL: shop.url, locale, ...options });
    const page = await context.newPage();
    const faults: string[] = [];
    page.on('pageerror', (error) => {
      if (!CUT_SHORT.test(error.message)) faults.push(`uncaught: ${error.message}`);
    });
    page.on('console', (message) => {
      const isError = message.type() === 'error' || /Could not find WASM function/.test(message.text());
      if (isError && !WHILE_THE_SERVER_IS_AWAY.test(message.text())) faults.push(`${message.text()} (${page.url()})`);
    });
    return [context, page, shop, language, faults] as const;
  }

  /** The HTTP API with the cookie of this browser. */
  get api(): Api {
    return new Api(this.context.request, this.shop.url);
  }

  /** Another barista of the harbour café, who works without a page. */
  async colleague(): Promise<Api> {
    return new Api(this.context.request, this.shop.url, await this.shop.token('barista', 'harbor'));
  }

  /** The line that says how the page's live connection is. */
  get liveLine(): Locator {
    return this.page.getByTestId('live-line');
  }

  /** This browser becomes a screen of a new kiosk of a store, which `manager` may add. */
  async becomeWall(manager: Api, store: string, kiosk: string): Promise<void> {
    const code = await manager.addKiosk(store, kiosk);
    await this.page.goto(`/kiosk/${kiosk}`);
    await this.page.getByLabel(this.w('kiosk.pair_code')).fill(code);
    await this.page.getByTestId('pair-form').getByRole('button').click();
    await expect(this.page.getByTestId('kiosk')).toHaveAttribute('data-state', 'scan');
    await this.expectLive();
    await this.rememberDocument();
  }

  async expectLive(): Promise<void> {
    await expect(this.liveLine).toHaveAttribute('data-state', 'live');
  }

  /** The page says by itself that it no longer hears anything, in the words of `key`. */
  async expectPaused(key: 'live.reconnecting' | 'live.board_reconnecting'): Promise<void> {
    await expect(this.liveLine).toHaveAttribute('data-state', 'offline');
    await expect(this.liveLine).toContainText(beginning(this.language, key));
    await this.expectLineInSight();
  }

  /** The line that says how the connection is can be seen from where the page is, and from its end. */
  async expectLineInSight(): Promise<void> {
    await expect(this.liveLine).toBeInViewport();
    const before = await this.page.evaluate(() => {
      const before = scrollY;
      scrollTo({ top: document.documentElement.scrollHeight, behavior: 'instant' });
      return before;
    });
    await expect(this.liveLine, 'at the end of the page').toBeInViewport();
    await this.page.evaluate((top) => scrollTo({ top, behavior: 'instant' }), before);
  }

  /** Remembers the document that is shown, for `expectSameDocument`. */
  async rememberDocument(): Promise<void> {
    await this.page.evaluate(() => Object.assign(window, { remembered: true }));
  }

  /** Nothing was loaded again since `rememberDocument`: what changed, changed live. */
  async expectSameDocument(): Promise<void> {
    expect(await this.page.evaluate(() => 'remembered' in window), 'the page was not loaded again').toBe(true);
  }

  /** Closes the browser context; a panic, an exception or a refused script on any page fails here. */
  async leave(): Promise<void> {
    await this.context.close();
    expect(this.faults, 'errors in the console').toEqual([]);
  }
}
