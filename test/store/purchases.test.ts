/** The scripts of `purchases` on a real Redis: each step once, whoever repeats it, and state, index, history and event together. */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ReservedItem } from '../../api/contracts/calls.ts';
import { deadlineIn } from '../../api/core/clock.ts';
import { newId } from '../../api/core/ids.ts';
import { isRefusal } from '../../api/core/outcome.ts';
import type { RequestContext } from '../../api/core/request.ts';
import { eventsKey, historyKey, listKey, purchaseKey, unfinishedKey } from '../../api/purchases/keys.ts';
import type { Begun } from '../../api/purchases/record.ts';
import type { Failure, Status } from '../../api/purchases/schema.ts';
import { openPurchaseWrites, type PurchaseWrites } from '../../api/purchases/store.ts';
import { openPurchaseReads, type PurchaseReads } from '../../api/purchases/store-reads.ts';
import type { ShopRedis } from '../../api/redis/open.ts';
import { contextOf, openTestRedis, operator, userCaller } from '../support/redis.ts';

let redis: ShopRedis;
let looker: Redis;
let store: PurchaseWrites & PurchaseReads;

beforeAll(async () => {
  redis = openTestRedis('purchases');
  looker = await operator();
  store = { ...openPurchaseWrites(redis.writes), ...openPurchaseReads(redis.reads) };
});
afterAll(() => {
  redis.close();
  looker.disconnect();
});

const soon = () => deadlineIn(5000);

function someBegun(userId = newId()): Begun {
  return { id: newId(), userId, requested: [{ productId: 'mug', quantity: 2 }], currency: 'USD' };
}

function itemsOf({ requested }: Begun, unitPriceMinor = 899): ReservedItem[] {
  return requested.map((wanted) => ({ ...wanted, incarnation: 'first', name: 'A mug', unitPriceMinor }));
}

function contextFor({ userId }: Begun, changes: Partial<RequestContext> = {}): RequestContext {
  return contextOf(userCaller('customer', userId), changes);
}

async function begin(begun = someBegun()): Promise<Begun> {
  const bound = await store.begin(begun, contextFor(begun));
  expect(bound).toEqual({ id: begun.id, replayed: false });
  return begun;
}

function complete(begun: Begun, items = itemsOf(begun)) {
  return store.complete(begun, { eventId: '5-0', at: 5, items }, newId(), soon());
}

const soldOut: Failure = {
  code: 'insufficient-stock',
  detail: 'not enough',
  items: [{ productId: 'mug', requested: 2, available: 1 }],
};

function fail(begun: Begun) {
  return store.fail(begun, soldOut, newId(), soon());
}

async function historyTypes({ id }: Begun): Promise<string[] | undefined> {
  return (await store.history(id, 'own', soon()))?.events.map((event) => event.type);
}

/** The statuses by whose lists a purchase is found, for its owner and for all. */
async function listedAs({ id, userId }: Begun): Promise<string[]> {
  const found: string[] = [];
  for (const status of ['any', 'pending', 'completed', 'failed', 'cancelled'] as (Status | 'any')[]) {
    const scores = await Promise.all([userId, 'all'].map((whose) => looker.call('ZSCORE', listKey(whose, status), id)));
    expect(scores[0]).toEqual(scores[1]);
    if (scores[0] !== null) found.push(status);
  }
  return found;
}

async function isUnfinished(what: 'pending' | 'owed', { id }: Begun): Promise<boolean> {
  return (await looker.call('ZSCORE', unfinishedKey(what), id)) !== null;
}

describe('beginning', () => {
  test('makes a pending purchase, found in every list and in the index of what is half-done', async () => {
    const begun = await begin();
    expect(await store.get(begun.id, 'own', soon())).toMatchObject({
      ...begun,
      status: 'pending',
      version: 1,
      items: [],
    });
    expect(await listedAs(begun)).toEqual(['any', 'pending']);
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
    expect(await store.get(second.id, 'own', soon())).toBeUndefined();
    expect(await historyTypes(first)).toEqual(['purchase.created']);
  });

  test('under the key of another body is refused', async () => {
    const [first, second] = [someBegun(), someBegun()];
    const context = contextFor(first);
    await store.begin(first, context);
    const write = context.write && { ...context.write, fingerprint: 'another body' };
    const refused = await store.begin(second, { ...context, write });
    expect(isRefusal(refused) && refused.code).toBe('idempotency-key-reused');
    expect(await store.get(second.id, 'own', soon())).toBeUndefined();
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
    expect(await looker.zcard(listKey(userId, 'any'))).toBe(1);
  });

  test('is remembered for a day; the purchase for ever', async () => {
    const begun = someBegun();
    const context = contextFor(begun);
    await store.begin(begun, context);
    const keptMs = await looker.pttl(`{purchases}:idempotency:${context.write?.id}`);
    expect(keptMs).toBeGreaterThan(86_000_000);
    expect(keptMs).toBeLessThanOrEqual(86_400_000);
    expect(await looker.pttl(purchaseKey(begun.id))).toBe(-1);
  });
});

