/** A customer's and an admin's day, through Nginx, on everything real. */
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { makeProduct, type SignedIn, shopClient, signIn, signInAdmin, signUp } from '../support/client.ts';
import { waitFor } from '../support/wait.ts';

const { httpUrl, adminEmail, adminPassword } = inject('shop');
const shop = shopClient(httpUrl);
let admin: string;
let ann: SignedIn;
beforeAll(async () => {
  admin = await signInAdmin(shop, adminEmail, adminPassword);
  ann = await signUp(shop, 'Ann');
});

const stockOf = async (id: string) => (await shop('GET', `/products/${id}`, { token: admin })).body.stock;
const buy = (token: string, productId: string, quantity: number, key: string = randomUUID()) =>
  shop('POST', '/purchases', { token, key, body: { items: [{ productId, quantity }] } });

describe('buying', () => {
  test('takes the stock, is found again, and its history lists what happened', async () => {
    const product = await makeProduct(shop, admin, { stock: 5, price: { amount: 250, currency: 'USD' } });
    const bought = await buy(ann.token, product.id, 2);
    expect(bought.status).toBe(201);
    expect(bought.body).toMatchObject({ userId: ann.id, status: 'completed', total: { amount: 500, currency: 'USD' } });
    expect(bought.headers.get('location')).toBe(`/purchases/${bought.body.id}`);
    expect(await stockOf(product.id)).toBe(3);
    expect((await shop('GET', bought.headers.get('location') ?? '', { token: ann.token })).body).toEqual(bought.body);
    const history = await shop('GET', `/purchases/${bought.body.id}/events`, { token: ann.token });
    expect(history.body.data.map((event: { type: string }) => event.type)).toEqual([
      'purchase.created',
      'product.reserved',
      'purchase.completed',
    ]);
  });

  test('the last pieces: a later buyer gets the number that is left, and nothing is taken', async () => {
    const product = await makeProduct(shop, admin, { stock: 3 });
    const attempts = await Promise.all(Array.from({ length: 8 }, () => buy(ann.token, product.id, 1)));
    expect(attempts.filter(({ status }) => status === 201)).toHaveLength(3);
    const refused = attempts.filter(({ status }) => status === 409);
    expect(refused).toHaveLength(5);
    for (const { body } of refused) {
      expect(body).toMatchObject({
        type: '/problems/insufficient-stock',
        items: [{ productId: product.id, requested: 1, available: 0 }],
      });
    }
    expect(await stockOf(product.id)).toBe(0);
  });

  test('under one key from 20 clients at once, buys once and answers all alike', async () => {
    const product = await makeProduct(shop, admin, { stock: 100 });
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 20 }, () => buy(ann.token, product.id, 1, key)));
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.id}`)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers.get('idempotent-replayed') === 'true')).toHaveLength(19);
    expect(await stockOf(product.id)).toBe(99);
  });

  test('and cancelling gives the stock back once, however often it is said', async () => {
    const product = await makeProduct(shop, admin, { stock: 4 });
    const { body: purchase } = await buy(ann.token, product.id, 3);
    const cancels = await Promise.all(
      Array.from({ length: 5 }, () => shop('POST', `/purchases/${purchase.id}/cancel`, { token: ann.token })),
    );
    for (const cancel of cancels) expect([cancel.status, cancel.body.status]).toEqual([200, 'cancelled']);
    await waitFor('the stock to be back', async () => (await stockOf(product.id)) === 4);
    const again = await shop('POST', `/purchases/${purchase.id}/cancel`, { token: ann.token });
    expect(again.status).toBe(200);
    expect(await stockOf(product.id)).toBe(4);
  });

  test('is hidden from other users', async () => {
    const product = await makeProduct(shop, admin);
    const { body: purchase } = await buy(ann.token, product.id, 1);
    const bob = await signUp(shop, 'Bob');
    for (const path of [`/purchases/${purchase.id}`, `/purchases/${purchase.id}/events`]) {
      expect((await shop('GET', path, { token: bob.token })).status).toBe(404);
      expect((await shop('GET', path, { token: admin })).status).toBe(200);
      expect((await shop('GET', path)).status).toBe(401);
    }
    expect((await shop('POST', `/purchases/${purchase.id}/cancel`, { token: bob.token })).status).toBe(404);
    expect((await shop('GET', '/purchases', { token: bob.token })).body.data).toEqual([]);
  });
});

describe('signing out', () => {
  test('ends the tokens on every replica of every service within a second', async () => {
    const bob = await signUp(shop, 'Bob');
    expect((await shop('POST', '/users/logout', { body: { refreshToken: bob.refreshToken } })).status).toBe(204);
    await waitFor(
      'every replica to refuse the token',
      async () => {
        const answers = await Promise.all(
          ['/users/me', '/purchases'].flatMap((path) =>
            Array.from({ length: 8 }, () => shop('GET', path, { token: bob.token })),
          ),
        );
        return answers.every(({ status }) => status === 401);
      },
      1500,
    );
    const product = await makeProduct(shop, admin);
    expect((await buy(bob.token, product.id, 1)).body.type).toBe('/problems/session-ended');
  });

  test('by changing the password ends every other sign-in, not one’s own', async () => {
    const bob = await signUp(shop, 'Bob');
    const elsewhere = await signIn(shop, bob.email, bob.password);
    const body = { currentPassword: bob.password, newPassword: 'another good password' };
    expect((await shop('PUT', '/users/me/password', { token: bob.token, body })).status).toBe(204);
    await waitFor(
      'the other sign-in to end',
      async () => (await shop('GET', '/users/me', { token: elsewhere.token })).status === 401,
      2000,
    );
    expect((await shop('GET', '/users/me', { token: bob.token })).status).toBe(200);
  });
});

test('an answer to a write is seen by that user’s next read, on whichever replica', async () => {
  const product = await makeProduct(shop, admin, { stock: 1000 });
  for (let i = 1; i <= 30; i++) {
    const { body } = await shop('POST', `/products/${product.id}/stock`, { token: admin, body: { delta: 1 } });
    expect(body.stock).toBe(1000 + i);
    expect(await stockOf(product.id)).toBe(1000 + i);
  }
});

test('a catalogue put in as a batch can be searched, sorted and walked page by page', async () => {
  const category = `boots-${randomUUID()}`;
  const products = Array.from({ length: 45 }, (_, i) => ({
    name: `Boot number${i}`,
    category,
    company: i % 2 ? 'Daybird' : 'Gravitator',
    price: { amount: 1000 + i, currency: 'USD' },
    stock: i % 3,
  }));
  const batch = await shop('POST', '/products/batch', {
    token: admin,
    body: { products: [...products, { name: 'no price' }, { ...products[0], name: 'NUL\0' }] },
  });
  expect(batch.status).toBe(200);
  expect(batch.body.data.map((item: { status: number }) => item.status)).toEqual([
    ...products.map(() => 201),
    422,
    422,
  ]);
  const seen: number[] = [];
  let path: string | undefined = `/products?category=${category}&sort=-price&limit=20`;
  while (path !== undefined) {
    const page: Awaited<ReturnType<typeof shop>> = await shop('GET', path, { token: admin });
    seen.push(...page.body.data.map((each: { price: { amount: number } }) => each.price.amount));
    path = /<([^>]+)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1];
  }
  expect(seen).toEqual(products.map((each) => each.price.amount).reverse());
  const query = `/products?category=${category}&q=daybird+number1&inStock=true&limit=100`;
  const found = await shop('GET', query, { token: admin });
  const expected = products
    .filter((p) => p.company === 'Daybird' && /number1/.test(p.name) && p.stock > 0)
    .map((p) => p.name);
  expect(found.body.data.map((each: { name: string }) => each.name).sort()).toEqual(expected.sort());
});
