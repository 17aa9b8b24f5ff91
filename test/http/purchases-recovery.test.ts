/** What a crash or an outage leaves half-done: found again by its key, carried forward by recovery, never undone. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reserveStock } from '../../api/contracts/calls.ts';
import { deadlineIn } from '../../api/core/clock.ts';
import { newId } from '../../api/core/ids.ts';
import { type InternalClient, internalClient } from '../../api/http/client.ts';
import { createCredentials } from '../../api/http/credentials.ts';
import type { Begun } from '../../api/purchases/record.ts';
import { openRecovery } from '../../api/purchases/recovery.ts';
import { createSaga, type Saga } from '../../api/purchases/saga.ts';
import { createPurchaseWrites, type PurchaseWrites } from '../../api/purchases/store.ts';
import { createPurchaseReads, type PurchaseReads } from '../../api/purchases/store-reads.ts';
import { contextOf, userCaller } from '../support/context.ts';
import { waitFor } from '../support/wait.ts';
import { type PurchaseShop, startPurchaseShop } from './purchases-shop.ts';

const quiet = { info() {}, warn() {}, error() {} };

let shop: PurchaseShop;
let client: InternalClient;
let store: PurchaseWrites & PurchaseReads;
let saga: Saga;

beforeAll(async () => {
  shop = await startPurchaseShop();
  const { redis, config } = shop.purchases;
  client = internalClient(shop.internalUrl, createCredentials('purchases', config.internalSecrets));
  store = { ...createPurchaseWrites(redis.writes), ...createPurchaseReads(redis.reads) };
  saga = createSaga(store, client, () => undefined);
});
afterAll(() => shop.stop());

/** Lets the recovery of two replicas, which see only this purchase and hold it for left behind at once, look until it is done. */
async function recovered(id: string, done: (purchase: { status: string; releasePending: boolean }) => boolean) {
  const view: Pick<PurchaseReads, 'get' | 'unfinished'> = {
    get: store.get,
    unfinished: async (...question) => (await store.unfinished(...question)).filter((entry) => entry.id === id),
  };
  const replicas = [1, 2].map(() => openRecovery(view, saga, quiet, () => undefined, 0));
  return waitFor('recovery to finish the purchase', async () => {
    await Promise.all(replicas.map((recovery) => recovery.sweep()));
    const purchase = await store.get(id, 'read-your-writes', deadlineIn(2000));
    return purchase !== undefined && done(purchase) && purchase;
  });
}

/** A purchase as a replica leaves it that dies right after having begun it. */
async function leftBehind(productId: string, quantity: number): Promise<Begun> {
  const begun = { id: newId(), userId: newId(), requested: [{ productId, quantity }], currency: 'USD' };
  await store.begin(begun, contextOf(userCaller('customer', begun.userId)));
  return begun;
}

function reserve({ id, requested }: Begun) {
  return client.call(reserveStock, { purchaseId: id, items: [...requested] }, newId(), deadlineIn(2000));
}

describe('a crash', () => {
  test('before the stock was taken: the purchase is finished, by two replicas at once, and taken once', async () => {
    const mug = await shop.product(10);
    const begun = await leftBehind(mug, 2);
    await recovered(begun.id, ({ status }) => status === 'completed');
    expect(await shop.stock(mug)).toBe(8);
  });

  test('after the stock was taken: the purchase is finished, and the stock not taken again', async () => {
    const mug = await shop.product(10);
    const begun = await leftBehind(mug, 2);
    await reserve(begun);
    expect(await shop.stock(mug)).toBe(8);
    const purchase = await recovered(begun.id, ({ status }) => status === 'completed');
    expect(purchase.totalMinor).toBe(200);
    expect(await shop.stock(mug)).toBe(8);
    const history = await store.history(begun.id, 'read-your-writes', deadlineIn(2000));
    expect(history?.events.map((event) => event.type)).toEqual([
      'purchase.created',
      'product.reserved',
      'purchase.completed',
    ]);
  });

  test('of one that products refuses: it is failed, although there is enough by then', async () => {
    const mug = await shop.product(1);
    const begun = await leftBehind(mug, 2);
    await reserve(begun);
    await shop.restock(mug, 10);
    await recovered(begun.id, ({ status }) => status === 'failed');
    expect(await shop.stock(mug)).toBe(11);
  });

  test('after a cancellation, before the stock was back: it is given back, once', async () => {
    const mug = await shop.product(10);
    const begun = await leftBehind(mug, 2);
    await saga.carry(begun, newId(), deadlineIn(3000));
    await store.cancel(begun, begun.userId, contextOf(userCaller('customer', begun.userId)));
    expect(await shop.stock(mug)).toBe(8);
    await recovered(begun.id, ({ releasePending }) => !releasePending);
    expect(await shop.stock(mug)).toBe(10);
  });
});

test('a call that is refused by a replica of another release, which knows other secrets, is repeated until one accepts it', async () => {
  const mug = await shop.product(10);
  shop.setGate(mug, 'unknown');
  const owner = shop.customer();
  const answer = owner.buy([{ productId: mug, quantity: 2 }]);
  // The purchase is pending before products is asked.
  const isBegun = async () => (await owner.get('/purchases')).body.data?.length === 1;
  await waitFor('the purchase to be begun', isBegun, 2000);
  shop.setGate(mug, 'open');
  expect((await answer).status).toBe(201);
  expect(await shop.stock(mug)).toBe(8);
});

