/** Recovery with a made-up saga and store: what it acts on, and when. Whether a purchase can still be lost is decided below it (test/store). */
import { expect, test, vi } from 'vitest';
import { Unavailable } from '../../../api/core/outcome.ts';
import type { Unfinished } from '../../../api/purchases/keys.ts';
import type { Purchase } from '../../../api/purchases/record.ts';
import { openRecovery } from '../../../api/purchases/recovery.ts';
import type { Saga } from '../../../api/purchases/saga.ts';
import type { PurchaseReads } from '../../../api/purchases/store-reads.ts';
import { waitFor } from '../../support/wait.ts';
import { purchaseWith } from './support.ts';

const quiet = { info() {}, warn() {}, error() {} };

test.each<[string, Partial<Purchase>]>([
  ['a pending purchase', { status: 'pending' }],
  ['a cancellation whose stock is not back', { status: 'cancelled', releasePending: true }],
])('recovery leaves %s alone that only the master has, and a failover would lose', async (_what, changes) => {
  const purchase = purchaseWith(changes);
  const touched: string[] = [];
  const saga: Saga = {
    carry: async () => {
      touched.push('carry');
      return purchase;
    },
    release: async () => void touched.push('release'),
  };
  const store = {
    unfinished: async () => [{ id: purchase.id, sinceMs: 0 }],
    get: async (_id: string, consistency: string) => {
      if (consistency === 'read-your-writes') throw new Unavailable('no replica has it');
      return purchase;
    },
  };
  await openRecovery(store, saga, quiet, () => undefined, 0).sweep();
  expect(touched).toEqual([]);
});

/** Purchases with their age in ms, and a saga that fails for those in `stuck`. */
function shopWith(unfinished: { purchase: Purchase; ageMs: number }[], stuck: ReadonlySet<string> = new Set()) {
  const done: string[] = [];
  const tried: string[] = [];
  let atOnce = 0;
  let mostAtOnce = 0;
  const open = () => unfinished.filter(({ purchase }) => !done.includes(purchase.id));
  const store: Pick<PurchaseReads, 'get' | 'unfinished'> = {
    get: async (id) => open().find(({ purchase }) => purchase.id === id)?.purchase,
    unfinished: async (what: Unfinished, offset, count) =>
      open()
        .filter(({ purchase }) => (what === 'release-pending') === purchase.releasePending)
        .sort((a, b) => b.ageMs - a.ageMs)
        .slice(offset, offset + count)
        .map(({ purchase, ageMs }) => ({ id: purchase.id, sinceMs: Date.now() - ageMs })),
  };
  async function take(purchase: Purchase) {
    tried.push(purchase.id);
    mostAtOnce = Math.max(mostAtOnce, ++atOnce);
    await new Promise((resolve) => setImmediate(resolve));
    atOnce -= 1;
    if (stuck.has(purchase.id)) throw new Unavailable('stuck');
    done.push(purchase.id);
  }
  const saga: Saga = {
    async carry(begun) {
      const purchase = purchaseWith(begun);
      await take(purchase);
      return purchase;
    },
    release: (purchase) => take(purchase),
  };
  return { store, saga, done, tried, mostAtOnce: () => mostAtOnce };
}

test('leaves what is younger than its request may live to that request', async () => {
  const [old, young] = [purchaseWith(), purchaseWith()];
  const shop = shopWith([
    { purchase: old, ageMs: 6000 },
    { purchase: young, ageMs: 3000 },
  ]);
  await openRecovery(shop.store, shop.saga, quiet, () => undefined).sweep();
  expect(shop.done).toEqual([old.id]);
});

test('takes one that a clock an hour ahead dated for as old as it has known it', async () => {
  const purchase = purchaseWith();
  const shop = shopWith([{ purchase, ageMs: -3_600_000 }]);
  const ages: number[] = [];
  const recovery = openRecovery(shop.store, shop.saga, quiet, (_what, seconds) => void ages.push(seconds), 100);
  await recovery.sweep();
  expect(shop.done).toEqual([]);
  await waitFor('the purchase to be carried on', async () => {
    await recovery.sweep();
    return shop.done.includes(purchase.id);
  });
  expect(Math.max(...ages)).toBeGreaterThanOrEqual(0.1);
});

test('finds one that was dated wrong behind many young ones', async () => {
  const purchase = purchaseWith();
  const young = Array.from({ length: 205 }, () => ({ purchase: purchaseWith(), ageMs: 0 }));
  const shop = shopWith([...young, { purchase, ageMs: -3_600_000 }]);
  const recovery = openRecovery(shop.store, shop.saga, quiet, () => undefined, 50);
  await waitFor('the purchase to be carried on', async () => {
    await recovery.sweep();
    return shop.done.includes(purchase.id);
  });
}, 20_000);

test('carries on pending purchases and releases, a few at a time', async () => {
  const unfinished = Array.from({ length: 60 }, (_, i) => ({
    purchase: purchaseWith(i % 2 === 0 ? {} : { status: 'cancelled', releasePending: true }),
    ageMs: 10_000,
  }));
  const shop = shopWith(unfinished);
  await openRecovery(shop.store, shop.saga, quiet, () => undefined).sweep();
  expect(shop.done).toHaveLength(60);
  expect(shop.mostAtOnce()).toBeLessThanOrEqual(8);
});

test('lets what fails again and again wait, so that it does not keep the others from their turn', async () => {
  // The time stands still: three sweeps may take longer than the first wait of 1 s on a busy machine.
  const now = vi.spyOn(performance, 'now').mockReturnValue(performance.now());
  const unfinished = Array.from({ length: 450 }, (_, i) => ({ purchase: purchaseWith(), ageMs: 100_000 - i }));
  const stuck = new Set(unfinished.slice(0, 400).map(({ purchase }) => purchase.id));
  const shop = shopWith(unfinished, stuck);
  const recovery = openRecovery(shop.store, shop.saga, quiet, () => undefined);
  for (let i = 0; i < 3; i++) await recovery.sweep();
  now.mockRestore();
  expect(shop.done).toHaveLength(50);
  expect(shop.tried).toHaveLength(450); // none of the stuck ones was tried twice at one time
});

test('reports how long the oldest has waited, and 0 when there is none', async () => {
  const shop = shopWith([{ purchase: purchaseWith(), ageMs: 7000 }]);
  const reported: [Unfinished, number][] = [];
  const recovery = openRecovery(shop.store, shop.saga, quiet, (what, seconds) => reported.push([what, seconds]));
  await recovery.sweep();
  await recovery.sweep();
  const pending = reported.filter(([what]) => what === 'pending').map(([, seconds]) => Math.round(seconds));
  expect(pending).toEqual([7, 0]);
});

test('survives that Redis cannot be read', async () => {
  const shop = shopWith([]);
  const store = { ...shop.store, unfinished: () => Promise.reject(new Unavailable('no Redis')) };
  await openRecovery(store, shop.saga, quiet, () => undefined).sweep();
});