describe('completing', () => {
  test('keeps what was reserved with its total, and moves it between the lists', async () => {
    const begun = await begin();
    const { purchase, moved } = await complete(begun);
    expect(moved).toBe(true);
    expect(purchase).toMatchObject({ status: 'completed', totalMinor: 1798, items: itemsOf(begun), version: 2 });
    expect(purchase.completedAtMs).toBe(purchase.updatedAtMs);
    expect(await store.get(begun.id, 'own', soon())).toEqual(purchase);
    expect(await listedAs(begun)).toEqual(['any', 'completed']);
    expect(await isUnfinished('pending', begun)).toBe(false);
    expect(await historyTypes(begun)).toEqual(['purchase.created', 'product.reserved', 'purchase.completed']);
  });

  test('by many carriers at once happens once, with one answer for all', async () => {
    const begun = await begin();
    const steps = await Promise.all(Array.from({ length: 20 }, () => complete(begun)));
    expect(steps.filter((step) => step.moved)).toHaveLength(1);
    for (const step of steps) expect(step.purchase).toEqual(steps[0]?.purchase);
    expect(await historyTypes(begun)).toHaveLength(3);
  });

  test('is exact for the dearest purchase that there can be', async () => {
    const requested = Array.from({ length: 100 }, (_, i) => ({ productId: `p${i}`, quantity: 1000 }));
    const begun = await begin({ ...someBegun(), requested });
    const { purchase } = await complete(begun, itemsOf(begun, 9_999_999_999));
    expect(purchase.totalMinor).toBe(999_999_999_900_000);
    expect((await store.get(begun.id, 'own', soon()))?.totalMinor).toBe(999_999_999_900_000);
  });

  test('comes too late for a cancelled or failed purchase, which stays as it is', async () => {
    const [cancelled, failed] = [await begin(), await begin()];
    await store.cancel(cancelled, cancelled.userId, contextFor(cancelled));
    await fail(failed);
    expect(await complete(cancelled)).toMatchObject({ moved: false, purchase: { status: 'cancelled', items: [] } });
    expect(await complete(failed)).toMatchObject({ moved: false, purchase: { status: 'failed', items: [] } });
    expect(await listedAs(cancelled)).toEqual(['any', 'cancelled']);
  });

  test('of a purchase that never was is a bug, and makes none', async () => {
    const never = someBegun();
    await expect(complete(never)).rejects.toThrow('there is no such purchase');
    expect(await looker.exists(purchaseKey(never.id))).toBe(0);
  });
});

describe('failing', () => {
  test('keeps the reason, once', async () => {
    const begun = await begin();
    const steps = [await fail(begun), await fail(begun)];
    expect(steps.map((step) => step.moved)).toEqual([true, false]);
    expect(steps[1]?.purchase).toEqual(steps[0]?.purchase);
    expect(steps[0]?.purchase).toMatchObject({ status: 'failed', failure: soldOut, version: 2 });
    expect(await listedAs(begun)).toEqual(['any', 'failed']);
    expect(await isUnfinished('pending', begun)).toBe(false);
    expect(await historyTypes(begun)).toEqual(['purchase.created', 'purchase.failed']);
  });
});

describe('cancelling', () => {
  test('a completed purchase owes its stock until the release is noted, once', async () => {
    const begun = await begin();
    await complete(begun);
    const result = await store.cancel(begun, begun.userId, contextFor(begun));
    if (isRefusal(result) || result.kind !== 'cancelled') throw new Error('not cancelled');
    expect(result).toMatchObject({ moved: true, purchase: { status: 'cancelled', releaseOwed: true, version: 3 } });
    expect(await isUnfinished('owed', begun)).toBe(true);
    expect(await listedAs(begun)).toEqual(['any', 'cancelled']);
    for (let i = 0; i < 2; i++) await store.released(result.purchase, { eventId: '9-0', at: 9 }, soon());
    expect(await isUnfinished('owed', begun)).toBe(false);
    expect(await store.get(begun.id, 'own', soon())).toEqual({ ...result.purchase, releaseOwed: false });
    expect((await historyTypes(begun))?.slice(3)).toEqual(['purchase.cancelled', 'product.released']);
  });

  test('a pending purchase takes it out of the index of what is pending', async () => {
    const begun = await begin();
    await store.cancel(begun, begun.userId, contextFor(begun));
    expect(await isUnfinished('pending', begun)).toBe(false);
    expect(await isUnfinished('owed', begun)).toBe(true);
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
    expect(purchases.filter((each) => each.moved)).toHaveLength(1);
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
        purchase: { releaseOwed: false },
      });
    }
    expect(await isUnfinished('owed', begun)).toBe(false);
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
    expect(await store.get(begun.id, 'own', soon())).toMatchObject({ status: 'completed' });
    const now = { ...context, ifMatch: ['7', '2'] };
    expect(await store.cancel(begun, begun.userId, now)).toMatchObject({ kind: 'cancelled', replayed: false });
  });

  test('what never was is missing, and makes nothing', async () => {
    const never = someBegun();
    expect(await store.cancel(never, never.userId, contextFor(never))).toEqual({ kind: 'missing' });
    expect(await looker.exists(purchaseKey(never.id), historyKey(never.id))).toBe(0);
  });
});

