/** One call of each route that grows the shop, with the largest input that it takes, and the bytes that it adds. */
import type { Redis } from 'ioredis';
import { expect } from 'vitest';
import { newId } from '../../api/core/ids.ts';
import { maxSessions, rotationEndsKey, rotationsKey, sessionsKey } from '../../api/users/keys.ts';
import type { Session } from '../../api/users/schema.ts';
import { accessToken } from '../support/app.ts';
import { type Bytes, bytesOf, fillLists, type GrowthShop, runAll } from './growth-shop.ts';
import { bearer } from './users-support.ts';

/** The defaults of .env.example. */
export const quotas = {
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

/** Passes the body on if the answer has this status, and fails the test otherwise. */
export function expectStatus(status: number) {
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

async function signUp({ users }: GrowthShop): Promise<string> {
  const email = `${newId()}@${'d'.repeat(60)}.${'e'.repeat(60)}.example`;
  const body = { email, password, firstName: longName('f'), lastName: longName('l') };
  expectStatus(201)(await users.request.post('/users').set(headers()).send(body));
  return email;
}

async function signIn({ users }: GrowthShop, email: string): Promise<Session> {
  const request = users.request.post('/users/login').set({ ...headers(), 'User-Agent': 'u'.repeat(300) });
  const answer = await request.send({ email, password });
  expectStatus(200)(answer);
  return answer.body;
}

/** Makes products. @returns a line of a purchase for each */
export async function makeProducts({ products }: GrowthShop, count: number): Promise<Line[]> {
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

/** A line of a purchase. */
export type Line = { readonly productId: string; readonly quantity: number };

/** A customer who buys. */
export function customer({ purchases }: GrowthShop) {
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
export type PerCall = Record<
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

/** Measures the calls of purchases. */
export async function measurePurchases(shop: GrowthShop) {
  const stocked = await makeProducts(shop, 40);
  const itemsEach = quotas.itemsPerDay / quotas.purchasesPerDay;
  const { userId, buy, cancel } = customer(shop);
  await fillLists(shop.master, userId);
  const bought: string[] = [];
  const purchase = await bytesOf(shop.master, 50, async (i) => {
    const { id } = expectStatus(201)(await buy(stocked.slice(i % 30, (i % 30) + itemsEach)));
    bought.push(id);
  });
  const refuse = (count: number) => async () => void expectStatus(422)(await buy(unknown(count)));
  return {
    'purchase of 5 items': purchase,
    'refused purchase of 5 unknown ids': await bytesOf(shop.master, 30, refuse(itemsEach)),
    'refused purchase of 100 unknown ids': await bytesOf(shop.master, 15, refuse(100)),
    cancellation: await bytesOf(shop.master, 40, async (i) => expectStatus(200)(await cancel(bought[i] ?? ''))),
  };
}

/** Opens as many sign-ins as a user may have, like the one that there is. @returns the bytes of one */
async function fillSignIns(master: Redis, userId: string): Promise<Bytes> {
  const [stored = ''] = await master.hvals(sessionsKey(userId));
  const size = () => master.memory('USAGE', sessionsKey(userId), 'SAMPLES', 0);
  const before = Number(await size());
  for (let i = 1; i < maxSessions; i++) await master.hset(sessionsKey(userId), newId(), stored);
  return { day: Math.round((Number(await size()) - before) / (maxSessions - 1)), events: 0 };
}

/** Puts 300 answers to refresh tokens beside the one that there is. @returns the bytes of one */
async function fillRotations(master: Redis): Promise<Bytes> {
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

/** Measures the calls of users. */
export async function measureUsers(shop: GrowthShop) {
  const signUpBytes = await bytesOf(shop.master, 15, () => signUp(shop));
  const email = await signUp(shop);
  const again = { email, password, firstName: longName('f'), lastName: longName('l') };
  const refused = await bytesOf(shop.master, 10, async () => {
    expectStatus(409)(await shop.users.request.post('/users').set(headers()).send(again));
  });
  const emails: string[] = [];
  await runAll(15, 0, async () => emails.push(await signUp(shop)));
  const first = await bytesOf(shop.master, 10, (i) => signIn(shop, emails[i] ?? ''));

  const { accessToken, refreshToken } = await signIn(shop, email);
  const authorization = { Authorization: bearer(accessToken) };
  expectStatus(200)(await shop.users.request.post('/users/refresh').send({ refreshToken }));
  const refresh = await fillRotations(shop.master);

  const rename = await bytesOf(shop.master, 40, async (i) => {
    const body = { firstName: longName(`${i}`) }; // the other name is stored with the answer
    expectStatus(200)(
      await shop.users.request
        .patch('/users/me')
        .set({ ...authorization, ...headers() })
        .send(body),
    );
  });
  const signInBytes = await fillSignIns(shop.master, refreshToken.split('.')[0] ?? '');
  const oldestEnds = await bytesOf(shop.master, 20, () => signIn(shop, email));
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
