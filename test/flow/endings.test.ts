/** What ends by itself and what is for the books: every key that a shop leaves behind after a day of use, named by nobody in advance. */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporarySettings } from '../../local/redis-nodes.ts';
import { type Shop, startShop } from '../../local/shop.ts';
import { makeProduct, type ShopClient, shopClient, signInAdmin, signUp } from '../support/client.ts';

/** Keys that never end by themselves, and why. */
const books: Record<string, RegExp> = {
  'users, until they are deleted': /^\{users\}:(user:|email:|list$|admins$)/,
  'products and their indexes, until they are deleted': /^\{products\}:(product:|by:|words$)/,
  'purchases and their histories: the books': /^\{purchases\}:(purchase:|list:)/,
  'what is unfinished: emptied by finishing it': /^\{purchases\}:(pending|owed)$/,
  'event streams, trimmed to a day as they grow': /^\{\w+\}:events$/,
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
  // Redis trims whole nodes of the stream (100 entries each) when it is told `~`.
  expect(await master.xlen(stream)).toBeLessThanOrEqual(101);
});
