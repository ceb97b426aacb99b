// The HTTP API as a client uses it: keys, origin and the contract's answers.
import { randomUUID } from 'node:crypto';
import { type APIRequestContext, expect } from '@playwright/test';

export interface Order {
  id: string;
  number: number;
  status: string;
  fulfilments: { id: string; status: string }[];
}

/** For how many seconds a code is to be shown, so that the one of now is for five minutes more. */
function untilQuiet(): number {
  const lengths = Array.from({ length: 20 }, (_, step) => 3600 - 61 * step);
  const quiet = lengths.find((length) => length - ((Date.now() / 1000) % length) > 300);
  if (quiet === undefined) throw new Error('every length of a code changes within five minutes');
  return quiet;
}

export class Api {
  /** With a token a device or a member of staff, without one the person whose browser `request` belongs to. */
  constructor(
    private readonly request: APIRequestContext,
    private readonly url: string,
    private readonly token?: string,
  ) {}

  private headers(): Record<string, string> {
    return this.token === undefined ? { Origin: this.url } : { Authorization: `Bearer ${this.token}` };
  }

  async get<T>(path: string, language = 'en'): Promise<T> {
    const headers = { ...this.headers(), 'Accept-Language': language };
    const answer = await this.request.get(`${this.url}/api/v1${path}`, { headers });
    if (!answer.ok()) throw new Error(`GET ${path}: ${answer.status()} ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  async put(path: string, data: unknown): Promise<void> {
    const answer = await this.request.put(`${this.url}/api/v1${path}`, { headers: this.headers(), data });
    if (!answer.ok()) throw new Error(`PUT ${path}: ${answer.status()} ${await answer.text()}`);
  }

  async delete(path: string): Promise<void> {
    const answer = await this.request.delete(`${this.url}/api/v1${path}`, { headers: this.headers() });
    if (!answer.ok()) throw new Error(`DELETE ${path}: ${answer.status()} ${await answer.text()}`);
  }

  async post<T>(path: string, data: unknown = {}): Promise<T> {
    const headers = { ...this.headers(), 'Idempotency-Key': randomUUID() };
    const answer = await this.request.post(`${this.url}/api/v1${path}`, { headers, data });
    if (!answer.ok()) throw new Error(`POST ${path}: ${answer.status()} ${await answer.text()}`);
    return (answer.status() === 204 ? undefined : await answer.json()) as T;
  }

  async patch<T>(path: string, data: unknown): Promise<T> {
    const answer = await this.request.patch(`${this.url}/api/v1${path}`, { headers: this.headers(), data });
    if (!answer.ok()) throw new Error(`PATCH ${path}: ${answer.status()} ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  /** A new kiosk of a store, whose code is shown for five minutes more at least: nothing that is looked at changes under it. Answers with what pairs a screen. */
  async addKiosk(store: string, kiosk: string): Promise<string> {
    // Codes change at round times; how long one is shown holds for kiosks that are made from then on.
    await this.patch(`/staff/stores/${store}/settings`, { code_seconds: untilQuiet() });
    return (await this.post<{ code: string }>(`/staff/stores/${store}/kiosks`, { id: kiosk })).code;
  }

  /** What a kiosk shows; its code is good for half a minute at least, which is longer than what it is asked for takes. */
  async codeOf(kiosk: string): Promise<{ code: string; scans_left: number }> {
    const shown = () => this.get<{ code: string; scans_left: number; rotates_at: string }>(`/kiosks/${kiosk}/code`);
    await expect.poll(async () => Date.parse((await shown()).rotates_at) - Date.now(), { timeout: 60_000 }).toBeGreaterThan(30_000);
    return shown();
  }

  /** The path of somebody of a store's staff. */
  async memberOf(store: string, name: string): Promise<string> {
    const members = `/staff/stores/${store}/members`;
    const { items } = await this.get<{ items: { id: string; name: string }[] }>(members);
    const found = items.find((member) => member.name === name);
    if (found === undefined) throw new Error(`${name} works at ${store}`);
    return `${members}/${found.id}`;
  }

  /** One flat white with oat milk, paid by card; resolves when the bar has it. */
  async orderCoffee(): Promise<Order> {
    return this.order([{ sku: 'flat-white-regular', quantity: 1, options: ['oat'] }]);
  }

  /** The same of anything that the café sells, paid as one likes. */
  async order(lines: { sku: string; quantity: number; options: string[] }[], payment: unknown = { method: 'card', token: 'tok_ok' }): Promise<Order> {
    const checkout = await this.post<{ id: string; quote: { total: unknown } }>('/checkouts', {
      store: 'harbor',
      lines,
      fulfilment: { kind: 'pickup' },
    });
    const placed = await this.post<Order>(`/checkouts/${checkout.id}/place`, {
      payment,
      expected_total: checkout.quote.total,
    });
    return this.orderWhen(placed.id, (order) => order.fulfilments[0]?.status === 'queued');
  }

  /** Asks for the order until it is as wanted. */
  async orderWhen(id: string, wanted: (order: Order) => boolean): Promise<Order> {
    const deadline = Date.now() + 10_000;
    for (;;) {
      const order = await this.get<Order>(`/orders/${id}`);
      if (wanted(order)) return order;
      if (Date.now() > deadline) throw new Error(`the order stays ${JSON.stringify(order)}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
