/** A closed loop of clients at a shop: as many requests as it takes. */
import type { Settings } from '../../ops/local/settings.ts';
import { type Shop, startShop } from '../../ops/local/shop.ts';
import type { ProcessSpec } from '../../ops/local/spec.ts';
import { makeProduct, shopClient, signInAdmin, signUp } from '../support/client.ts';
import { temporarySettings } from '../support/redis-nodes.ts';
import { type Measured, runWrk } from './wrk.ts';

/** A shop to be measured, with a buyer and enough of everything. */
export type Bench = {
  readonly shop: Shop;
  /** Purchases, each of one piece of one product out of ten. @throws when an answer is 4xx or 5xx */
  purchases(seconds: number): Promise<Measured>;
  /** Single products, without a token. @throws when an answer is 4xx or 5xx */
  products(seconds: number): Promise<Measured>;
  close(): Promise<void>;
};

const clients = 20;

/** The body of a purchase of one piece. */
export const purchaseBody = (productId: string) => JSON.stringify({ items: [{ productId, quantity: 1 }] });

/** Starts a shop of its own; `close` ends it, and its data are gone. @param rewire changes its processes */
export async function openShop(
  changes: Partial<Settings> = {},
  rewire: (specs: ProcessSpec[]) => ProcessSpec[] = (specs) => specs,
): Promise<{ shop: Shop; close: () => Promise<void> }> {
  const { settings, remove } = await temporarySettings(changes);
  const shop = await startShop(settings, { rewire });
  const close = async () => {
    await shop.killAll();
    await remove();
  };
  return { shop, close };
}

/** Starts a shop of its own to be measured. */
export async function openBench(...[changes, rewire]: Parameters<typeof openShop>): Promise<Bench> {
  const { shop, close } = await openShop({ logLevel: 'warn', ...changes }, rewire);
  const { httpUrl, settings } = shop;
  const client = shopClient(httpUrl);
  const admin = await signInAdmin(client, settings.adminEmail, settings.secrets.ADMIN_PASSWORD ?? '');
  const ids: string[] = [];
  for (let i = 0; i < 10; i++) ids.push((await makeProduct(client, admin, { stock: 10_000_000 })).id);
  return {
    shop,
    close,
    async purchases(seconds) {
      const { token } = await signUp(client); // anew: a token lives five minutes
      const headers = { authorization: `Bearer ${token}` };
      const bodies = ids.map(purchaseBody);
      return runWrk(httpUrl, clients, seconds, { method: 'POST', headers, paths: ['/purchases'], bodies });
    },
    products: (seconds) =>
      runWrk(httpUrl, clients, seconds, { method: 'GET', paths: ids.map((id) => `/products/${id}`) }),
  };
}
