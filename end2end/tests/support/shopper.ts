// Somebody on a phone who wants a flat white with oat milk.
import { type Browser, expect, type Locator } from '@playwright/test';
import type { Api } from './api';
import type { Orderly } from './orderly';
import { type Likes, PHONE, Visitor } from './visitor';

interface Named {
  id: string;
  name: string;
}
interface Menu {
  categories: { products: (Named & { modifiers: { options: Named[] }[] })[] }[];
}

export class Shopper extends Visitor {
  static override async arrive(browser: Browser, shop: Orderly, { language = 'en', ...options }: Likes = {}): Promise<Shopper> {
    return new Shopper(...(await Visitor.enter(browser, shop, language, { ...PHONE, ...options })));
  }

  /** Somebody who looks at the harbour café's menu. */
  static async atMenu(browser: Browser, shop: Orderly, likes: Likes = {}): Promise<Shopper> {
    const shopper = await Shopper.arrive(browser, shop, likes);
    await shopper.page.goto('/s/harbor');
    return shopper;
  }

  /** Somebody with a flat white in the cart, about to pay. */
  static async atCheckout(browser: Browser, shop: Orderly, likes: Likes = {}): Promise<Shopper> {
    const shopper = await Shopper.atMenu(browser, shop, likes);
    await shopper.chooseProduct();
    await shopper.addWithOat();
    return shopper;
  }

  get status(): Locator {
    return this.page.getByTestId('order-status');
  }

  /** From the home page to the menu of the harbour café. */
  async chooseStore(): Promise<void> {
    const store = await this.api.get<Named>('/stores/harbor', this.language);
    await this.page.getByRole('link', { name: store.name }).first().click();
    await this.page.waitForURL('**/s/harbor');
    await expect(this.page.getByRole('heading', { level: 1 })).toContainText(store.name);
  }

  /** From the menu to the page of the flat white. */
  async chooseProduct(): Promise<void> {
    const { flatWhite } = await this.names();
    await this.page.getByRole('link', { name: flatWhite }).first().click();
    await this.page.waitForURL('**/s/harbor/p/flat-white');
    await expect(this.page.getByRole('heading', { level: 1 })).toContainText(flatWhite);
  }

  /** Oat instead of what is chosen at first, and into the cart. */
  async addWithOat(): Promise<void> {
    const { oat } = await this.names();
    await this.page.getByRole('radio', { name: oat }).check();
    await this.page.getByTestId('add-to-cart').click();
    await this.page.getByRole('link', { name: this.w('cart.view') }).click();
    await this.page.waitForURL('**/s/harbor/checkout');
    await expect(this.page.getByTestId('line')).toContainText(oat);
    await expect(this.page.getByTestId('total')).toContainText('$5.10');
  }

  /** Signs in by phone; `count`: the how many-th code of this phone it is. Begins at the sign-in page, in another tab where `page` is one. */
  async signIn(phone: string, count = 1, page = this.page): Promise<void> {
    await page.getByLabel(this.w('sign_in.phone')).fill(phone);
    await page.getByRole('button', { name: this.w('sign_in.send') }).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(this.w('sign_in.code_heading'));
    await page.getByLabel(this.w('sign_in.code'), { exact: true }).fill(await this.shop.code(phone, count));
    await page.getByRole('button', { name: this.w('sign_in.sign_in') }).click();
    await expect(page.getByTestId('account-link')).toBeVisible();
  }

  /** Signed in by phone, and let in by the code on a screen of the stand, which `staff` may see. Ends on the stand's menu. */
  async comeIn(staff: Api, phone: string, kiosk = 'pier-1'): Promise<void> {
    await this.page.goto('/sign-in?back=/account');
    await this.signIn(phone);
    await this.page.waitForURL('**/account');
    // Only now: a code may be over before somebody has signed in.
    const { code } = await staff.codeOf(kiosk);
    await this.page.goto(`/scan/${code}`);
    await this.page.getByTestId('scan-form').getByRole('button').click();
    await this.page.waitForURL('**/s/pier');
  }

  /** A lemonade of the stand is in the cart, which is on the page now. */
  async takeLemonade(): Promise<void> {
    await this.page.goto('/s/pier/p/pier-lemonade');
    await this.page.getByTestId('add-to-cart').click();
    await this.page.getByRole('link', { name: this.w('cart.view') }).click();
    await this.page.waitForURL('**/s/pier/checkout');
  }

  /** Chooses a test card by its message, also one that is folded away. */
  async payWith(card: string): Promise<void> {
    const choice = this.page.getByRole('radio', { name: this.w(card) });
    if (!(await choice.isVisible())) await this.page.getByText(this.w('checkout.more_cards')).click();
    await choice.check();
  }

  /** The timeline of the order. */
  get journey(): Locator {
    return this.page.getByTestId('journey');
  }

  async openJourney(): Promise<void> {
    await this.page.getByText(this.w('order.journey')).click();
  }

  /** Places the order and returns its number, as it stands on its page. */
  async placeOrder(): Promise<string> {
    await this.page.getByRole('button', { name: this.w('checkout.place') }).click();
    await this.page.waitForURL('**/orders/*');
    const number = await this.page.getByTestId('order-number').textContent();
    return number?.replaceAll(/\D/g, '') ?? '';
  }

  private async names(): Promise<{ flatWhite: string; oat: string }> {
    const menu = await this.api.get<Menu>('/stores/harbor/menu', this.language);
    const products = menu.categories.flatMap(({ products }) => products);
    const flatWhite = products.find(({ id }) => id === 'flat-white');
    const oat = flatWhite?.modifiers.flatMap(({ options }) => options).find(({ id }) => id === 'oat');
    if (flatWhite === undefined || oat === undefined) throw new Error('the demo café sells no flat white with oat');
    return { flatWhite: flatWhite.name, oat: oat.name };
  }
}
