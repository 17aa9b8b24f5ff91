/**
 * What one customer can add to Redis in a day within all limits: below 1 % of `maxmemory`. Each route that grows the shop
 * is called some times with the largest input it takes, on Redis nodes of its own; the memory of one call times the calls of a day is
 * what the route can add.
 */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Grower, growersOut } from '../../api/contracts/growth.ts';
import { newId } from '../../api/core/ids.ts';
import { estimatedBytes } from '../../api/http/growth.ts';
import { open as openProducts } from '../../api/products/open.ts';
import { listKey } from '../../api/purchases/keys.ts';
import { open as openPurchases } from '../../api/purchases/open.ts';
import { statuses } from '../../api/purchases/schema.ts';
import { open as openUsers } from '../../api/users/open.ts';
import { type RedisNodes, startRedisNodes } from '../../ops/local/redis-nodes.ts';
import { accessToken, startInternalRouter, startTestService, type TestService } from '../support/app.ts';
import { environmentOf } from '../support/own-redis.ts';
import { waitFor } from '../support/wait.ts';
import { bearer } from './users-support.ts';

const maxMemoryBytes = 512 * 1024 * 1024;
/** How long events of `users` and `purchases` are kept (prelude.lua). */
const eventMinutes = 120;
/** The defaults of .env.example. */
const quotas = {
  signUpsPerDay: 300,
  signInsPerMinute: 10,
  signInsOfAddressPerMinute: 60,
  purchasesPerDay: 1000,
  itemsPerDay: 5000,
  writesPerDay: 1000,
  /** A constant: maxSessions in api/users/keys.ts. */
  openSignIns: 50,
};

let nodes: RedisNodes;
let master: Redis;
let router: Awaited<ReturnType<typeof startInternalRouter>>;
let users: TestService;
let products: TestService;
let purchases: TestService;

beforeAll(async () => {
  nodes = await startRedisNodes();
  router = await startInternalRouter();
  const start = (name: 'users' | 'products' | 'purchases', open: typeof openUsers) =>
    startTestService(name, open, router.url, environmentOf(nodes, name));
  [users, products, purchases] = await Promise.all([
    start('users', openUsers),
    start('products', openProducts),
    start('purchases', openPurchases),
  ]);
  router.add('products', products.url);
  const port = nodes.redisPorts[0] ?? 0; // the master of a first start
  const password = nodes.password('operator');
  master = new Redis({ port, username: 'operator', password, protocol: 2, disableClientInfo: true });
  for (const { config, request } of [products, purchases]) {
    await waitFor(`${config.service} to take writes`, async () => {
      const token = accessToken({ role: 'admin' });
      return (await request.post(`/${config.service}`).set('Authorization', bearer(token)).send({})).status === 422;
    });
  }
});
afterAll(async () => {
  await Promise.all([users?.stop(), products?.stop(), purchases?.stop()]);
  await router?.stop();
  master?.disconnect();
  await nodes?.close();
});

/**
 * What is stored: the memory of every key, and of its places in Redis' own tables, which `MEMORY USAGE` leaves out: 16 B in that of keys,
 * 40 B in that of expiry times.
 */
async function storedBytes(): Promise<number> {
  const keys = await master.keys('*');
  const pipeline = master.pipeline();
  for (const key of keys) pipeline.memory('USAGE', key, 'SAMPLES', 0).pttl(key);
  const replies = ((await pipeline.exec()) ?? []).map(([, reply]) => Number(reply ?? 0));
  return keys.reduce((sum, _key, i) => {
    const [size = 0, leftMs = -1] = replies.slice(2 * i);
    return sum + size + 16 + (leftMs >= 0 ? 40 : 0);
  }, 0);
}

/** Bytes that one call adds, as a mean of `calls` after as many to warm up. */
async function bytesOf(calls: number, call: (i: number) => Promise<unknown>): Promise<number> {
  for (let i = 0; i < Math.min(calls, 10); i++) await call(i);
  const before = await storedBytes();
  for (let i = 0; i < calls; i++) await call(i + 10);
  return Math.max(0, Math.round(((await storedBytes()) - before) / calls));
}

function expectStatus(status: number) {
  return (answer: { status: number; text: string; body: { id: string } }) => {
    expect([answer.status, answer.text.slice(0, 300)]).toEqual([status, expect.anything()]);
    return answer.body;
  };
}

const key = () => ({ 'Idempotency-Key': newId() });
const password = 'a good password of some length';
/** A name of 200 bytes. */
const longName = (seed: string) => seed.padEnd(100, 'é');

