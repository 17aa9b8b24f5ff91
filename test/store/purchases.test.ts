/** The scripts of `purchases` on a real Redis: each step once, however often it is repeated, and state, index, history and event together. */
import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { eventStream } from '../../api/contracts/events.ts';
import { newId } from '../../api/core/ids.ts';
import { isRefusal } from '../../api/core/outcome.ts';
import { endingKey, listKey, purchaseKey } from '../../api/purchases/keys.ts';
import { openRetention } from '../../api/purchases/retention.ts';
import { type Failure, failureDetails } from '../../api/purchases/schema.ts';
import { contextOf, userCaller } from '../support/context.ts';
import { waitFor } from '../support/wait.ts';
import { contextFor, itemsOf, openPurchaseSteps, soldOut, someBegun, soon, watchReplica } from './purchases-steps.ts';

const { store, looker, begin, complete, fail, historyTypes, listedAs, isUnfinished, close } = await openPurchaseSteps();
afterAll(close);

describe('beginning', () => {
  test('makes a pending purchase, found in every list and in the index of what is half-done', async () => {
    const begun = await begin();
    expect(await store.get(begun.id, 'read-your-writes', soon())).toMatchObject({
      ...begun,
      status: 'pending',
      version: 1,
      items: [],
    });
    expect(await listedAs(begun)).toEqual(['pending']);
    expect(await isUnfinished('pending', begun)).toBe(true);
    expect(await historyTypes(begun)).toEqual(['purchase.created']);
  });

  test('again under the same key gives the id of the first, and makes nothing', async () => {
    const [first, second] = [someBegun('buyer'), someBegun('buyer')];
    const context = contextFor(first);
    await store.begin(first, context);
    expect(await store.begin(second, context)).toEqual({ id: first.id, replayed: false });
    const write = context.write && { ...context.write, nonce: randomUUID() };
    expect(await store.begin(second, { ...context, write })).toEqual({ id: first.id, replayed: true });
    expect(await store.get(second.id, 'read-your-writes', soon())).toBeUndefined();
    expect(await historyTypes(first)).toEqual(['purchase.created']);
  });

  test('under the key of another body is refused', async () => {
    const [first, second] = [someBegun(), someBegun()];
    const context = contextFor(first);
    await store.begin(first, context);
    const write = context.write && { ...context.write, fingerprint: 'another body' };
    const refused = await store.begin(second, { ...context, write });
    expect(isRefusal(refused) && refused.code).toBe('idempotency-key-reused');
    expect(await store.get(second.id, 'read-your-writes', soon())).toBeUndefined();
  });

  test('50 times at once under one key makes one purchase', async () => {
    const userId = newId();
    const context = contextOf(userCaller('customer', userId));
    const bound = await Promise.all(
      Array.from({ length: 50 }, () => {
        const write = context.write && { ...context.write, nonce: randomUUID() };
        return store.begin(someBegun(userId), { ...context, write });
      }),
    );
    expect(new Set(bound.map((each) => !isRefusal(each) && each.id)).size).toBe(1);
    expect(bound.filter((each) => !isRefusal(each) && !each.replayed)).toHaveLength(1);
    expect(await looker.zcard(listKey(userId, 'pending'))).toBe(1);
  });

  test('is kept for 26 h, so that a Redis clock an hour wrong keeps the promised 24 h; the purchase for ever', async () => {
    const begun = someBegun();
    const context = contextFor(begun);
    await store.begin(begun, context);
    const keptMs = await looker.pttl(`{purchases}:idempotency:${context.write?.id}`);
    expect(keptMs).toBeGreaterThan(25.9 * 3_600_000);
    expect(keptMs).toBeLessThanOrEqual(26 * 3_600_000);
    expect(await looker.pttl(purchaseKey(begun.id))).toBe(-1);
  });
});

describe('completing', () => {
  test('keeps what was reserved with its total, and moves it between the lists', async () => {
    const begun = await begin();
    const { purchase, applied } = await complete(begun);
    expect(applied).toBe(true);
    expect(purchase).toMatchObject({ status: 'completed', totalMinor: 1798, items: itemsOf(begun), version: 2 });
    expect(purchase.completedAtMs).toBe(purchase.updatedAtMs);
    expect(await store.get(begun.id, 'read-your-writes', soon())).toEqual(purchase);
    expect(await listedAs(begun)).toEqual(['completed']);
    expect(await isUnfinished('pending', begun)).toBe(false);
    expect(await historyTypes(begun)).toEqual(['purchase.created', 'product.reserved', 'purchase.completed']);
  });

  test('by many carriers at once happens once, with one answer for all', async () => {
    const begun = await begin();
    const steps = await Promise.all(Array.from({ length: 20 }, () => complete(begun)));
    expect(steps.filter((step) => step.applied)).toHaveLength(1);
    for (const step of steps) expect(step.purchase).toEqual(steps[0]?.purchase);
    expect(await historyTypes(begun)).toHaveLength(3);
  });

  test('is exact for the dearest purchase that there can be', async () => {
    const requested = Array.from({ length: 100 }, (_, i) => ({ productId: `p${i}`, quantity: 1000 }));
    const begun = await begin({ ...someBegun(), requested });
    const { purchase } = await complete(begun, itemsOf(begun, 9_999_999_999));
    expect(purchase.totalMinor).toBe(999_999_999_900_000);
    expect((await store.get(begun.id, 'read-your-writes', soon()))?.totalMinor).toBe(999_999_999_900_000);
  });

  test('comes too late for a cancelled or failed purchase, which stays as it is', async () => {
    const [cancelled, failed] = [await begin(), await begin()];
    await store.cancel(cancelled, cancelled.userId, contextFor(cancelled));
    await fail(failed);
    expect(await complete(cancelled)).toMatchObject({ applied: false, purchase: { status: 'cancelled', items: [] } });
    expect(await complete(failed)).toMatchObject({ applied: false, purchase: { status: 'failed', items: [] } });
    expect(await listedAs(cancelled)).toEqual(['cancelled']);
  });

  test('of a purchase that never was is a bug, and makes none', async () => {
    const never = someBegun();
    await expect(complete(never)).rejects.toThrow(`there is no purchase ${never.id}`);
    expect(await looker.exists(purchaseKey(never.id))).toBe(0);
  });
});

