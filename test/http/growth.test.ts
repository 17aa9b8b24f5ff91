/**
 * What one customer, and one address with as many new accounts as it may make, can add to Redis in a day within all limits: below 1 % of
 * `maxmemory`. Each route that grows the shop is called some times with the largest input it takes, on Redis nodes of its own; the memory of
 * one call times the calls of a day is what the route can add.
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
import { infoField } from '../../api/redis/info.ts';
import {
  graceMarginMs,
  graceMs,
  maxSessions,
  rotationEndsKey,
  rotationsKey,
  sessionsKey,
} from '../../api/users/keys.ts';
import { open as openUsers } from '../../api/users/open.ts';
import type { Session } from '../../api/users/schema.ts';
import { type RedisNodes, startRedisNodes } from '../../ops/local/redis-nodes.ts';
import { accessToken, startInternalRouter, startTestService, type TestService } from '../support/app.ts';
import { environmentOf } from '../support/own-redis.ts';
import { waitFor } from '../support/wait.ts';
import { bearer } from './users-support.ts';

const maxMemoryBytes = 512 * 1024 * 1024;
/** How long events of `users` and those of the other streams are kept (prelude.lua). */
const eventMinutes = 70;
const purchaseEventMinutes = 10;
/** How long answers to refresh tokens are stored, in minutes: until another exchange deletes them. */
const rotationMinutes = (graceMs + graceMarginMs) / 60_000;
/** The defaults of .env.example. */
const quotas = {
  signUpsPerDay: 300,
  callsPerMinute: 1200,
  signInsPerMinute: 10,
  signInsPerMinuteOfAddress: 60,
  signInsPerDayOfNewAccounts: 1000,
  purchasesPerDay: 1000,
  itemsPerDay: 5000,
  writesPerDay: 1000,
  writesPerMinute: 60,
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

/** Bytes that are stored for a day or longer, and bytes in the streams of events, which are trimmed sooner. */
type Bytes = { readonly day: number; readonly events: number };

/**
 * What is stored: the memory of every key, and of its places in Redis' own tables, which `MEMORY USAGE` leaves out: 16 B in that of keys,
 * 40 B in that of expiry times.
 */
async function storedBytes(): Promise<Bytes> {
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
async function bytesSince(before: Bytes, calls: number): Promise<Bytes> {
  const after = await storedBytes();
  const mean = (kind: keyof Bytes) => Math.max(0, Math.round((after[kind] - before[kind]) / calls));
  return { day: mean('day'), events: mean('events') };
}

/** Runs calls, five at a time. */
async function runAll(calls: number, from: number, call: (i: number) => Promise<unknown>): Promise<void> {
  for (let i = 0; i < calls; i += 5) {
    await Promise.all(Array.from({ length: Math.min(5, calls - i) }, (_, j) => call(from + i + j)));
  }
}

/** Bytes that one call adds, as a mean of `calls` after five to warm up. */
async function bytesOf(calls: number, call: (i: number) => Promise<unknown>): Promise<Bytes> {
  await runAll(5, 0, call);
  const before = await storedBytes();
  await runAll(calls, 5, call);
  return bytesSince(before, calls);
}

function expectStatus(status: number) {
  return (answer: { status: number; text: string; body: { id: string } }) => {
    expect([answer.status, answer.text.slice(0, 300)]).toEqual([status, expect.anything()]);
    return answer.body;
  };
}

/** A key of its own, and the longest request id, which is stored with each event. */
const headers = () => ({ 'Idempotency-Key': newId(), 'X-Request-Id': newId().padEnd(64, 'x') });
const password = 'a good password of some length';
/** A name of 200 bytes. */
const longName = (seed: string) => seed.padEnd(100, 'é');

async function signUp(): Promise<string> {
  const email = `${newId()}@${'d'.repeat(60)}.${'e'.repeat(60)}.example`;
  const body = { email, password, firstName: longName('f'), lastName: longName('l') };
  expectStatus(201)(await users.request.post('/users').set(headers()).send(body));
  return email;
}

async function signIn(email: string): Promise<Session> {
  const request = users.request.post('/users/login').set({ ...headers(), 'User-Agent': 'u'.repeat(300) });
  const answer = await request.send({ email, password });
  expectStatus(200)(answer);
  return answer.body;
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
  const post = (path: string) => purchases.request.post(path).set({ ...authorization, ...headers() });
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
  | 'first sign-in'
  | 'refresh'
  | 'sign-in that ends the oldest'
  | 'change of names',
  Bytes
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
  const purchase = await bytesOf(50, async (i) => {
    const { id } = expectStatus(201)(await buy(stocked.slice(i % 30, (i % 30) + itemsEach)));
    bought.push(id);
  });
  const refuse = (count: number) => async () => void expectStatus(422)(await buy(unknown(count)));
  return {
    'purchase of 5 items': purchase,
    'refused purchase of 5 unknown ids': await bytesOf(30, refuse(itemsEach)),
    'refused purchase of 100 unknown ids': await bytesOf(15, refuse(100)),
    cancellation: await bytesOf(40, async (i) => expectStatus(200)(await cancel(bought[i] ?? ''))),
  };
}

/** Opens as many sign-ins as a user may have, like the one that there is. @returns the bytes of one */
async function fillSignIns(userId: string): Promise<Bytes> {
  const [stored = ''] = await master.hvals(sessionsKey(userId));
  const size = () => master.memory('USAGE', sessionsKey(userId), 'SAMPLES', 0);
  const before = Number(await size());
  for (let i = 1; i < maxSessions; i++) await master.hset(sessionsKey(userId), newId(), stored);
  return { day: Math.round((Number(await size()) - before) / (maxSessions - 1)), events: 0 };
}

/** Puts 300 answers to refresh tokens beside the one that there is. @returns the bytes of one */
async function fillRotations(): Promise<Bytes> {
  const [stored = ''] = await master.hvals(rotationsKey);
  expect(stored.length).toBeGreaterThan(100);
  const size = async () => {
    const sizes = [rotationsKey, rotationEndsKey].map((each) => master.memory('USAGE', each, 'SAMPLES', 0));
    return (await Promise.all(sizes)).reduce((total: number, each) => total + Number(each), 0);
  };
  const before = await size();
  for (let i = 0; i < 300; i++) {
    const field = `${newId()}:${i}`;
    await master.hset(rotationsKey, field, stored);
    await master.zadd(rotationEndsKey, Date.now() + 3_600_000, field);
  }
  return { day: Math.round(((await size()) - before) / 300), events: 0 };
}

async function measureUsers() {
  const signUpBytes = await bytesOf(15, signUp);
  const email = await signUp();
  const again = { email, password, firstName: longName('f'), lastName: longName('l') };
  const refused = await bytesOf(10, async () => {
    expectStatus(409)(await users.request.post('/users').set(headers()).send(again));
  });
  const strangers: string[] = [];
  await runAll(15, 0, async () => strangers.push(await signUp()));
  const first = await bytesOf(10, (i) => signIn(strangers[i] ?? ''));

  const { accessToken, refreshToken } = await signIn(email);
  const authorization = { Authorization: bearer(accessToken) };
  expectStatus(200)(await users.request.post('/users/refresh').send({ refreshToken }));
  const refresh = await fillRotations();

  const rename = await bytesOf(40, async (i) => {
    const body = { firstName: longName(`${i}`) }; // the other name is stored with the answer
    expectStatus(200)(
      await users.request
        .patch('/users/me')
        .set({ ...authorization, ...headers() })
        .send(body),
    );
  });
  const signInBytes = await fillSignIns(refreshToken.split('.')[0] ?? '');
  const oldestEnds = await bytesOf(20, () => signIn(email));
  return {
    'sign-up': signUpBytes,
    'refused sign-up': refused,
    'first sign-in': first,
    'sign-in': signInBytes,
    'sign-in that ends the oldest': oldestEnds,
    refresh,
    'change of names': rename,
  };
}

/** Counters of a user's limits of a day (purchases, items, other writes); those of a minute are gone by then. */
const countersBytes = 3 * 170;

/** Calls under a limit of a day, of which the events of the last minutes are stored. */
const inDay = (bytes: Bytes, perDay: number, perMinute: number) =>
  perDay * bytes.day + Math.min(perDay, perMinute * purchaseEventMinutes) * bytes.events;

/** The purchases and other writes that a user, or all new accounts of an address together, may make in a day. */
function dayOfWrites(bytes: PerCall): number {
  const most = (...calls: (keyof PerCall)[]) =>
    Math.max(...calls.map((call) => inDay(bytes[call], quotas.purchasesPerDay, quotas.writesPerMinute)));
  // A cancellation is one of the other writes.
  return most('purchase of 5 items', 'refused purchase of 5 unknown ids') + most('cancellation', 'change of names');
}

const refreshes = ({ refresh }: PerCall) => quotas.callsPerMinute * rotationMinutes * refresh.day;

/** What one customer can add in a day. */
function dayOfCustomer(bytes: PerCall): Record<string, number> {
  return {
    'purchases and other writes': dayOfWrites(bytes),
    'sign-ins': bytes['first sign-in'].day + maxSessions * bytes['sign-in'].day,
    'ended sign-ins': quotas.signInsPerMinute * eventMinutes * bytes['sign-in that ends the oldest'].events,
    refreshes: refreshes(bytes),
    counters: countersBytes,
  };
}

/** What one address can add in a day with the accounts that it makes: these share the limits of a day. */
function dayOfAddress(bytes: PerCall): Record<string, number> {
  const { signUpsPerDay, signInsPerDayOfNewAccounts, signInsPerMinuteOfAddress } = quotas;
  const ended = Math.min(signInsPerDayOfNewAccounts, signInsPerMinuteOfAddress * eventMinutes);
  const endedSignIns = ended * bytes['sign-in that ends the oldest'].events;
  return {
    'purchases and other writes': dayOfWrites(bytes),
    'sign-ups': signUpsPerDay * (bytes['sign-up'].day + bytes['sign-up'].events + bytes['first sign-in'].day),
    // Each is stored, or ends another one.
    'sign-ins': Math.max(signInsPerDayOfNewAccounts * bytes['sign-in'].day, endedSignIns),
    refreshes: refreshes(bytes),
    counters: signUpsPerDay * countersBytes,
  };
}

const sum = (parts: Record<string, number>) => Object.values(parts).reduce((total, part) => total + part, 0);

test('what one customer or address can add in a day within all limits stays below 1 % of maxmemory', async () => {
  const bytes: PerCall = { ...(await measurePurchases()), ...(await measureUsers()) };
  const [customer, address] = [dayOfCustomer(bytes), dayOfAddress(bytes)];
  const allowed = maxMemoryBytes / 100;
  console.table(bytes);
  console.table({ customer, address, together: { customer: sum(customer), address: sum(address), allowed } });
  expect(sum(customer)).toBeLessThan(allowed);
  expect(sum(address)).toBeLessThan(allowed);
  // What the status page shows is an estimate of the right size.
  const line = { productId: newId(), quantity: 2 };
  const { day, events } = bytes['purchase of 5 items'];
  const estimate = estimatedBytes('purchase', { items: Array(5).fill(line) });
  expect(estimate / (day + events)).toBeGreaterThan(0.5);
  expect(estimate / (day + events)).toBeLessThan(2);
}, 300_000);

test('a purchase of two items takes at most 1.5 kB of Redis for ever', async () => {
  const lines = await makeProducts(2);
  const { userId, buy } = customer();
  await fillLists(userId);
  /** What never ends, by kind of key; streams of events end. */
  const kept = async () => {
    const kinds = new Map<string, number>();
    for (const key of await master.keys('{purchases}:*')) {
      if (key.endsWith(':events') || (await master.pttl(key)) >= 0) continue;
      const kind = key.split(':').slice(1, 2).join();
      kinds.set(kind, (kinds.get(kind) ?? 0) + Number(await master.memory('USAGE', key, 'SAMPLES', 0)) + 16);
    }
    return kinds;
  };
  const before = await kept();
  await runAll(30, 0, async () => expectStatus(201)(await buy(lines)));
  const each = [...(await kept())].map(
    ([kind, bytes]) => [kind, Math.round((bytes - (before.get(kind) ?? 0)) / 30)] as const,
  );
  console.table(Object.fromEntries(each));
  expect(each.reduce((total, [, bytes]) => total + bytes, 0)).toBeLessThan(1500);
});

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
  const used = Number(infoField(await master.info('memory'), 'used_memory'));
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
