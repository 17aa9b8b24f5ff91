/** A closed loop of clients at a shop: as many requests as it takes. */
import autocannon from 'autocannon';
import type { Settings } from '../../ops/local/settings.ts';
import { type Shop, startShop } from '../../ops/local/shop.ts';
import type { ProcessSpec } from '../../ops/local/spec.ts';
import { makeProduct, shopClient, signInAdmin, signUp } from '../support/client.ts';
import { temporarySettings } from '../support/redis-nodes.ts';

/** What a while of load came to: requests answered 2xx a second, and their times in ms. */
export type Measured = { readonly perSecond: number; readonly p50: number; readonly p99: number };

/** A shop to be measured, with a buyer and enough of everything. */
export type Bench = {
  readonly shop: Shop;
  /** Purchases, each of one piece of one product out of ten. @throws when anything is answered but 201 */
  purchases(seconds: number): Promise<Measured>;
  /** Single products, without a token. @throws when anything is answered but 200 */
  products(seconds: number): Promise<Measured>;
  close(): Promise<void>;
};

const clients = 20;

/** The body of a purchase of one piece. */
export const purchaseBody = (productId: string) => JSON.stringify({ items: [{ productId, quantity: 1 }] });

/** Starts a shop of its own. @param rewire changes its processes */
export async function openBench(
  changes: Partial<Settings>,
  rewire: (specs: ProcessSpec[]) => ProcessSpec[] = (specs) => specs,
): Promise<Bench> {
  const { settings, remove } = await temporarySettings({ logLevel: 'warn', ...changes });
  const shop = await startShop(settings, { rewire });
  const client = shopClient(shop.httpUrl);
  const admin = await signInAdmin(client, settings.adminEmail, settings.secrets.ADMIN_PASSWORD ?? '');
  const ids: string[] = [];
  for (let i = 0; i < 10; i++) ids.push((await makeProduct(client, admin, { stock: 10_000_000 })).id);

  async function load(seconds: number, options: Pick<autocannon.Options, 'requests'>): Promise<Measured> {
    const result = await autocannon({ url: shop.httpUrl, connections: clients, duration: seconds, ...options });
    const { errors, timeouts, non2xx } = result;
    if (errors + timeouts + non2xx > 0) throw new Error(`${errors} errors, ${timeouts} time-outs, ${non2xx} not 2xx`);
    return { perSecond: result.requests.average, p50: result.latency.p50, p99: result.latency.p99 };
  }

  return {
    shop,
    async purchases(seconds) {
      const { token } = await signUp(client); // anew: a token lives five minutes
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      return load(seconds, {
        requests: ids.map((id) => ({ method: 'POST', path: '/purchases', headers, body: purchaseBody(id) })),
      });
    },
    products: (seconds) => load(seconds, { requests: ids.map((id) => ({ method: 'GET', path: `/products/${id}` })) }),
    async close() {
      await shop.killAll(); // the data go anyway
      await remove();
    },
  };
}