async function signUp(): Promise<string> {
  const email = `${newId()}@${'d'.repeat(60)}.${'e'.repeat(60)}.example`;
  const body = { email, password, firstName: longName('f'), lastName: longName('l') };
  expectStatus(201)(await users.request.post('/users').set(key()).send(body));
  return email;
}

async function signIn(email: string): Promise<string> {
  const answer = await users.request.post('/users/login').set('User-Agent', 'u'.repeat(300)).send({ email, password });
  expectStatus(200)(answer);
  return answer.body.accessToken;
}

async function makeProducts(count: number): Promise<Line[]> {
  const token = accessToken({ role: 'admin' });
  const lines = Array.from({ length: count }, () => ({ productId: newId(), quantity: 2 }));
  for (const { productId: id } of lines) {
    const price = { amount: 10_999, currency: 'USD' };
    const name = 'Hiking boots for women, waterproof, brown';
    const body = { id, name, category: 'footwear', price, stock: 100_000 };
    expectStatus(201)(await products.request.post('/products').set('Authorization', bearer(token)).send(body));
  }
  return lines;
}

type Line = { readonly productId: string; readonly quantity: number };

/** A customer who buys. */
function customer() {
  const userId = newId();
  const authorization = { Authorization: bearer(accessToken({ userId })) };
  const post = (path: string) => purchases.request.post(path).set({ ...authorization, ...key() });
  return {
    userId,
    buy: (items: readonly Line[]) => post('/purchases').send({ items }),
    cancel: (id: string) => post(`/purchases/${id}/cancel`),
  };
}

/** Ids that no product has, as long as ids may be. */
const unknown = (count: number) =>
  Array.from({ length: count }, () => ({ productId: newId().padEnd(64, 'x'), quantity: 1 }));

/** Bytes of one call of each route that grows the shop. */
type PerCall = Record<
  | 'purchase of 5 items'
  | 'refused purchase of 5 unknown ids'
  | 'refused purchase of 100 unknown ids'
  | 'cancellation'
  | 'sign-up'
  | 'refused sign-up'
  | 'sign-in'
  | 'sign-in that ends the oldest'
  | 'change of names',
  number
>;

/** Puts 200 ids into each list of purchases: Redis stores a short list in less memory than one of a shop that is in use. */
async function fillLists(userId: string): Promise<void> {
  const members = Array.from({ length: 200 }, () => ['0', newId()]).flat();
  for (const key of statuses.flatMap((status) => [listKey('all', status), listKey(userId, status)])) {
    await master.zadd(key, ...members);
  }
}

async function measurePurchases() {
  const stocked = await makeProducts(40);
  const itemsEach = quotas.itemsPerDay / quotas.purchasesPerDay;
  const { userId, buy, cancel } = customer();
  await fillLists(userId);
  const bought: string[] = [];
  const purchase = await bytesOf(60, async (i) => {
    const { id } = expectStatus(201)(await buy(stocked.slice(i % 30, (i % 30) + itemsEach)));
    bought.push(id);
  });
  const refuse = (count: number) => async () => void expectStatus(422)(await buy(unknown(count)));
  return {
    'purchase of 5 items': purchase,
    'refused purchase of 5 unknown ids': await bytesOf(60, refuse(itemsEach)),
    'refused purchase of 100 unknown ids': await bytesOf(15, refuse(100)),
    cancellation: await bytesOf(50, async (i) => expectStatus(200)(await cancel(bought[i] ?? ''))),
  };
}

async function measureUsers() {
  const signUpBytes = await bytesOf(25, signUp);
  const email = await signUp();
  const again = { email, password, firstName: longName('f'), lastName: longName('l') };
  const refused = await bytesOf(25, async () => {
    expectStatus(409)(await users.request.post('/users').set(key()).send(again));
  });
  const signInBytes = await bytesOf(40, () => signIn(email)); // ten to warm up: 50 in all
  const oldestEnds = await bytesOf(40, () => signIn(email));
  const authorization = { Authorization: bearer(await signIn(email)) };
  const rename = await bytesOf(60, async (i) => {
    const body = { firstName: longName(`${i}`), lastName: longName(`${i}`) };
    expectStatus(200)(
      await users.request
        .patch('/users/me')
        .set({ ...authorization, ...key() })
        .send(body),
    );
  });
  return {
    'sign-up': signUpBytes,
    'refused sign-up': refused,
    'sign-in': signInBytes,
    'sign-in that ends the oldest': oldestEnds,
    'change of names': rename,
  };
}

