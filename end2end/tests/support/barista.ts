// Somebody behind the bar with a tablet.
import { type Browser, expect, type Locator } from '@playwright/test';
import type { Orderly } from './orderly';
import { type Likes, TABLET, Visitor } from './visitor';

type Lane = 'queued' | 'making' | 'ready';

export class Barista extends Visitor {
  static override async arrive(browser: Browser, shop: Orderly, { language = 'en', ...options }: Likes = {}): Promise<Barista> {
    return new Barista(...(await Visitor.enter(browser, shop, language, { ...TABLET, ...options })));
  }

  /** Somebody who is at the board of a store already, the harbour café's unless another is named. */
  static async atBoard(browser: Browser, shop: Orderly, likes: Likes = {}, store = 'harbor', name = 'Kim'): Promise<Barista> {
    const barista = await Barista.arrive(browser, shop, likes);
    await barista.page.goto('/staff');
    await barista.signIn(name, 'barista', store);
    await barista.openBoard(store);
    await barista.expectLive();
    return barista;
  }

  /** Signs in with the one-time code of `orderly staff add`. */
  async signIn(name: string, role = 'barista', store = 'harbor'): Promise<void> {
    const { code } = await this.shop.json<{ code: string }>('staff', 'add', '--store', store, '--name', name, '--role', role);
    await this.page.getByLabel(this.w('staff.code')).fill(code);
    await this.page.getByRole('button', { name: this.w('staff.sign_in'), exact: true }).click();
    await expect(this.page.getByText(this.w('staff.hello', { name }))).toBeVisible();
  }

  async openBoard(store = 'harbor'): Promise<void> {
    await this.page.getByRole('link', { name: this.w('staff.open_board') }).click();
    await this.page.waitForURL(`**/staff/${store}/queue`);
  }

  /** The ticket of an order, in a lane. */
  ticket(number: string, lane: Lane): Locator {
    const heading = this.page.getByRole('heading', { level: 3, name: new RegExp(`\\b${number}$`) });
    return this.page.getByTestId(`l-${lane}`).getByTestId('ticket').filter({ has: heading });
  }

  /** The button of a ticket, by its word. */
  button(number: string, word: string): Locator {
    return this.page.getByRole('button', { name: `${this.w(word)} ${this.w('board.order')} ${number}`, exact: true });
  }
}
