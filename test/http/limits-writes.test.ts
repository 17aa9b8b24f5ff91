/** Limits of a minute and of a day on what adds to the shop: purchases, sign-ups and the other writes of customers. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../../api/core/ids.ts';
import { open as openUsers } from '../../api/users/open.ts';
import { startTestService, type TestService } from '../support/app.ts';
import { waitFor } from '../support/wait.ts';
import { type PurchaseShop, startPurchaseShop } from './purchases-shop.ts';
import { bearer, newcomer, newPerson, problem } from './users-support.ts';

let shop: PurchaseShop;
let users: TestService;
let productId: string;
beforeAll(async () => {
  [shop, users] = await Promise.all([
    startPurchaseShop({
      RATE_LIMITS: 'on',
      LIMIT_PURCHASES_PER_MINUTE: '12',
      LIMIT_PURCHASES_PER_DAY: '4',
      LIMIT_PURCHASED_ITEMS_PER_DAY: '10',
    }),
    startTestService('users', openUsers, 'http://127.0.0.1:9', {
      RATE_LIMITS: 'on',
      LIMIT_SIGN_UP_PER_DAY: '3',
      LIMIT_WRITES_PER_DAY: '2',
    }),
  ]);
  await waitFor('a master to count on', () => shop.purchases.redis.scratch() && users.redis.scratch());
  productId = await shop.product(1000);
});
afterAll(() => Promise.all([shop?.stop(), users?.stop()]));

/** An account that is older than a day, by the time in its id. */
function oldCustomer() {
  return shop.customer(`01890000-0000-7000-8000-${newId().slice(-12)}`);
}

const lines = (count: number) => Array.from({ length: count }, () => ({ productId, quantity: 1 }));

describe('purchases of a user', () => {
  test('end at the limit of the day, and a repetition under its key still finds its first answer', async () => {
    const customer = oldCustomer();
    const first = await customer.buy(lines(1), 'first-purchase');
    for (let i = 0; i < 3; i++) expect((await customer.buy(lines(1))).status).toBe(201);
    const refused = await customer.buy(lines(1));
    expect(refused.body).toMatchObject(problem('rate-limited', 429));
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(86_000);
    expect(refused.headers['ratelimit-policy']).toContain('"purchases-day";q=4;w=86400');
    expect(refused.headers['ratelimit-policy']).toContain('"purchases";q=12;w=60');
    expect(refused.headers.ratelimit).toContain('"purchases-day";r=0;t=');
    const again = await customer.buy(lines(1), 'first-purchase');
    expect([again.status, again.body]).toEqual([201, first.body]);
    expect(again.headers['idempotent-replayed']).toBe('true');
  });

  test('count once for each key, however often they are repeated; refused ones count too', async () => {
    const customer = oldCustomer();
    for (let i = 0; i < 4; i++) expect((await customer.buy(lines(1), 'repeated')).status).toBe(201);
    for (let i = 0; i < 3; i++) {
      expect((await customer.buy([{ productId: 'no-such-product', quantity: 1 }])).status).toBe(422);
    }
    expect((await customer.buy(lines(1))).status).toBe(429);
  });

  test('may have as many items a day as the limit says; a purchase that does not fit leaves the rest to a smaller one', async () => {
    const customer = oldCustomer();
    expect((await customer.buy(lines(8))).status).toBe(201);
    expect((await customer.buy(lines(3))).status).toBe(429);
    expect((await customer.buy(lines(2))).status).toBe(201);
  });

  test('are limited by the minute before their body is looked at', async () => {
    const customer = oldCustomer();
    for (let i = 0; i < 12; i++) expect((await customer.post('/purchases', { items: [] })).status).toBe(422);
    const refused = await customer.post('/purchases', { items: [] });
    expect(refused.status).toBe(429);
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(60);
    expect((await oldCustomer().buy(lines(1))).status).toBe(201);
  });

  test('of new accounts at one address share the limit of a day; older accounts there and new ones elsewhere do not', async () => {
    const from = (address: string) => ({ 'X-Forwarded-For': address });
    const buyFrom = async (address: string, customer = shop.customer()) =>
      (await customer.post('/purchases', { items: lines(1) }, newId(), from(address))).status;
    for (let i = 0; i < 4; i++) expect(await buyFrom('203.0.113.50')).toBe(201);
    expect(await buyFrom('203.0.113.50')).toBe(429);
    expect(await buyFrom('203.0.113.50', oldCustomer())).toBe(201);
    expect(await buyFrom('203.0.113.51')).toBe(201);
  });
});

describe('sign-ups of an address', () => {
  const signUp = (body: object, key = newId()) =>
    users.request.post('/users').set({ 'X-Forwarded-For': '203.0.113.60', 'Idempotency-Key': key }).send(body);

  test('end at the limit of the day, refused ones counted, repetitions not', async () => {
    const person = newPerson();
    expect((await signUp(person, 'sign-up')).status).toBe(201);
    expect((await signUp(person, 'sign-up')).headers['idempotent-replayed']).toBe('true');
    expect((await signUp({ ...newPerson(), password: 'short' })).status).toBe(422);
    expect((await signUp(person)).status).toBe(409);
    expect((await signUp(newPerson())).status).toBe(429);
    expect((await signUp({})).status).toBe(429);
    expect((await signUp(person, 'sign-up')).status).toBe(201);
  });
});

describe('other writes', () => {
  test('of a customer end at the limit of the day', async () => {
    const { token } = await newcomer(users);
    const rename = () =>
      users.request
        .patch('/users/me')
        .set({ Authorization: bearer(token), 'X-Forwarded-For': '203.0.113.70' })
        .send({ firstName: newId() });
    expect([(await rename()).status, (await rename()).status, (await rename()).status]).toEqual([200, 200, 429]);
  });
});
