/** Retention: every key that a shop leaves behind, found by a scan and not by a list of names, and a month of days. */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Shop, startShop } from '../../ops/local/shop.ts';
import { makeProduct, type ShopClient, shopClient, signIn, signInAdmin, signUp } from '../support/client.ts';
import { temporarySettings } from '../support/redis-nodes.ts';
import { waitFor } from '../support/wait.ts';

/** Keys that never end by themselves, and why. */
const books: Record<string, RegExp> = {
  'users, until they are deleted': /^\{users\}:(user:|email:|list$|admins$)/,
  'products and their indexes, until they are deleted':
    /^\{products\}:(product:|by:|word:|vocabulary$|ids:|last-number$)/,
  'purchases and their histories: the books': /^\{purchases\}:(purchase:|list:)/,
  'what is unfinished: emptied by finishing it': /^\{purchases\}:(pending|release-pending)$/,
  'failed purchases by their end: emptied by deleting them': /^\{purchases\}:ending$/,
  'event streams, trimmed by time as they grow': /^\{\w+\}:events$/,
};
const dayMs = 24 * 3600 * 1000;
const longestMs = 32 * dayMs; // a sign-in of 30 days, and a day's grace

let shop: Shop;
let client: ShopClient;
let admin: string;
let master: Redis;
let remove: () => Promise<void>;
beforeAll(async () => {
  const temporary = await temporarySettings({ rateLimits: 'on' });
  remove = temporary.remove;
  shop = await startShop(temporary.settings);
  client = shopClient(shop.httpUrl);
  const { adminEmail, secrets } = temporary.settings;
  admin = await signInAdmin(client, adminEmail, secrets.ADMIN_PASSWORD ?? '');
  const port = (await shop.status()).find(({ role }) => role === 'master')?.port ?? 0;
  const password = secrets.REDIS_PASSWORD_OPERATOR ?? '';
  master = new Redis({ port, username: 'operator', password, protocol: 2, disableClientInfo: true });
});
afterAll(async () => {
  master?.disconnect();
  await shop?.killAll();
  await remove();
});

async function use() {
  const ann = await signUp(client);
  const product = await makeProduct(client, admin, { stock: 3 });
  const buy = (quantity: number) =>
    client('POST', '/purchases', { token: ann.token, body: { items: [{ productId: product.id, quantity }] } });
  const bought = await buy(2);
  await buy(1000);
  await client('POST', `/purchases/${bought.body.id}/cancel`, { token: ann.token });
  await client('PATCH', `/products/${product.id}`, { token: admin, body: { name: 'Other Boots' } });
  await client('POST', '/products/batch', { token: admin, body: { products: [{ name: 'x' }] } });
  await client('POST', '/users/refresh', { body: { refreshToken: ann.refreshToken } });
  await client('POST', '/users/logout', { body: { refreshToken: ann.refreshToken } });
  const gone = await signUp(client, 'Gone');
  await client('DELETE', '/users/me', { token: gone.token });
}

/** The type and the remaining time of each key, in two round trips: a month of days asks for hundreds of keys a day. */
async function keysWithTerms(): Promise<{ key: string; leftMs: number; type: string }[]> {
  const keys = await master.keys('*');
  const asked = master.pipeline();
  for (const key of keys) asked.pttl(key).type(key);
  const replies = ((await asked.exec()) ?? []).map(([, reply]) => reply);
  return keys.map((key, i) => ({ key, leftMs: Number(replies[2 * i]), type: String(replies[2 * i + 1]) }));
}

/** Moves everything a day into the past: what has a term loses a day of it, events were a day earlier. */
async function aDayPasses(): Promise<void> {
  const moved = master.pipeline();
  for (const { key, leftMs, type } of await keysWithTerms()) {
    if (key === '{purchases}:ending') {
      const scored = await master.zrange(key, 0, '-1', 'WITHSCORES');
      for (let i = 0; i < scored.length; i += 2)
        moved.zadd(key, String(Number(scored[i + 1]) - dayMs), scored[i] ?? '');
    } else if (leftMs > 0) {
      moved.pexpire(key, leftMs - dayMs); // none left: it goes
    } else if (leftMs === -1 && type === 'stream') {
      const entries = await master.xrange(key, '-', '+');
      const again = master.multi().del(key);
      for (const [id, fields] of entries) {
        const [ms, number] = id.split('-');
        again.xadd(key, `${Number(ms) - dayMs}-${number}`, ...fields);
      }
      await again.exec();
    }
  }
  await moved.exec();
}