describe('confirming', () => {
  test('gives the purchase as it is and changes nothing', async () => {
    const begun = await begin();
    const before = await store.get(begun.id, 'own', soon());
    expect(await store.confirm(begun.id, soon())).toEqual(before);
    expect(await store.confirm(newId(), soon())).toBeUndefined();
  });

  test('writes, so that its acknowledgement covers what it answers', async () => {
    const begun = await begin();
    const offset = async () => ((await looker.role()) as unknown[])[1] as number;
    const before = await offset();
    await store.confirm(begun.id, soon());
    expect(await offset()).toBeGreaterThan(before);
  });
});

describe('events', () => {
  test('of a purchase are on the bus too, with ids and numbers but nobody by name', async () => {
    const begun = await begin();
    await complete(begun);
    await store.cancel(begun, begun.userId, contextFor(begun));
    const entries = (await looker.xrange(eventsKey, '-', '+')).map(([id, fields]) => ({ id, fields }));
    const own = entries.filter(({ fields }) => fields.join(' ').includes(begun.id));
    expect(own.map(({ fields }) => fields[1])).toEqual([
      'purchase.created',
      'purchase.completed',
      'purchase.cancelled',
    ]);
    const history = await store.history(begun.id, 'own', soon());
    const ids = history?.events.map((event) => event.id).filter((id) => id.startsWith('purchases:'));
    expect(ids).toEqual(own.map(({ id }) => `purchases:${id}`));
  });
});

describe('lists', () => {
  async function walk(whose: string, status: Status | 'any', limit: number, between?: () => Promise<unknown>) {
    const pages: string[][] = [];
    let after: string | undefined;
    do {
      const { purchases, last } = await store.list({ whose, status }, { after, limit }, 'own', soon());
      pages.push(purchases.map((purchase) => purchase.id));
      after = last;
      await between?.();
    } while (after !== undefined);
    return pages;
  }

  test('go from the newest to the oldest, and end without an empty page', async () => {
    const userId = newId();
    const ids: string[] = [];
    for (let i = 0; i < 6; i++) ids.unshift((await begin(someBegun(userId))).id);
    expect(await walk(userId, 'any', 3)).toEqual([ids.slice(0, 3), ids.slice(3)]);
    expect(await walk(userId, 'any', 4)).toEqual([ids.slice(0, 4), ids.slice(4)]);
    expect(await walk(newId(), 'any', 4)).toEqual([[]]);
  });

  test('neither repeat nor skip what was there all along while others buy and cancel', async () => {
    const userId = newId();
    const begun: Begun[] = [];
    for (let i = 0; i < 10; i++) begun.push(await begin(someBegun(userId)));
    await Promise.all(begun.map((each) => complete(each)));
    let turn = 0;
    const between = async () => {
      const victim = begun[9 - 4 * turn++];
      if (victim !== undefined) await store.cancel(victim, userId, contextFor(victim));
      await complete(await begin(someBegun(userId)));
    };
    const found = (await walk(userId, 'completed', 3, between)).flat();
    expect(new Set(found).size).toBe(found.length);
    const stayed = begun.filter((_, i) => ![9, 5, 1].includes(i)).map(({ id }) => id);
    expect(found).toEqual(expect.arrayContaining(stayed));
  });

  test('by status hold exactly the purchases in it', async () => {
    const userId = newId();
    const [pending, completed, failed, cancelled] = [
      await begin(someBegun(userId)),
      await begin(someBegun(userId)),
      await begin(someBegun(userId)),
      await begin(someBegun(userId)),
    ];
    await Promise.all([complete(completed), fail(failed), store.cancel(cancelled, userId, contextFor(cancelled))]);
    expect(await walk(userId, 'pending', 20)).toEqual([[pending.id]]);
    expect(await walk(userId, 'completed', 20)).toEqual([[completed.id]]);
    expect(await walk(userId, 'failed', 20)).toEqual([[failed.id]]);
    expect(await walk(userId, 'cancelled', 20)).toEqual([[cancelled.id]]);
    expect((await walk(userId, 'any', 20)).flat()).toHaveLength(4);
  });
});
