/**
 * What the release of 2026-11-20 (5eb7839) stored is read and carried on. The records here have the fields and texts that its scripts wrote,
 * as dumped from a Redis that it ran on.
 */
import { afterAll, describe, expect, test } from 'vitest';
import { newId } from '../../api/core/ids.ts';
import { isRefusal } from '../../api/core/outcome.ts';
import { productKey, reservationKey } from '../../api/products/keys.ts';
import { createReservationRules } from '../../api/products/reservations.ts';
import { createProductRules } from '../../api/products/service.ts';
import { createProductWrites } from '../../api/products/store.ts';
import { createProductReads } from '../../api/products/store-reads.ts';
import { createReservations } from '../../api/products/store-reservations.ts';
import { listKey, oldHistoryKey, oldLists, oldReleasePendingKey, purchaseKey } from '../../api/purchases/keys.ts';
import type { Begun } from '../../api/purchases/record.ts';
import type { Status } from '../../api/purchases/schema.ts';
import { contextOf, userCaller } from '../support/context.ts';
import { openReachableRedis } from '../support/redis.ts';
import { contextFor, itemsOf, openPurchaseSteps, someBegun, soon } from './purchases-steps.ts';

const steps = await openPurchaseSteps();
const { store, looker } = steps;
const productsRedis = await openReachableRedis('products');
afterAll(() => {
  productsRedis.close();
  steps.close();
});

const at = 1_795_276_003_655;
const items = [{ productId: 'mug', requested: 2, available: 1 }];
const failure = { code: 'insufficient-stock', detail: 'not enough', items };

/** The events of the old history list, up to a status. */
function oldHistory({ id, userId, requested }: Begun, status: Status): string[] {
  const event = (service: string, type: string, plusMs: number, data: object) =>
    JSON.stringify({ id: `${service}:${at + plusMs}-0`, type, at: at + plusMs, data: { purchaseId: id, ...data } });
  const item = { productId: 'mug', name: 'A mug', quantity: 2, unitPrice: { amount: 899, currency: 'USD' } };
  const created = event('purchases', 'purchase.created', 0, { userId, items: requested });
  const reserved = event('products', 'product.reserved', 5, { items: [item] });
  const completed = event('purchases', 'purchase.completed', 10, { total: { amount: 1798, currency: 'USD' } });
  switch (status) {
    case 'pending':
      return [created];
    case 'completed':
      return [created, reserved, completed];
    case 'failed':
      return [created, event('purchases', 'purchase.failed', 10, { failure })];
    case 'cancelled':
      return [created, reserved, completed, event('purchases', 'purchase.cancelled', 20, { by: userId })];
  }
}

/** Writes a purchase as 5eb7839 left it. */
async function storeOld(status: Status): Promise<Begun> {
  const begun = someBegun();
  const { id, userId } = begun;
  const times = { createdAt: at, updatedAt: at };
  const hash: Record<string, string | number> = { id, userId, status, currency: 'USD', ...times, version: 1 };
  hash.requested = '[{"productId":"mug","quantity":2}]';
  if (status === 'completed' || status === 'cancelled') {
    hash.items = '[{"productId":"mug","quantity":2,"incarnation":"first","name":"A mug","unitPriceMinor":899}]';
    Object.assign(hash, { totalMinor: 1798, completedAt: at + 10, updatedAt: at + 10, version: 2 });
  }
  if (status === 'cancelled') Object.assign(hash, { releaseOwed: '1', updatedAt: at + 20, version: 3 });
  if (status === 'failed') {
    hash.failure = JSON.stringify(failure);
    Object.assign(hash, { updatedAt: at + 10, version: 2 });
  }
  await looker.hset(purchaseKey(id), hash);
  await looker.rpush(oldHistoryKey(id), ...oldHistory(begun, status));
  for (const key of [...oldLists(userId), listKey('all', status), listKey(userId, status)])
    await looker.zadd(key, 0, id);
  if (status === 'pending') await looker.zadd('{purchases}:pending', at, id);
  if (status === 'cancelled') await looker.zadd(oldReleasePendingKey, at + 20, id);
  return begun;
}

