/** Cancelling on a real Redis: once, however often it is repeated, and its release pending until the stock is known to be back. */
import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { isRefusal } from '../../api/core/outcome.ts';
import { purchaseKey } from '../../api/purchases/keys.ts';
import { contextFor, openPurchaseSteps, someBegun, soon } from './purchases-steps.ts';

const { store, looker, begin, complete, fail, historyTypes, listedAs, isUnfinished, close } = await openPurchaseSteps();
afterAll(close);

describe('cancelling', () => {
  test('a completed purchase owes its stock until the release is noted, once', async () => {
    const begun = await begin();
    await complete(begun);
    const result = await store.cancel(begun, begun.userId, contextFor(begun));
    if (isRefusal(result) || result.kind !== 'cancelled') throw new Error('not cancelled');
    expect(result).toMatchObject({
      applied: true,
      purchase: { status: 'cancelled', releasePending: true, version: 3 },
    });
    expect(await isUnfinished('release-pending', begun)).toBe(true);
    expect(await listedAs(begun)).toEqual(['cancelled']);
    for (let i = 0; i < 2; i++) await store.released(result.purchase, { eventId: '9-0', at: 9 }, soon());
    expect(await isUnfinished('release-pending', begun)).toBe(false);
    expect(await store.get(begun.id, 'read-your-writes', soon())).toEqual({
      ...result.purchase,
      releasePending: false,
    });
    expect((await historyTypes(begun))?.slice(3)).toEqual(['purchase.cancelled', 'product.released']);
  });

  test('a pending purchase takes it out of the index of what is pending', async () => {
    const begun = await begin();
    await store.cancel(begun, begun.userId, contextFor(begun));
    expect(await isUnfinished('pending', begun)).toBe(false);
    expect(await isUnfinished('release-pending', begun)).toBe(true);
  });

  test('50 times at once, each under its own key, happens once with one answer for all', async () => {
    const begun = await begin();
    await complete(begun);
    const results = await Promise.all(
      Array.from({ length: 50 }, () => store.cancel(begun, begun.userId, contextFor(begun))),
    );
    const purchases = results.map((result) => {
      if (isRefusal(result) || result.kind !== 'cancelled') throw new Error('not cancelled');
      return result;
    });
    expect(purchases.filter((each) => each.applied)).toHaveLength(1);
    for (const each of purchases) expect(each.purchase).toEqual(purchases[0]?.purchase);
    expect(await historyTypes(begun)).toHaveLength(4);
  });

  test('repeated after the release does not owe the stock again', async () => {
    const begun = await begin();
    const context = contextFor(begun);
    const first = await store.cancel(begun, begun.userId, context);
    if (isRefusal(first) || first.kind !== 'cancelled') throw new Error('not cancelled');
    await store.released(first.purchase, { eventId: '9-0', at: 9 }, soon());
    for (const again of [context, contextFor(begun)]) {
      expect(await store.cancel(begun, begun.userId, again)).toMatchObject({
        kind: 'cancelled',
        purchase: { releasePending: false },
      });
    }
    expect(await isUnfinished('release-pending', begun)).toBe(false);
  });

  test('a failed purchase is refused, and stays refused under its key', async () => {
    const begun = await begin();
    await fail(begun);
    const context = contextFor(begun);
    expect(await store.cancel(begun, begun.userId, context)).toEqual({ kind: 'failed', replayed: false });
    const write = context.write && { ...context.write, nonce: randomUUID() };
    expect(await store.cancel(begun, begun.userId, { ...context, write })).toEqual({ kind: 'failed', replayed: true });
  });

  test('a version that has changed is stale and changes nothing; the refusal is not kept under the key', async () => {
    const begun = await begin();
    await complete(begun);
    const context = contextFor(begun, { ifMatch: ['1'] });
    expect(await store.cancel(begun, begun.userId, context)).toEqual({ kind: 'stale' });
    expect(await store.cancel(begun, begun.userId, contextFor(begun, { ifMatch: [] }))).toEqual({ kind: 'stale' });
    expect(await store.get(begun.id, 'read-your-writes', soon())).toMatchObject({ status: 'completed' });
    const now = { ...context, ifMatch: ['7', '2'] };
    expect(await store.cancel(begun, begun.userId, now)).toMatchObject({ kind: 'cancelled', replayed: false });
  });

  test('what never was is missing, and makes nothing', async () => {
    const never = someBegun();
    expect(await store.cancel(never, never.userId, contextFor(never))).toEqual({ kind: 'missing' });
    expect(await looker.exists(purchaseKey(never.id))).toBe(0);
  });
});