describe('failing', () => {
  test('keeps the reason, once', async () => {
    const begun = await begin();
    const steps = [await fail(begun), await fail(begun)];
    expect(steps.map((step) => step.applied)).toEqual([true, false]);
    expect(steps[1]?.purchase).toEqual(steps[0]?.purchase);
    expect(steps[0]?.purchase).toMatchObject({ status: 'failed', failure: soldOut, version: 2 });
    expect(await listedAs(begun)).toEqual(['failed']);
    expect(await isUnfinished('pending', begun)).toBe(false);
    expect(await historyTypes(begun)).toEqual(['purchase.created', 'purchase.failed']);
  });

  test('of 100 unknown products is stored once, and short', async () => {
    const requested = Array.from({ length: 100 }, (_, i) => ({ productId: `${i}`.padEnd(64, 'x'), quantity: 1 }));
    const items = requested.map(({ productId }) => ({ productId }));
    const failure: Failure = { code: 'unknown-product', detail: failureDetails['unknown-product'], items };
    const begun = await begin({ ...someBegun(), requested });
    await store.fail(begun, failure, newId(), soon());
    expect((await store.get(begun.id, 'read-your-writes', soon()))?.failure).toEqual(failure);
    expect((await store.history(begun.id, 'read-your-writes', soon()))?.events.at(-1)?.data).toEqual({
      purchaseId: begun.id,
      failure,
    });
    expect(await looker.memory('USAGE', purchaseKey(begun.id))).toBeLessThan(12_000);
    const entries = await looker.xrevrange(eventStream('purchases'), '+', '-', 'COUNT', 20);
    const own = entries.filter(([, fields]) => fields.join(' ').includes(begun.id));
    expect(own).toHaveLength(2);
    for (const [, fields] of own) expect(fields.join(' ').length).toBeLessThan(300);
  });

  test('ends the purchase after a day, by Redis’ clock and after the record that names it, and takes it out of every list', async () => {
    const begun = someBegun();
    const context = contextFor(begun);
    await store.begin(begun, context);
    await fail(begun);
    await store.forget(begun.id, begun.userId, soon()); // far too early
    expect((await store.get(begun.id, 'read-your-writes', soon()))?.status).toBe('failed');
    const endsMs = Number(await looker.zscore(endingKey, begun.id));
    const recordEndsMs = Date.now() + (await looker.pttl(`{purchases}:idempotency:${context.write?.id}`));
    expect(endsMs).toBeGreaterThan(recordEndsMs);
    expect(endsMs).toBeLessThan(Date.now() + 28 * 3_600_000);

    await looker.zadd(endingKey, Date.now() - 1, begun.id);
    const retention = openRetention(store, { warn: expect.fail, error: expect.fail });
    await waitFor('the purchase to be deleted', async () => {
      await retention.sweep();
      return (await looker.exists(purchaseKey(begun.id))) === 0;
    });
    expect(await listedAs(begun)).toEqual([]);
    expect(await looker.zscore(endingKey, begun.id)).toBeNull();
    expect(await store.history(begun.id, 'read-your-writes', soon())).toBeUndefined();
  });

  test('is the only way for a purchase to end by itself', async () => {
    const [pending, completed] = [await begin(), await begin()];
    await complete(completed);
    for (const { id, userId } of [pending, completed]) {
      await store.forget(id, userId, soon());
      expect(await looker.zscore(endingKey, id)).toBeNull();
      expect(await looker.exists(purchaseKey(id))).toBe(1);
    }
  });
});

describe('confirming', () => {
  test('gives the purchase as it is and changes nothing', async () => {
    const begun = await begin();
    const before = await store.get(begun.id, 'read-your-writes', soon());
    expect(await store.confirm(begun.id, soon())).toEqual(before);
    expect(await store.confirm(newId(), soon())).toBeUndefined();
  });

  test('writes, as does every step that finds its work done, so that its acknowledgement covers what it answers', async () => {
    const begun = await begin();
    await complete(begun);
    const replicated = await watchReplica(purchaseKey(begun.id));
    try {
      for (const repeat of [() => store.confirm(begun.id, soon()), () => complete(begun), () => fail(begun)]) {
        const before = replicated.count();
        await repeat();
        await waitFor('the write to reach a replica', () => replicated.count() > before, 2000);
      }
    } finally {
      replicated.close();
    }
  });
});

describe('events', () => {
  test('of a purchase are on the bus too, with ids and numbers but no names', async () => {
    const begun = await begin();
    await complete(begun);
    await store.cancel(begun, begun.userId, contextFor(begun));
    const entries = (await looker.xrange(eventStream('purchases'), '-', '+')).map(([id, fields]) => ({ id, fields }));
    const own = entries.filter(({ fields }) => fields.join(' ').includes(begun.id));
    expect(own.map(({ fields }) => fields[1])).toEqual([
      'purchase.created',
      'purchase.completed',
      'purchase.cancelled',
    ]);
    const history = await store.history(begun.id, 'read-your-writes', soon());
    const ids = history?.events.map((event) => event.id).filter((id) => id.startsWith('purchases:'));
    expect(ids).toEqual(own.map(({ id }) => `purchases:${id}`));
  });
});
