// The scanner at a counter, and what it reads.
import type { Browser } from '@playwright/test';
import type { Api } from './api';
import type { Orderly } from './orderly';
import { type Likes, Visitor } from './visitor';

export interface Ticket {
  ticket: string;
}

/** A new kiosk of the harbour, and a browser that is its scanner. */
export async function scanner(browser: Browser, shop: Orderly, manager: Api, likes: Likes = {}): Promise<Visitor> {
  const { code } = await manager.post<{ code: string }>('/staff/stores/harbor/kiosks', { id: 'counter-1' });
  const visitor = await Visitor.arrive(browser, shop, { viewport: { width: 1024, height: 768 }, ...likes });
  await visitor.page.goto('/kiosk/counter-1/scan');
  await visitor.page.getByLabel(visitor.w('kiosk.pair_code')).fill(code);
  await visitor.page.getByTestId('pair-form').getByRole('button').click();
  await visitor.page.waitForURL('**/kiosk/counter-1/scan');
  return visitor;
}