/** How much there is: keys by kind, and the entries of each stream. */
async function inventory(): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const { key, type } of await keysWithTerms()) {
    const isStream = type === 'stream';
    const kind =
      Object.entries(books).find(([, pattern]) => pattern.test(key))?.[0] ?? key.split(':').slice(0, 2).join(':');
    const name = isStream ? key : kind;
    found[name] = (found[name] ?? 0) + (isStream ? await master.xlen(key) : 1);
  }
  return found;
}

test('every key either belongs to the books or says when it ends', async () => {
  await use();
  const keys = await master.keys('*');
  expect(keys.length).toBeGreaterThan(20);
  const ends = await Promise.all(keys.map(async (key) => [key, await master.pttl(key)] as const));
  const endless = ends.filter(([, ms]) => ms === -1).map(([key]) => key);
  expect(endless.filter((key) => !Object.values(books).some((pattern) => pattern.test(key)))).toEqual([]);
  expect(ends.filter(([, ms]) => ms > longestMs)).toEqual([]);
  expect(ends.filter(([key, ms]) => /:idempotency:/.test(key) && (ms <= 0 || ms > dayMs))).toEqual([]);
});

test('an event stream gives up what is older than a day', async () => {
  const old = Date.now() - 2 * dayMs;
  const stream = '{products}:events';
  await master.del(stream);
  const adding = master.pipeline();
  for (let i = 0; i < 1000; i++) adding.xadd(stream, `${old + i}-0`, 'type', 'test.old');
  await adding.exec();
  await makeProduct(client, admin);
  // With `~` Redis trims whole nodes of the stream (100 entries each).
  expect(await master.xlen(stream)).toBeLessThanOrEqual(101);
});

test('after a month of days, only the books have grown', async () => {
  const loyal = await signUp(client, 'Loyal');
  await signUp(client, 'Once'); // signed in, and never seen again
  const days = new Map<number, Record<string, number>>();
  for (let day = 0; day < 33; day++) {
    await use();
    await signIn(client, loyal.email, loyal.password); // and never out
    await aDayPasses();
    if ([10, 31, 32].includes(day)) days.set(day, await inventory());
  }
  const on = (day: number) => days.get(day) ?? {};
  const isBook = (kind: string) => kind in books;
  const ending = (day: number) => Object.fromEntries(Object.entries(on(day)).filter(([kind]) => !isBook(kind)));
  expect(Object.keys(on(32)).filter((kind) => /idempotency/.test(kind))).toEqual([]);
  // What each replica counted of the last requests is written up to half a second later, for a minute (limit-shares.ts).
  const counters = await Promise.all((await master.keys('*:limit:*')).map((key) => master.pttl(key)));
  expect(counters.filter((leftMs) => leftMs === -1 || leftMs > 60_000)).toEqual([]);
  expect(on(10)['{users}:sessions']).toBeGreaterThan(1);
  expect(on(32)['{users}:sessions']).toBe(1); // of the user who signs in every day; the others ended after 30
  expect(on(32)['{products}:reservation']).toBe(on(10)['{products}:reservation']); // 8 days
  const streams = Object.entries(ending(32)).filter(([kind]) => kind.endsWith(':events'));
  for (const [kind, entries] of streams) expect(entries, kind).toBeLessThanOrEqual(101); // a day's, and one node of the stream
  const others = (day: number) => Object.keys(ending(day)).filter((kind) => !/:(events|growth|limit)$/.test(kind)); // growth, too, is written a second later
  expect(others(32)).toEqual(expect.arrayContaining(others(31)));
  for (const kind of others(32)) expect(on(32)[kind], kind).toBe(on(31)[kind]);
  for (const kind of Object.keys(on(32)).filter((each) => isBook(each) && !each.includes('emptied'))) {
    expect(on(32)[kind], kind).toBeGreaterThan(on(10)[kind] ?? 0);
  }
  await waitFor('failed purchases of earlier days to be deleted', async () => {
    const listed = await master.zcard('{purchases}:list:all:failed');
    return listed <= 2 && listed === (await master.zcard('{purchases}:ending'));
  });
}, 180_000);
