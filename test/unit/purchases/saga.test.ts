/** The saga's rules with a made-up `products` and store: what is repeated, what ends a purchase, how recovery takes turns. */
import { describe, expect, test, vi } from 'vitest';
import { deadlineIn, remainingMs } from '../../../api/core/clock.ts';
import { newId } from '../../../api/core/ids.ts';
import { Unavailable } from '../../../api/core/outcome.ts';
import type { InternalClient } from '../../../api/http/client.ts';
import type { Unfinished } from '../../../api/purchases/keys.ts';
import type { Purchase } from '../../../api/purchases/record.ts';
import { openRecovery } from '../../../api/purchases/recovery.ts';
import { createSaga, type Saga } from '../../../api/purchases/saga.ts';
import type { PurchaseWrites } from '../../../api/purchases/store.ts';
import type { PurchaseReads } from '../../../api/purchases/store-reads.ts';
import { waitFor } from '../../support/wait.ts';
import { purchaseWith } from './support.ts';

const quiet = { info() {}, warn() {}, error() {} };
const reserved = { result: 'reserved', eventId: '1-0', at: 1, items: [] };

/** A `products` that gives these answers in turn (an error is thrown), the last one for ever. */
function productsWith(answers: unknown[]) {
  const asked: unknown[] = [];
  const client: Pick<InternalClient, 'call'> = {
    async call(call, input) {
      asked.push(input);
      const answer = answers[Math.min(asked.length, answers.length) - 1];
      if (answer instanceof Error) throw answer;
      return call.output.parse(answer);
    },
  };
  return { client, asked };
}

/** A store of one purchase that follows the scripts' rules. */
function storeOf(first: Purchase) {
  let purchase = first;
  const steps: string[] = [];
  const end = (step: string, changes: Partial<Purchase>) => {
    steps.push(step);
    const applied = purchase.status === 'pending';
    if (applied) purchase = { ...purchase, ...changes, version: purchase.version + 1 };
    return Promise.resolve({ purchase, applied });
  };
  const store: Pick<PurchaseWrites, 'complete' | 'fail' | 'released' | 'confirm'> = {
    complete: () => end('complete', { status: 'completed' }),
    fail: (_begun, failure) => end('fail', { status: 'failed', failure }),
    async released() {
      steps.push('released');
      purchase = { ...purchase, releasePending: false };
    },
    async confirm() {
      steps.push('confirm');
      return purchase;
    },
  };
  return { store, steps };
}

