/** What `npm run bench` measures: the references, and requests to the shop with all of its contract on. */
import { Redis } from 'ioredis';
import { redisState } from '../../ops/local/health.ts';
import type { Shop } from '../../ops/local/shop.ts';
import { portsFrom } from '../../ops/local/spec.ts';
import { shopClient, signUp } from '../support/client.ts';
import { seedProducts } from '../support/seed-products.ts';
import { purchaseBody } from './load.ts';
import { type Measured, runWrk, type WrkLoad } from './wrk.ts';

const usualConnections = 32;
const productsInCategory = 20;
const initialStock = 1_000_000;
const buckets = 1000;

/** Something to be measured, and the subject that its requests a second are compared with. */
export type Subject = {
  readonly name: string;
  readonly of?: string;
  measure(seconds: number): Promise<Measured>;
};

/** The subjects, and what the check of the stock needs to know of what they did. */
export type Subjects = {
  readonly list: readonly Subject[];
  readonly productIds: readonly string[];
  readonly initialStock: number;
  /** Purchases that were answered with 201, and the most whose answers were not waited for. */
  purchases(): { readonly answered: number; readonly unanswered: number };
};

/** The ports of the shop's Redis nodes, the master's first. */
export async function redisPortsOf({ settings }: Shop): Promise<number[]> {
  const ports = [1, 2, 3].map(portsFrom(settings.portBase).redis);
  const states = await Promise.all(ports.map((port) => redisState(port, settings.secrets)));
  const isMaster = (_: number, i: number) => states[i]?.role === 'master';
  return [...ports.filter(isMaster), ...ports.filter((port, i) => !isMaster(port, i))];
}

/** Connections to the shop's Redis nodes as the operator, the master's first. */
export async function operatorOf(shop: Shop): Promise<[master: Redis, ...replicas: Redis[]]> {
  const password = shop.settings.secrets.REDIS_PASSWORD_OPERATOR ?? '';
  const options = { username: 'operator', password, protocol: 2, disableClientInfo: true } as const;
  const connect = (port: number) => new Redis({ port, ...options });
  const [master = 0, ...replicas] = await redisPortsOf(shop);
  return [connect(master), ...replicas.map(connect)];
}

/** Prints what each node's own log says took longer than 5 ms (redis.conf), by command. */
export async function reportSlowCommands(nodes: readonly Redis[]): Promise<void> {
  const slow = new Map<string, number>();
  for (const node of nodes) {
    const entries = (await node.call('SLOWLOG', 'GET', '128')) as [number, number, number, string[]][];
    for (const [, , , command] of entries) {
      const name = (command[0] ?? '').toUpperCase();
      slow.set(name, (slow.get(name) ?? 0) + 1);
    }
  }
  const shown = [...slow].map(([name, count]) => `${count} × ${name}`).join(', ');
  console.log(`  commands above 5 ms in the Redis nodes' own logs: ${shown || 'none'}`);
}

/** Stores products in categories of twenty, and waits until every node has them. @returns their ids */
export async function seedCatalogue(shop: Shop, count: number): Promise<string[]> {
  const nodes = await operatorOf(shop);
  const [master] = nodes;
  try {
    const docs = await seedProducts(master, count, (n) => ({
      name: `Product ${n}`,
      category: `c${Math.floor(n / productsInCategory)}`,
      priceMinor: 1000 + (n % 5000),
      stock: initialStock,
    }));
    await master.wait(2, 60_000);
    await shop.waitUntilHealthy(); // a replica may load all of it anew
    return docs.map(({ id }) => id);
  } finally {
    for (const node of nodes) node.disconnect();
  }
}

/** The subjects. @param productIds of {@link seedCatalogue} */
export function createSubjects(shop: Shop, referenceUrl: string, productIds: readonly string[]): Subjects {
  const client = shopClient(shop.httpUrl);
  const some = productIds.slice(0, buckets);
  const purchases = { answered: 0, unanswered: 0 };

  const read = (paths: readonly string[]): WrkLoad => ({ method: 'GET', paths });

  const reference = (name: string, load: WrkLoad, connections = usualConnections): Subject => ({
    name,
    measure: (seconds) => runWrk(referenceUrl, connections, seconds, load),
  });
  const reading = (name: string, of: string, paths: readonly string[]): Subject => ({
    name,
    of,
    measure: (seconds) => runWrk(shop.httpUrl, usualConnections, seconds, read(paths)),
  });
  const buying = (name: string, of: string, ids: readonly string[], connections = usualConnections): Subject => ({
    name,
    of,
    async measure(seconds) {
      const { token } = await signUp(client); // anew: a token lives five minutes
      const headers = { authorization: `Bearer ${token}` };
      const load: WrkLoad = { method: 'POST', headers, paths: ['/purchases'], bodies: ids.map(purchaseBody) };
      const measured = await runWrk(shop.httpUrl, connections, seconds, load);
      purchases.answered += measured.answered;
      purchases.unanswered += connections;
      return measured;
    },
  });
  const ownPurchase: Subject = {
    name: 'own purchase, read',
    of: 'R1',
    async measure(seconds) {
      const { token } = await signUp(client);
      const bought = await client('POST', '/purchases', { token, body: JSON.parse(purchaseBody(some[0] ?? '')) });
      if (bought.status !== 201) throw new Error(`a purchase was answered with ${bought.status}`);
      purchases.answered += 1;
      const load = { ...read([`/purchases/${bought.body.id}`]), headers: { authorization: `Bearer ${token}` } };
      return runWrk(shop.httpUrl, usualConnections, seconds, load);
    },
  };

  const writes: WrkLoad = { method: 'POST', paths: ['/express-write/'], bodies: some.map(purchaseBody) };
  const products = productIds.map((id) => `/products/${id}`);
  const pages = ['price', 'name', '-price', '-name', 'createdAt', '-createdAt'].flatMap((sort) =>
    Array.from(
      { length: productIds.length / productsInCategory },
      (_, i) => `/products?category=c${i}&sort=${sort}&limit=20`,
    ),
  );
  return {
    list: [
      reference('R1', read(some.map((id) => `/express-read/${id}`))),
      reference('R2', read(some.map((id) => `/http-read/${id}`))),
      reference('R3', read(['/nginx/'])),
      reference('R4', writes),
      reading('product, ten in turn', 'R3', products.slice(0, 10)),
      reading('catalogue page, ten in turn', 'R3', pages.slice(0, 10)),
      reading('product, each another', 'R1', products),
      reading('catalogue page, each another', 'R1', pages),
      ownPurchase,
      buying('purchase', 'R4', some),
      buying('purchase, all of one product', 'purchase', some.slice(0, 1)),
      reference('R4 alone', writes, 1),
      buying('purchase alone', 'R4 alone', some, 1),
    ],
    productIds,
    initialStock,
    purchases: () => purchases,
  };
}
