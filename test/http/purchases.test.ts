/** Buying over HTTP with the real `products` beside it: what is taken, what is answered, what a key finds again. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../../api/core/ids.ts';
import { purchaseOut } from '../../api/purchases/schema.ts';
import { operator } from '../support/redis.ts';
import { type PurchaseShop, startPurchaseShop } from './purchases-shop.ts';

let shop: PurchaseShop;
beforeAll(async () => {
  shop = await startPurchaseShop();
});
afterAll(() => shop.stop());

const usd = (amount: number) => ({ amount, currency: 'USD' });

describe('buying', () => {
  test('takes the stock and answers with the completed purchase', async () => {
    const [mug, pen] = [await shop.product(10, 899), await shop.product(5, 150)];
    const buyer = shop.customer();
    const answer = await buyer.buy([
      { productId: mug, quantity: 2 },
      { productId: pen, quantity: 1 },
      { productId: mug, quantity: 1 },
    ]);
    expect(answer.status).toBe(201);
    expect(purchaseOut.parse(answer.body)).toMatchObject({
      userId: buyer.userId,
      status: 'completed',
      items: [
        { productId: mug, name: `Product ${mug}`, quantity: 3, unitPrice: usd(899) },
        { productId: pen, name: `Product ${pen}`, quantity: 1, unitPrice: usd(150) },
      ],
      total: usd(2847),
    });
    expect(answer.headers.location).toBe(`/purchases/${answer.body.id}`);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect([await shop.stock(mug), await shop.stock(pen)]).toEqual([7, 4]);
    const read = await buyer.get(`/purchases/${answer.body.id}`);
    expect(read.body).toEqual(answer.body);
    expect(read.headers.etag).toBe(answer.headers.etag);
  });

  test('more than there is takes nothing, says of what there is how much, and stays said under its key', async () => {
    const [mug, pen] = [await shop.product(10), await shop.product(1)];
    const buyer = shop.customer();
    const items = [
      { productId: mug, quantity: 2 },
      { productId: pen, quantity: 2 },
    ];
    const [key, again] = [newId(), newId()];
    const refused = await buyer.buy(items, key);
    expect(refused.status).toBe(409);
    expect(refused.type).toBe('application/problem+json');
    expect(refused.body).toMatchObject({
      type: '/problems/insufficient-stock',
      items: [{ productId: pen, requested: 2, available: 1 }],
    });
    expect([await shop.stock(mug), await shop.stock(pen)]).toEqual([10, 1]);
    await shop.restock(pen, 5);
    const repeated = await buyer.buy(items, key);
    expect(repeated.status).toBe(409);
    expect(repeated.headers['idempotent-replayed']).toBe('true');
    expect({ ...repeated.body, requestId: '' }).toEqual({ ...refused.body, requestId: '' });
    expect((await buyer.buy(items, again)).status).toBe(201);
    const failed = await buyer.get(`/purchases/${refused.body.purchaseId}`);
    expect(purchaseOut.parse(failed.body)).toMatchObject({
      status: 'failed',
      total: null,
      failure: { code: 'insufficient-stock', items: refused.body.items },
    });
  });

  test('what is not in the catalogue is refused with every line that names it, and stays refused under its key', async () => {
    const mug = await shop.product(10);
    const [ghost, buyer, key] = [newId(), shop.customer(), newId()];
    const items = [ghost, mug, ghost].map((productId) => ({ productId, quantity: 1 }));
    const refused = await buyer.buy(items, key);
    expect(refused.status).toBe(422);
    expect(refused.body.type).toBe('/problems/unknown-product');
    expect(refused.body.errors.map((fault: { pointer: string }) => fault.pointer)).toEqual([
      '#/items/0/productId',
      '#/items/2/productId',
    ]);
    const repeated = await buyer.buy(items, key);
    expect(repeated.headers['idempotent-replayed']).toBe('true');
    expect({ ...repeated.body, requestId: '' }).toEqual({ ...refused.body, requestId: '' });
    expect(await shop.stock(mug)).toBe(10);
  });

  test.each([
    ['nothing', {}],
    ['an empty list', { items: [] }],
    ['a quantity of 1001', { items: [{ productId: 'mug', quantity: 1001 }] }],
    ['a price of its own', { items: [{ productId: 'mug', quantity: 1, unitPrice: 1 }] }],
    ['an id with braces', { items: [{ productId: '{mug}', quantity: 1 }] }],
    ['a number beyond all', { items: [{ productId: 'mug', quantity: 1e300 }] }],
  ])('with %s in the body is 422 and begins nothing', async (_what, body) => {
    const buyer = shop.customer();
    const answer = await buyer.post('/purchases', body);
    expect(answer.status).toBe(422);
    expect(answer.body.errors.length).toBeGreaterThan(0);
    expect((await buyer.get('/purchases')).body.data).toEqual([]);
  });

  test('lists every fault of a request', async () => {
    const items = [{ productId: '', quantity: 0 }, { quantity: 1 }];
    const answer = await shop.customer().post('/purchases', { items, more: 1 });
    const pointers = answer.body.errors.map((fault: { pointer: string }) => fault.pointer);
    expect(pointers.sort()).toEqual(['#/items/0/productId', '#/items/0/quantity', '#/items/1/productId', '#/more']);
  });

  test('without a token is 401', async () => {
    const answer = await shop.purchases.request.post('/purchases').send({ items: [{ productId: 'mug', quantity: 1 }] });
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBeDefined();
  });
});

describe('the same key', () => {
  test('again answers with the same purchase, takes nothing, and says that it is a repetition', async () => {
    const [mug, buyer, key] = [await shop.product(10), shop.customer(), newId()];
    const items = [{ productId: mug, quantity: 2 }];
    const first = await buyer.buy(items, key);
    const second = await buyer.buy(items, key);
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    expect(second.headers['idempotent-replayed']).toBe('true');
    expect([second.status, second.body]).toEqual([201, first.body]);
    expect(second.headers.location).toBe(first.headers.location);
    expect(await shop.stock(mug)).toBe(8);
  });

  test('after the purchase was cancelled still gives its first answer', async () => {
    const [mug, buyer, key] = [await shop.product(10), shop.customer(), newId()];
    const items = [{ productId: mug, quantity: 2 }];
    const first = await buyer.buy(items, key);
    expect((await buyer.post(`/purchases/${first.body.id}/cancel`)).body.status).toBe('cancelled');
    const second = await buyer.buy(items, key);
    expect([second.status, second.body, second.headers.etag]).toEqual([201, first.body, first.headers.etag]);
    expect(await shop.stock(mug)).toBe(10);
  });

  test('with another body is refused; of another buyer it is another purchase', async () => {
    const [mug, buyer, key] = [await shop.product(10), shop.customer(), newId()];
    const first = await buyer.buy([{ productId: mug, quantity: 1 }], key);
    const other = await buyer.buy([{ productId: mug, quantity: 2 }], key);
    expect([other.status, other.body.type]).toEqual([422, '/problems/idempotency-key-reused']);
    const foreign = await shop.customer().buy([{ productId: mug, quantity: 1 }], key);
    expect(foreign.status).toBe(201);
    expect(foreign.body.id).not.toBe(first.body.id);
    expect(await shop.stock(mug)).toBe(8);
  });

  test('50 times at once is one purchase, one take of stock and one answer', async () => {
    const [mug, buyer, key] = [await shop.product(100), shop.customer(), newId()];
    const items = [{ productId: mug, quantity: 2 }];
    const answers = await Promise.all(Array.from({ length: 50 }, () => buyer.buy(items, key)));
    for (const answer of answers) expect([answer.status, answer.body]).toEqual([201, answers[0]?.body]);
    expect(answers.filter((answer) => answer.headers['idempotent-replayed'] === undefined)).toHaveLength(1);
    expect(await shop.stock(mug)).toBe(98);
    expect((await buyer.get('/purchases')).body.data).toHaveLength(1);
  });

  test('is not needed: without one every request is a purchase of its own', async () => {
    const [mug, buyer] = [await shop.product(10), shop.customer()];
    const items = [{ productId: mug, quantity: 1 }];
    const bought = await Promise.all([buyer.post('/purchases', { items }), buyer.post('/purchases', { items })]);
    expect(new Set(bought.map((answer) => answer.body.id)).size).toBe(2);
    expect(await shop.stock(mug)).toBe(8);
  });
});

describe('many buyers of the last pieces', () => {
  test('get what there is and never more', async () => {
    const mug = await shop.product(10);
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => shop.customer().buy([{ productId: mug, quantity: 1 }])),
    );
    expect(answers.map((answer) => answer.status).sort()).toEqual([...Array(10).fill(201), ...Array(20).fill(409)]);
    expect(await shop.stock(mug)).toBe(0);
  });
});

describe('a key that Nginx made', () => {
  const shortest = 60_000;
  const records = async () => {
    const master = await operator();
    try {
      const keys = await master.keys('{purchases}:idempotency:*');
      return await Promise.all(keys.map(async (key) => ({ key, leftMs: await master.pttl(key) })));
    } finally {
      master.disconnect();
    }
  };

  test('is kept for a minute, and Nginx’ own repetition within it finds the same purchase', async () => {
    const productId = await shop.product(5);
    const buyer = shop.customer();
    const before = new Set((await records()).map(({ key }) => key));
    const send = (attempt: string) =>
      buyer.post('/purchases', { items: [{ productId, quantity: 1 }] }, `auto-${buyer.userId}`, {
        'X-Generated-Key': '1',
        'X-Attempt-Id': attempt,
      });
    const [first, again] = [await send('one-attempt'), await send('one-attempt')];
    expect([first.status, again.body]).toEqual([201, first.body]);
    expect(again.headers['idempotent-replayed']).toBeUndefined(); // the client sent it once
    expect(await shop.stock(productId)).toBe(4);
    const made = (await records()).filter(({ key, leftMs }) => !before.has(key) && leftMs <= shortest);
    expect(made).toHaveLength(1);
  });
});

test('a product id that breaks the pattern is a 422 before anything is written', async () => {
  const buyer = shop.customer();
  for (const productId of ['x'.repeat(65), 'a b', '', 'ü', '../x']) {
    const answer = await buyer.buy([{ productId, quantity: 1 }]);
    expect(answer.status).toBe(422);
    expect(answer.body).toMatchObject({
      type: '/problems/validation-failed',
      errors: [{ pointer: '#/items/0/productId' }],
    });
  }
  expect((await buyer.get('/purchases')).body.data).toEqual([]);
});