describe('a pending purchase that is cancelled', () => {
  test('has nothing taken when its late steps arrive', async () => {
    const mug = await shop.product(10);
    const begun = await leftBehind(mug, 2);
    const owner = shop.customer(begun.userId);
    const answer = await owner.post(`/purchases/${begun.id}/cancel`);
    expect([answer.status, answer.body.status, answer.body.total]).toEqual([200, 'cancelled', null]);
    expect(await reserve(begun)).toEqual({ result: 'released' });
    expect(await saga.carry(begun, newId(), deadlineIn(2000))).toMatchObject({ status: 'cancelled' });
    expect(await shop.stock(mug)).toBe(10);
  });

  test('gets back what was taken for it, although it was never told', async () => {
    const mug = await shop.product(10);
    const begun = await leftBehind(mug, 2);
    await reserve(begun);
    await shop.customer(begun.userId).post(`/purchases/${begun.id}/cancel`);
    expect(await shop.stock(mug)).toBe(10);
    expect(await saga.carry(begun, newId(), deadlineIn(2000))).toMatchObject({ status: 'cancelled' });
    expect(await shop.stock(mug)).toBe(10);
  });

  test('while it is carried forward ends one way for all callers, with the stock to match', async () => {
    const mug = await shop.product(100);
    const rounds = Array.from({ length: 10 }, async () => {
      const begun = await leftBehind(mug, 1);
      const owner = shop.customer(begun.userId);
      await Promise.all([
        saga.carry(begun, newId(), deadlineIn(3000)),
        owner.post(`/purchases/${begun.id}/cancel`),
        saga.carry(begun, newId(), deadlineIn(3000)),
      ]);
      return recovered(begun.id, ({ status, releasePending }) => status === 'cancelled' && !releasePending);
    });
    await Promise.all(rounds);
    expect(await shop.stock(mug)).toBe(100);
  });
});

describe.concurrent('while products or the carrier is gone', () => {
  test('a purchase is 503, and its key finds it again afterwards and finishes it', async () => {
    const [mug, buyer, key] = [await shop.product(10), shop.customer(), newId()];
    const items = [{ productId: mug, quantity: 2 }];
    shop.setGate(mug, 'shut');
    const refused = await buyer.buy(items, key);
    expect([refused.status, refused.body.type]).toEqual([503, '/problems/temporarily-unavailable']);
    expect(refused.headers['retry-after']).toBeDefined();
    const [pending] = (await buyer.get('/purchases')).body.data;
    expect(pending).toMatchObject({ status: 'pending', items: [{ productId: mug, name: null }], total: null });
    shop.setGate(mug, 'open');
    const answer = await buyer.buy(items, key);
    expect([answer.status, answer.body.id, answer.body.status]).toEqual([201, pending.id, 'completed']);
    expect(await shop.stock(mug)).toBe(8);
  });

  test('and the answer of products is lost, the stock is taken once and the repetition says so', async () => {
    const [mug, buyer, key] = [await shop.product(10), shop.customer(), newId()];
    const items = [{ productId: mug, quantity: 2 }];
    shop.setGate(mug, 'deaf');
    expect((await buyer.buy(items, key)).status).toBe(503);
    shop.setGate(mug, 'open');
    expect((await buyer.buy(items, key)).status).toBe(201);
    expect(await shop.stock(mug)).toBe(8);
    expect((await buyer.get('/purchases')).body.data).toHaveLength(1);
  });

  test('a cancellation is answered all the same, and the stock is back soon after', async () => {
    const [mug, buyer] = [await shop.product(10), shop.customer()];
    const { body } = await buyer.buy([{ productId: mug, quantity: 2 }]);
    shop.setGate(mug, 'shut');
    const answer = await buyer.post(`/purchases/${body.id}/cancel`);
    expect([answer.status, answer.body.status]).toEqual([200, 'cancelled']);
    expect(await shop.stock(mug)).toBe(8);
    shop.setGate(mug, 'open');
    await recovered(body.id, ({ releasePending }) => !releasePending);
    expect(await shop.stock(mug)).toBe(10);
  });

  test('without a request, recovery beside the service finishes what was left behind, and reports its age', async () => {
    const mug = await shop.product(10);
    const begun = await leftBehind(mug, 2);
    const stop = shop.purchases.service.background?.();
    try {
      const oldest = async () => {
        const { text } = await shop.purchases.request.get('/metrics');
        return Number(/^shop_purchases_oldest_pending_seconds\S* (\S+)$/m.exec(text)?.[1] ?? 0);
      };
      await waitFor('the gauge to show the purchase', async () => (await oldest()) > 1, 15_000, 100);
      await waitFor(
        'recovery to finish the purchase',
        async () => (await store.get(begun.id, 'read-your-writes', deadlineIn(2000)))?.status === 'completed',
        15_000,
        100,
      );
      await waitFor('the gauge to go back', async () => (await oldest()) === 0, 15_000, 100);
    } finally {
      stop?.();
    }
    const { text } = await shop.purchases.request.get('/metrics');
    expect(text).toMatch(/^shop_purchases_total\{.*result="completed".*\} [1-9]/m);
  });
});
