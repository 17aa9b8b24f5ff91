/** Stock under purchases: taken once, never beyond what is there, given back once; on a real Redis. */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { summed, type Wanted } from '../../api/contracts/wanted.ts';
import { deadlineIn } from '../../api/core/clock.ts';
import { newId } from '../../api/core/ids.ts';
import { createReservationRules } from '../../api/products/reservations.ts';
import type { NewProduct } from '../../api/products/schema.ts';
import { createProductRules } from '../../api/products/service.ts';
import { createProductWrites } from '../../api/products/store.ts';
import { createProductReads } from '../../api/products/store-reads.ts';
import { createReservations } from '../../api/products/store-reservations.ts';
import type { ShopRedis } from '../../api/redis/open.ts';
import { contextOf, userCaller } from '../support/context.ts';
import { openTestRedis, operator } from '../support/redis.ts';
import { given } from './products-support.ts';

let redis: ShopRedis;
let other: ShopRedis;
let master: Redis;
beforeAll(async () => {
  redis = openTestRedis('products');
  other = openTestRedis('products');
  master = await operator();
});
afterAll(() => {
  redis.close();
  other.close();
  master.disconnect();
});

const admin = userCaller('admin');
const asked = () => contextOf({ kind: 'service', address: '127.0.0.1', service: 'purchases' }, { write: undefined });
const wanted = (...pairs: [productId: string, quantity: number][]): Wanted[] =>
  pairs.map(([productId, quantity]) => ({ productId, quantity }));
const times = <T>(count: number, run: (i: number) => Promise<T>) => Array.from({ length: count }, (_, i) => run(i));
const usd = (amount: number) => ({ amount, currency: 'USD' });
const rules = () => createProductRules(createProductWrites(redis), createProductReads(redis));
const reserve = (id: string, items: Wanted[], on = redis) =>
  createReservationRules(createReservations(on)).reserve(id, items, asked());
const release = (id: string, callerItems: Parameters<ReturnType<typeof createReservationRules>['release']>[1] = []) =>
  createReservationRules(createReservations(redis)).release(id, callerItems, asked());

async function product(stock: number, changes: Partial<NewProduct> = {}): Promise<string> {
  const made = await rules().create(given({ ...changes, stock }), contextOf(admin));
  if (made.kind !== 'done') throw new Error(made.detail);
  return made.value.doc.id;
}

/** What a reservation answers that must succeed. */
async function reservedItems(id: string, items: Wanted[]) {
  const answer = await reserve(id, items);
  if (answer.result !== 'reserved') throw new Error(answer.result);
  return answer.items;
}

/** The hash of a product, and whether its ledger adds up. */
async function ledger(id: string) {
  const hash = await master.hgetall(`{products}:product:${id}`);
  const [stock, initial, restocked, sold, returned] = ['stock', 'initial', 'restocked', 'sold', 'returned'].map(
    (name) => Number(hash[name]),
  ) as [number, number, number, number, number];
  expect(initial + restocked - sold + returned).toBe(stock);
  return { stock, sold, returned, version: Number(hash.version) };
}

async function eventsOf(purchaseId: string): Promise<string[]> {
  const entries = await master.xrange('{products}:events', '-', '+');
  return entries.filter(([, fields]) => fields.join(' ').includes(purchaseId)).map(([, fields]) => fields[1] ?? '');
}