describe('purchases of 5eb7839', () => {
  test.each(['pending', 'completed', 'failed', 'cancelled'] as const)(
    '%s: read with its history and in lists',
    async (status) => {
      const begun = await storeOld(status);
      const isPriced = status === 'completed' || status === 'cancelled';
      const purchase = await store.get(begun.id, 'read-your-writes', soon());
      expect(purchase).toMatchObject({
        ...begun,
        status,
        items: isPriced ? itemsOf(begun) : [],
        totalMinor: isPriced ? 1798 : undefined,
        createdAtMs: at,
        releasePending: status === 'cancelled',
        failure: status === 'failed' ? { code: 'insufficient-stock' } : undefined,
      });
      const events = oldHistory(begun, status).map((text) => JSON.parse(text));
      expect((await store.history(begun.id, 'read-your-writes', soon()))?.events).toEqual(events);
      for (const shown of ['any', status] as const) {
        const page = await store.list(
          { whose: begun.userId, status: shown },
          { after: undefined, limit: 5 },
          'read-your-writes',
          soon(),
        );
        expect(page.items).toEqual([purchase]);
      }
    },
  );

  test('a pending one is carried forward, and stored in the present format from then on', async () => {
    const begun = await storeOld('pending');
    const { applied, purchase } = await steps.complete(begun);
    expect([applied, purchase.status, purchase.version, purchase.createdAtMs]).toEqual([true, 'completed', 2, at]);
    expect(await steps.historyTypes(begun)).toEqual(['purchase.created', 'product.reserved', 'purchase.completed']);
    expect(await looker.exists(oldHistoryKey(begun.id))).toBe(0);
    for (const list of oldLists(begun.userId)) expect(await looker.zscore(list, begun.id)).toBeNull();
    expect(await steps.listedAs(begun)).toEqual(['completed']);
  });

  test('a pending one that products refuses fails', async () => {
    const begun = await storeOld('pending');
    expect(await steps.fail(begun)).toMatchObject({ applied: true, purchase: { status: 'failed' } });
    expect(await steps.historyTypes(begun)).toEqual(['purchase.created', 'purchase.failed']);
  });

  test('a completed one is cancelled, once, and its stock released', async () => {
    const begun = await storeOld('completed');
    const context = contextFor(begun);
    const result = await store.cancel(begun, begun.userId, context);
    if (isRefusal(result) || result.kind !== 'cancelled') throw new Error('not cancelled');
    expect(result).toMatchObject({
      applied: true,
      purchase: { status: 'cancelled', version: 3, completedAtMs: at + 10 },
    });
    await store.released(result.purchase, { eventId: '9-0', at: 9 }, soon());
    const types = [
      'purchase.created',
      'product.reserved',
      'purchase.completed',
      'purchase.cancelled',
      'product.released',
    ];
    expect(await steps.historyTypes(begun)).toEqual(types);
  });

  test('the release of a cancelled one is still pending, and is noted', async () => {
    const begun = await storeOld('cancelled');
    const unfinished = await store.unfinished('release-pending', 0, 100, soon());
    expect(unfinished.map(({ id }) => id)).toContain(begun.id);
    const purchase = await store.get(begun.id, 'read-your-writes', soon());
    if (purchase === undefined) throw new Error('not found');
    await store.released(purchase, { eventId: '9-0', at: 9 }, soon());
    expect(await looker.zscore(oldReleasePendingKey, begun.id)).toBeNull();
    expect(await store.get(begun.id, 'read-your-writes', soon())).toEqual({ ...purchase, releasePending: false });
  });

  test.each([
    ['kept', 'cancelled'],
    ['cancelled', 'cancelled'],
    ['failed', 'failed'],
  ])('a cancellation repeated under a key that holds %s gets its first answer', async (stored, kind) => {
    const begun = await storeOld(kind === 'failed' ? 'failed' : 'cancelled');
    const context = contextFor(begun);
    const record = { fingerprint: 'body', nonce: newId(), reply: JSON.stringify(['fresh', stored]) };
    await looker.hset(`{purchases}:idempotency:${context.write?.id}`, record);
    expect(await store.cancel(begun, begun.userId, context)).toMatchObject({ kind, replayed: true });
  });
});

