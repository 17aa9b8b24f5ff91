/** The three services on Redis nodes of their own, and the memory that their calls take there: for the tests of growth. */
import { Redis } from 'ioredis';
import { newId } from '../../api/core/ids.ts';
import { open as openProducts } from '../../api/products/open.ts';
import { listKey } from '../../api/purchases/keys.ts';
import { open as openPurchases } from '../../api/purchases/open.ts';
import { statuses } from '../../api/purchases/schema.ts';
import { open as openUsers } from '../../api/users/open.ts';
import { accessToken, startInternalRouter, startTestService, type TestService } from '../support/app.ts';
import { environmentOf } from '../support/own-redis.ts';
import { startRedisNodes } from '../support/redis-nodes.ts';
import { waitFor } from '../support/wait.ts';
import { bearer } from './users-support.ts';

/** See {@link startGrowthShop}. */
export type GrowthShop = {
  readonly users: TestService;
  readonly products: TestService;
  readonly purchases: TestService;
  /** The operator's connection to the Redis master. */
  readonly master: Redis;
  stop(): Promise<void>;
};

/** Starts it, in about 3 s. */
export async function startGrowthShop(): Promise<GrowthShop> {
  const nodes = await startRedisNodes();
  const router = await startInternalRouter();
  const start = (name: 'users' | 'products' | 'purchases', open: typeof openUsers) =>
    startTestService(name, open, router.url, environmentOf(nodes, name));
  const [users, products, purchases] = await Promise.all([
    start('users', openUsers),
    start('products', openProducts),
    start('purchases', openPurchases),
  ]);
  router.add('products', products.url);
  const port = nodes.redisPorts[0] ?? 0; // the master of a first start
  const password = nodes.password('operator');
  const master = new Redis({ port, username: 'operator', password, protocol: 2, disableClientInfo: true });
  for (const { config, request } of [products, purchases]) {
    await waitFor(`${config.service} to take writes`, async () => {
      const token = accessToken({ role: 'admin' });
      return (await request.post(`/${config.service}`).set('Authorization', bearer(token)).send({})).status === 422;
    });
  }
  return {
    users,
    products,
    purchases,
    master,
    async stop() {
      await Promise.all([users.stop(), products.stop(), purchases.stop()]);
      await router.stop();
      master.disconnect();
      await nodes.close();
    },
  };
}

/** Bytes that are stored for a day or longer, and bytes in the streams of events, which are trimmed sooner. */
export type Bytes = { readonly day: number; readonly events: number };

/**
 * What is stored: the memory of every key, and of its places in Redis' own tables, which `MEMORY USAGE` leaves out: 16 B in that of keys,
 * 40 B in that of expiry times.
 */
async function storedBytes(master: Redis): Promise<Bytes> {
  const keys = await master.keys('*');
  const pipeline = master.pipeline();
  for (const key of keys) pipeline.memory('USAGE', key, 'SAMPLES', 0).pttl(key);
  const replies = ((await pipeline.exec()) ?? []).map(([, reply]) => Number(reply ?? 0));
  const bytes = { day: 0, events: 0 };
  for (const [i, key] of keys.entries()) {
    const [size = 0, leftMs = -1] = replies.slice(2 * i);
    bytes[key.endsWith(':events') ? 'events' : 'day'] += size + 16 + (leftMs >= 0 ? 40 : 0);
  }
  return bytes;
}

/** The mean of `calls` since `before`. */
async function bytesSince(master: Redis, before: Bytes, calls: number): Promise<Bytes> {
  const after = await storedBytes(master);
  const mean = (kind: keyof Bytes) => Math.max(0, Math.round((after[kind] - before[kind]) / calls));
  return { day: mean('day'), events: mean('events') };
}

/** Runs calls, five at a time. */
export async function runAll(calls: number, from: number, call: (i: number) => Promise<unknown>): Promise<void> {
  for (let i = 0; i < calls; i += 5) {
    await Promise.all(Array.from({ length: Math.min(5, calls - i) }, (_, j) => call(from + i + j)));
  }
}

/** Bytes that one call adds, as a mean of `calls` after five to warm up. */
export async function bytesOf(master: Redis, calls: number, call: (i: number) => Promise<unknown>): Promise<Bytes> {
  await runAll(5, 0, call);
  const before = await storedBytes(master);
  await runAll(calls, 5, call);
  return bytesSince(master, before, calls);
}

/** Puts 200 ids into each list of purchases: Redis stores a short list in less memory than one of a shop that is in use. */
export async function fillLists(master: Redis, userId: string): Promise<void> {
  const members = Array.from({ length: 200 }, () => ['0', newId()]).flat();
  for (const key of statuses.flatMap((status) => [listKey('all', status), listKey(userId, status)])) {
    await master.zadd(key, ...members);
  }
}