describe('a reservation', () => {
  test('takes all items and answers with names and prices', async () => {
    const a = await product(5, { price: usd(100), name: 'Ä / "lamp"' });
    const b = await product(7, { price: usd(10_000_000_000) });
    const purchaseId = newId();
    expect(await reserve(purchaseId, wanted([a, 2], [b, 7]))).toMatchObject({
      result: 'reserved',
      eventId: expect.stringMatching(/^\d+-\d+$/),
      items: [
        { productId: a, name: 'Ä / "lamp"', quantity: 2, unitPriceMinor: 100 },
        { productId: b, quantity: 7, unitPriceMinor: 10_000_000_000 },
      ],
    });
    expect(await ledger(a)).toEqual({ stock: 3, sold: 2, returned: 0, version: 2 });
    expect(await ledger(b)).toMatchObject({ stock: 0, sold: 7 });
    expect(await eventsOf(purchaseId)).toEqual(['product.reserved']);
  });

  test('takes none when one item is not there in full, and says of each what there is', async () => {
    const [a, b] = [await product(5), await product(1)];
    const soldOut = { result: 'sold-out', items: [{ productId: b, requested: 3, available: 1 }] };
    expect(await reserve(newId(), wanted([a, 2], [b, 3]))).toEqual(soldOut);
    expect(await ledger(a)).toMatchObject({ stock: 5, sold: 0, version: 1 });
  });

  test('names the products that do not exist', async () => {
    const [a, unknown] = [await product(5), newId()];
    expect(await reserve(newId(), wanted([a, 1], [unknown, 1]))).toEqual({
      result: 'unknown-product',
      productIds: [unknown],
    });
    expect(await ledger(a)).toMatchObject({ stock: 5 });
  });

  test('sums a product that is named twice before it looks at the stock', async () => {
    const a = await product(10);
    const twice = wanted([a, 6], [a, 6]);
    expect(summed(twice)).toEqual([{ productId: a, quantity: 12 }]);
    const soldOut = { result: 'sold-out', items: [{ requested: 12, available: 10 }] };
    expect(await reserve(newId(), twice)).toMatchObject(soldOut);
  });

  test('repeated, also at once and on other replicas, takes once and answers the same', async () => {
    const a = await product(10);
    const purchaseId = newId();
    const items = wanted([a, 4]);
    const answers = await Promise.all(times(20, (i) => reserve(purchaseId, items, i % 2 ? redis : other)));
    answers.push(await reserve(purchaseId, items));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(await ledger(a)).toMatchObject({ stock: 6, sold: 4 });
    expect(await eventsOf(purchaseId)).toEqual(['product.reserved']);
  });

  test('stays refused under its id when stock comes later', async () => {
    const a = await product(1);
    const purchaseId = newId();
    const first = await reserve(purchaseId, wanted([a, 2]));
    await rules().restock(a, 10, contextOf(admin));
    expect(await reserve(purchaseId, wanted([a, 2]))).toEqual(first);
    expect(await ledger(a)).toMatchObject({ stock: 11, sold: 0 });
  });

  test('of 50 at once for the last 10, ten get one each and the others none', async () => {
    const a = await product(10);
    const results = await Promise.all(times(50, (i) => reserve(newId(), wanted([a, 1]), i % 2 ? redis : other)));
    expect(results.filter((result) => result.result === 'reserved')).toHaveLength(10);
    expect(results.filter((result) => result.result === 'sold-out')).toHaveLength(40);
    expect(await ledger(a)).toMatchObject({ stock: 0, sold: 10 });
  });

  test('of 100 products is one step', async () => {
    const ids = await Promise.all(times(100, () => product(1)));
    const items = ids.map((productId) => ({ productId, quantity: 1 }));
    expect(await reserve(newId(), items)).toMatchObject({ result: 'reserved' });
    for (const id of ids.slice(0, 3)) expect(await ledger(id)).toMatchObject({ stock: 0 });
  });

  test('is kept for eight days from when it was last asked for', async () => {
    const a = await product(1);
    const purchaseId = newId();
    const key = `{products}:reservation:${purchaseId}`;
    await reserve(purchaseId, wanted([a, 1]));
    await master.pexpire(key, 5000);
    await reserve(purchaseId, wanted([a, 1]));
    expect(await master.pttl(key)).toBeGreaterThan(7.9 * 86_400_000);
    await master.pexpire(key, 5000);
    await release(purchaseId);
    expect(await master.pttl(key)).toBeGreaterThan(7.9 * 86_400_000);
  });
});