describe('products of 5eb7839', () => {
  const byAdmin = () => contextOf(userCaller('admin'));
  const asked = () => contextOf({ kind: 'service', address: '127.0.0.1', service: 'purchases' }, { write: undefined });
  const reservations = createReservationRules(createReservations(productsRedis));
  const reads = createProductReads(productsRedis);
  const rules = createProductRules(createProductWrites(productsRedis), reads);

  /** A product under the old names of its fields. */
  async function storeOldProduct(): Promise<string> {
    const id = newId();
    const given = { id, name: 'A lamp', category: 'Lamps', price: { amount: 250, currency: 'USD' }, stock: 9 };
    const made = await rules.create(given, byAdmin());
    if (made.kind !== 'done') throw new Error(made.detail);
    const { version = '', generation = '', documentVersion = '' } = await looker.hgetall(productKey(id));
    await looker.hdel(productKey(id), 'version', 'generation', 'documentVersion');
    await looker.hset(productKey(id), { rev: version, incarnation: generation, edition: documentVersion });
    return id;
  }

  test('are sold, released, restocked and changed; the version goes on', async () => {
    const productId = await storeOldProduct();
    const purchaseId = newId();
    const reserved = await reservations.reserve(purchaseId, [{ productId, quantity: 4 }], asked());
    expect(reserved).toMatchObject({ result: 'reserved', items: [{ productId, quantity: 4 }] });
    expect(await reservations.release(purchaseId, [], asked())).toMatchObject({ result: 'released' });
    const restocked = await rules.restock(productId, 1, byAdmin());
    expect(restocked).toMatchObject({ kind: 'done', value: { stock: 10, version: '4' } });
    const changed = await rules.update(productId, { name: 'A new lamp' }, byAdmin());
    expect(changed).toMatchObject({ kind: 'done', value: { stock: 10, version: '5', doc: { name: 'A new lamp' } } });
    const stored = await looker.hgetall(productKey(productId));
    expect([stored.rev, stored.incarnation, stored.edition]).toEqual([undefined, undefined, undefined]);
    expect(await rules.get(productId, asked())).toMatchObject({ version: '5' });
  });

  test('are read with others as by themselves, whatever their texts; an unknown id gives none', async () => {
    const [old, unknown, fresh] = [await storeOldProduct(), newId(), newId()];
    const texts = {
      name: 'Lamp\n1',
      description: 'one\n\ntwo',
      category: 'Lamps',
      price: { amount: 250, currency: 'USD' },
    };
    await rules.create({ id: fresh, ...texts, stock: 0 }, byAdmin());
    const together = await reads.read([old, unknown, fresh], asked());
    const alone = await Promise.all([old, unknown, fresh].map(async (id) => (await reads.read([id], asked()))[0]));
    expect(together).toEqual(alone);
    expect(together.map((product) => product?.doc.description)).toEqual(['', undefined, 'one\n\ntwo']);
  });

  test('a reservation gives its first answer again, and its stock back', async () => {
    const productId = await storeOldProduct();
    const purchaseId = newId();
    const { incarnation = '' } = await looker.hgetall(productKey(productId));
    const item = { productId, incarnation, name: 'A lamp', quantity: 4, unitPriceMinor: 200 };
    const hash = { state: 'reserved', items: JSON.stringify([item]), at, eventId: '7-0' };
    await looker.hset(reservationKey(purchaseId), hash);
    const { incarnation: generation, ...rest } = item;
    const answer = { result: 'reserved', eventId: '7-0', at, items: [{ ...rest, generation }] };
    expect(await reservations.reserve(purchaseId, [{ productId, quantity: 4 }], asked())).toMatchObject(answer);
    await reservations.release(purchaseId, [], asked());
    expect(await looker.hget(productKey(productId), 'stock')).toBe('13');
  });

  test.each([
    [
      'sold-out',
      [{ productId: 'mug', requested: 4, available: 1 }],
      { items: [{ productId: 'mug', requested: 4, available: 1 }] },
    ],
    ['unknown-product', ['mug'], { productIds: ['mug'] }],
  ])('a refusal, %s, stays the same', async (state, items, answer) => {
    const purchaseId = newId();
    await looker.hset(reservationKey(purchaseId), { state, items: JSON.stringify(items), at, eventId: '' });
    const refused = await reservations.reserve(purchaseId, [{ productId: 'mug', quantity: 4 }], asked());
    expect(refused).toEqual({ result: state, ...answer });
  });
});