/** Counters of the limits of one user or address: fewer than 20, about 120 B each. */
const countersBytes = 20 * 120;

/** What one customer can add in a day: the dearest purchases, cancelled, all writes in `users`, and as many sign-ins as may be open. */
function dayOfCustomer(bytes: PerCall): number {
  const purchase = Math.max(
    bytes['purchase of 5 items'] + bytes.cancellation,
    bytes['refused purchase of 5 unknown ids'],
  );
  const endings = quotas.signInsPerMinute * eventMinutes * bytes['sign-in that ends the oldest'];
  return (
    quotas.purchasesPerDay * purchase +
    quotas.writesPerDay * bytes['change of names'] +
    quotas.openSignIns * bytes['sign-in'] +
    endings +
    countersBytes
  );
}

/** What one address can add in a day without an account, and to the accounts that it makes: these share the limits of a day. */
function dayOfAddress(bytes: PerCall): Record<string, number> {
  return {
    'sign-ups': quotas.signUpsPerDay * Math.max(bytes['sign-up'], bytes['refused sign-up']),
    'sign-ins': quotas.signUpsPerDay * quotas.openSignIns * bytes['sign-in'],
    'ended sign-ins': quotas.signInsOfAddressPerMinute * eventMinutes * bytes['sign-in that ends the oldest'],
    'purchases and other writes of new accounts': dayOfCustomer(bytes),
  };
}

test('what one customer can add in a day within all limits stays below 1 % of maxmemory', async () => {
  const bytes: PerCall = { ...(await measurePurchases()), ...(await measureUsers()) };
  const total = dayOfCustomer(bytes);
  console.table(bytes);
  console.table({ customer: total, ...dayOfAddress(bytes), 'allowed (1 %)': maxMemoryBytes / 100 });
  expect(total).toBeLessThan(maxMemoryBytes / 100);
  // What the status page shows is an estimate of the right size.
  const line = { productId: newId(), quantity: 2 };
  const estimate = estimatedBytes('purchase', { items: Array(5).fill(line) });
  expect(estimate / bytes['purchase of 5 items']).toBeGreaterThan(0.5);
  expect(estimate / bytes['purchase of 5 items']).toBeLessThan(2);
}, 120_000);

test('an admin finds the users who added most today; a customer does not', async () => {
  const [line] = await makeProducts(1);
  if (line === undefined) throw new Error('no product');
  const [much, little] = [customer(), customer()];
  for (let i = 0; i < 20; i++) expectStatus(201)(await much.buy([line]));
  expectStatus(201)(await little.buy([line]));
  const ask = (token?: string) => {
    const request = purchases.request.get('/internal/purchases/growth');
    return token === undefined ? request : request.set('Authorization', bearer(token));
  };
  const data = await waitFor('both to be counted', async () => {
    const answer = await ask(accessToken({ role: 'admin' }));
    const found: Grower[] = growersOut.parse(answer.body).data;
    return [much, little].every(({ userId }) => found.some((each) => each.userId === userId)) ? found : undefined;
  });
  const bytesOfUser = (userId: string) => data.find((each) => each.userId === userId)?.bytes ?? 0;
  expect(bytesOfUser(much.userId)).toBe(20 * bytesOfUser(little.userId));
  expect(data.map(({ bytes }) => bytes)).toEqual(data.map(({ bytes }) => bytes).sort((a, b) => b - a));
  expect((await ask(accessToken())).status).toBe(403);
  expect((await ask()).status).toBe(401);
});

test('a full shop refuses what adds to it, but a repetition under its key finds its first answer', async () => {
  const [line] = await makeProducts(1);
  if (line === undefined) throw new Error('no product');
  const { buy } = customer();
  const again = () => buy([line]).set('Idempotency-Key', 'before-it-was-full');
  const first = expectStatus(201)(await again());
  const used = Number(/^used_memory:(\d+)/m.exec(await master.info('memory'))?.[1]);
  await master.config('SET', 'maxmemory', Math.round(used * 1.1));
  try {
    await waitFor('the service to know that Redis is nearly full', () => !purchases.redis.mayGrow());
    expect((await buy([line])).status).toBe(503);
    const repeated = await again();
    expect([repeated.status, repeated.body]).toEqual([201, first]);
    expect(repeated.headers['idempotent-replayed']).toBe('true');
  } finally {
    await master.config('SET', 'maxmemory', maxMemoryBytes);
  }
});
