/** The typed client against a running shop: the example of its head, repetitions under one key, a token that has expired, pages. */
import { randomUUID } from 'node:crypto';
import { expect, inject, test } from 'vitest';
import { createClient, ShopProblem } from '../../api/client/client.ts';
import { documentedFetch } from '../support/documented.ts';

const { httpUrl, adminEmail, adminPassword } = inject('shop');
const baseUrl = httpUrl;
const password = 'a good long password';

/** Fetches; the first answers from addresses that end in `path` are lost or replaced. Keeps what was sent there. */
function unreliable(path: string, faults: ((real: Response) => Response | Promise<never>)[]) {
  const keys: (string | null)[] = [];
  const unreliableFetch: typeof fetch = async (url, init) => {
    const real = await documentedFetch(url, init);
    if (!String(url).endsWith(path)) return real;
    keys.push(new Headers(init?.headers).get('idempotency-key'));
    return faults.shift()?.(real) ?? real;
  };
  return { keys, fetch: unreliableFetch };
}
const refused = (status: number, type: string, retryAfter?: string) => () =>
  Response.json(
    { type: `/problems/${type}`, title: '', status, detail: '' },
    { status, headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter } },
  );

async function product(stock: number, category = randomUUID()) {
  const admin = createClient({ baseUrl, fetch: documentedFetch });
  await admin.signIn({ email: adminEmail, password: adminPassword });
  const body = { name: 'Hiking Boots', category, price: { amount: 10_999, currency: 'USD' as const }, stock };
  return { admin, made: await admin.call('createProduct', { body }) };
}

async function customer(options: Partial<Parameters<typeof createClient>[0]> = {}) {
  const shop = createClient({ baseUrl, fetch: documentedFetch, ...options });
  const email = `client-${randomUUID()}@example.com`;
  await shop.call('signUp', { body: { email, password, firstName: 'Ann', lastName: 'Example' } });
  await shop.signIn({ email, password });
  return shop;
}

test('signs up, signs in, buys, cancels and signs out', async () => {
  const { made } = await product(5);
  const shop = await customer();
  const bought = await shop.call('buy', { body: { items: [{ productId: made.id, quantity: 2 }] } });
  expect([bought.status, bought.total?.amount]).toEqual(['completed', 21_998]);
  expect((await shop.call('cancelPurchase', { params: { id: bought.id } })).status).toBe('cancelled');
  const { data } = await shop.call('listPurchaseEvents', { params: { id: bought.id } });
  expect(data.map(({ type }) => type)).toContain('purchase.cancelled');
  const soldOut = shop.call('buy', { body: { items: [{ productId: made.id, quantity: 6 }] } });
  const problem = await soldOut.catch((error) => error);
  expect(problem).toBeInstanceOf(ShopProblem);
  expect(problem.problem).toMatchObject({ status: 409, type: '/problems/insufficient-stock' });
  await shop.signOut();
  await expect(shop.call('getOwnUser')).rejects.toThrow('/problems/unauthenticated');
});

test('a purchase whose answer is lost, then cut off, and which is then refused for the moment, happens once under one key', async () => {
  const { made } = await product(5);
  const lose = async (real: Response) => {
    await real.text();
    throw new TypeError('the connection was lost');
  };
  const cut = () => {
    const body = new ReadableStream({ start: (stream) => stream.error(new TypeError('terminated')) });
    return new Response(body, { status: 201 });
  };
  const refusals = [cut, refused(503, 'temporarily-unavailable', '1'), refused(429, 'rate-limited', '1')];
  const { keys, fetch } = unreliable('/purchases', [lose, ...refusals]);
  const shop = await customer({ fetch });
  const bought = await shop.send('buy', { body: { items: [{ productId: made.id, quantity: 2 }] } });
  expect([bought.status, bought.isReplayed]).toEqual([201, true]);
  expect([keys.length, new Set(keys).size]).toEqual([5, 1]);
  expect((await shop.call('getProduct', { params: { id: made.id } })).stock).toBe(3);
});

test('a token that is not accepted any more is exchanged once for all calls at the same time', async () => {
  const expired = refused(401, 'unauthenticated');
  const own = unreliable('/users/me', [expired]);
  const list = unreliable('/purchases', [expired]);
  const refresh = unreliable('/users/refresh', []);
  const fetchers = [own, list, refresh];
  const shop = await customer({
    fetch: (url, init) =>
      (
        fetchers.find((_each, i) => String(url).endsWith(['/users/me', '/purchases', '/users/refresh'][i] ?? '')) ?? own
      ).fetch(url, init),
  });
  await Promise.all([shop.call('getOwnUser'), shop.call('listPurchases')]);
  expect([own.keys.length, list.keys.length, refresh.keys.length]).toEqual([2, 2, 1]);
});

test('a list is walked to its end', async () => {
  const category = randomUUID();
  const { admin } = await product(1, category);
  const price = { amount: 100, currency: 'USD' as const };
  const more = Array.from({ length: 24 }, (_, i) => ({ name: `Boot ${i}`, category, price, stock: i }));
  await admin.call('createProducts', { body: { products: more as [(typeof more)[number]] } });
  const names: string[] = [];
  for await (const { name } of admin.pages('listProducts', { query: { category, limit: 10 } })) names.push(name);
  expect(names).toHaveLength(25);
});

test('a change under the tag of an older version is refused', async () => {
  const { admin, made } = await product(1);
  const { etag } = await admin.send('getProduct', { params: { id: made.id } });
  const change = (name: string) =>
    admin.call('updateProduct', { params: { id: made.id }, body: { name }, ifMatch: etag ?? '' });
  expect((await change('A')).name).toBe('A');
  await expect(change('B')).rejects.toThrow('412');
});