describe('carrying a purchase forward', () => {
  test('asks again under the same id until products answers, then completes', async () => {
    const purchase = purchaseWith();
    const { client, asked } = productsWith([new Unavailable('gone'), new Unavailable('gone'), reserved]);
    const { store, steps } = storeOf(purchase);
    const ended: string[] = [];
    const saga = createSaga(store, client, (status) => ended.push(status));
    expect(await saga.carry(purchase, newId(), deadlineIn(2000))).toMatchObject({ status: 'completed' });
    expect(asked).toEqual(Array(3).fill({ purchaseId: purchase.id, items: purchase.requested }));
    expect({ steps, ended }).toEqual({ steps: ['complete'], ended: ['completed'] });
  });

  test('never ends a purchase because products cannot be reached, and leaves time for the write', async () => {
    const { client } = productsWith([new Unavailable('gone')]);
    const { store, steps } = storeOf(purchaseWith());
    const deadline = deadlineIn(700);
    const carried = createSaga(store, client, () => undefined).carry(purchaseWith(), newId(), deadline);
    await expect(carried).rejects.toThrow(Unavailable);
    expect(steps).toEqual([]);
    expect(remainingMs(deadline)).toBeGreaterThan(0);
  });

  test('does not repeat what is a bug', async () => {
    const { client, asked } = productsWith([new TypeError('a bug')]);
    const saga = createSaga(storeOf(purchaseWith()).store, client, () => undefined);
    await expect(saga.carry(purchaseWith(), newId(), deadlineIn(1000))).rejects.toThrow('a bug');
    expect(asked).toHaveLength(1);
  });

  test.each([
    [{ result: 'sold-out', items: [{ productId: 'mug', requested: 2, available: 1 }] }, 'insufficient-stock'],
    [{ result: 'unknown-product', productIds: ['mug'] }, 'unknown-product'],
  ])('ends it as failed when products refuses: %o', async (answer, code) => {
    const { client } = productsWith([answer]);
    const saga = createSaga(storeOf(purchaseWith()).store, client, () => undefined);
    const ended = await saga.carry(purchaseWith(), newId(), deadlineIn(1000));
    expect(ended).toMatchObject({ status: 'failed', failure: { code } });
  });

  test('finds it cancelled when its reservation was released before it was made', async () => {
    const { client } = productsWith([{ result: 'released' }]);
    const { store, steps } = storeOf(purchaseWith({ status: 'cancelled' }));
    const saga = createSaga(store, client, () => undefined);
    expect(await saga.carry(purchaseWith(), newId(), deadlineIn(1000))).toMatchObject({ status: 'cancelled' });
    expect(steps).toEqual(['confirm']);
  });

  test('counts a purchase only for the step that ended it', async () => {
    const ended: string[] = [];
    const { store } = storeOf(purchaseWith());
    const saga = createSaga(store, productsWith([reserved]).client, (status) => ended.push(status));
    for (let i = 0; i < 3; i++) await saga.carry(purchaseWith(), newId(), deadlineIn(1000));
    expect(ended).toEqual(['completed']);
  });

  test('by many at once asks products once; when the first fails, the others go on', async () => {
    const purchase = purchaseWith();
    const { client, asked } = productsWith([reserved]);
    const saga = createSaga(storeOf(purchase).store, client, () => undefined);
    const all = await Promise.all(Array.from({ length: 50 }, () => saga.carry(purchase, newId(), deadlineIn(1000))));
    expect(new Set(all.map(({ status }) => status))).toEqual(new Set(['completed']));
    expect(asked).toHaveLength(1);
    const late = productsWith([new Unavailable('gone'), reserved]);
    const again = createSaga(storeOf(purchase).store, late.client, () => undefined);
    const [first, second] = [deadlineIn(300), deadlineIn(2000)].map((at) => again.carry(purchase, newId(), at));
    await expect(first).rejects.toThrow(Unavailable);
    expect(await second).toMatchObject({ status: 'completed' });
  });

  test('asks for many in one call; when that fails, for each alone', async () => {
    const purchases = Array.from({ length: 5 }, () => purchaseWith());
    const { client, asked } = productsWith([new Unavailable('gone'), reserved]);
    const saga = createSaga(storeOf(purchaseWith()).store, client, () => undefined);
    await Promise.all(purchases.map((purchase) => saga.carry(purchase, newId(), deadlineIn(2000))));
    const [group, ...alone] = asked;
    const inputs = purchases.map(({ id, requested }) => ({ purchaseId: id, items: requested }));
    expect(group).toMatchObject({ reservations: inputs });
    expect(alone).toHaveLength(5);
    expect(alone).toEqual(expect.arrayContaining(inputs));
  });

  test('gives stock back until products confirms it', async () => {
    const { client, asked } = productsWith([new Unavailable('gone'), { result: 'released', eventId: '2-0', at: 2 }]);
    const { store, steps } = storeOf(purchaseWith({ status: 'cancelled', releasePending: true }));
    await createSaga(store, client, () => undefined).release(purchaseWith(), newId(), deadlineIn(1000));
    expect({ asked: asked.length, steps }).toEqual({ asked: 2, steps: ['released'] });
  });
});

describe('recovery', () => {
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

  test('carries on pending purchases and owed releases, a few at a time', async () => {
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
});