describe('a release', () => {
  test('gives back once, however often and however many at once ask', async () => {
    const a = await product(10);
    const purchaseId = newId();
    const callerItems = await reservedItems(purchaseId, wanted([a, 4]));
    const answers = await Promise.all(times(50, (i) => release(purchaseId, i % 2 ? callerItems : [])));
    answers.push(await release(purchaseId, callerItems));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(await ledger(a)).toMatchObject({ stock: 10, sold: 4, returned: 4 });
    expect(await eventsOf(purchaseId)).toEqual(['product.reserved', 'product.released']);
  });

  test('before the reservation stops it for good', async () => {
    const a = await product(10);
    const purchaseId = newId();
    await release(purchaseId);
    expect(await reserve(purchaseId, wanted([a, 4]))).toEqual({ result: 'released' });
    expect(await ledger(a)).toMatchObject({ stock: 10, sold: 0, returned: 0 });
  });

  test('at the same time as the reservation leaves the stock whole, in either order', async () => {
    const a = await product(100);
    const rounds = times(20, async () => {
      const purchaseId = newId();
      await Promise.all([reserve(purchaseId, wanted([a, 3]), other), release(purchaseId)]);
      expect(await reserve(purchaseId, wanted([a, 3]))).toEqual({ result: 'released' });
    });
    await Promise.all(rounds);
    expect(await ledger(a)).toMatchObject({ stock: 100 });
  });

  test('after a refusal gives nothing back, and the refusal is a release from then on', async () => {
    const a = await product(1);
    const purchaseId = newId();
    await reserve(purchaseId, wanted([a, 2]));
    const callerItems = [{ productId: a, generation: 'x', name: 'x', quantity: 2, unitPriceMinor: 1 }];
    expect(await release(purchaseId, callerItems)).toMatchObject({ result: 'released' });
    expect(await reserve(purchaseId, wanted([a, 1]))).toEqual({ result: 'released' });
    expect(await ledger(a)).toMatchObject({ stock: 1, returned: 0 });
  });

  test('without a record gives back no more than was sold of the product, whatever the caller says', async () => {
    const [a, b] = [await product(5), await product(5)];
    const [ofA] = await reservedItems(newId(), wanted([a, 2]));
    if (ofA === undefined) return expect.fail('no item was reserved');
    const generation = String(await master.hget(`{products}:product:${b}`, 'generation'));
    const callerItems = [
      { ...ofA, quantity: 1000 },
      { ...ofA, productId: b, generation, quantity: 1 },
    ];
    for (const purchaseId of [newId(), newId()]) {
      expect(await release(purchaseId, callerItems)).toMatchObject({ result: 'released' });
      expect(await ledger(a)).toMatchObject({ stock: 5, sold: 2, returned: 2 });
      expect(await ledger(b)).toMatchObject({ stock: 5, sold: 0, returned: 0 });
    }
  });

  test('goes by what the purchase knows when the record has ended, once', async () => {
    const a = await product(10);
    const purchaseId = newId();
    const callerItems = await reservedItems(purchaseId, wanted([a, 4]));
    await master.del(`{products}:reservation:${purchaseId}`);
    const first = await release(purchaseId, callerItems);
    expect(await release(purchaseId, callerItems)).toEqual(first);
    expect(await ledger(a)).toMatchObject({ stock: 10, returned: 4 });
  });

  test('gives nothing to a product that was deleted and made anew under the same id', async () => {
    const [a, b] = [await product(10), await product(10)];
    const purchaseId = newId();
    await reserve(purchaseId, wanted([a, 4], [b, 4]));
    await rules().remove(a, contextOf(admin));
    await product(3, { id: a });
    await release(purchaseId);
    expect(await ledger(a)).toEqual({ stock: 3, sold: 0, returned: 0, version: 1 });
    expect(await ledger(b)).toMatchObject({ stock: 10, returned: 4 });
  });

  test('from a view that is out of date changes nothing and says so', async () => {
    const a = await product(10);
    const purchaseId = newId();
    const store = createReservations(redis);
    const early = await store.releaseSource(purchaseId, [], deadlineIn(5000));
    await reserve(purchaseId, wanted([a, 4]));
    expect(await store.release(purchaseId, early, newId(), deadlineIn(5000))).toBe('conflict');
    expect(await ledger(a)).toMatchObject({ stock: 6 });
  });
});
