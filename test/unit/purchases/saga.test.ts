/** The saga's rules with a made-up `products` and store: what is repeated, what ends a purchase. */
import { describe, expect, test } from 'vitest';
import { releaseStock } from '../../../api/contracts/calls.ts';
import { deadlineIn, remainingMs } from '../../../api/core/clock.ts';
import { newId } from '../../../api/core/ids.ts';
import { Unavailable } from '../../../api/core/outcome.ts';
import type { InternalClient } from '../../../api/http/client.ts';
import type { Purchase } from '../../../api/purchases/record.ts';
import { createSaga } from '../../../api/purchases/saga.ts';
import type { PurchaseWrites } from '../../../api/purchases/store.ts';
import { purchaseWith } from './support.ts';

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

  test('gives stock back by a call of less than the 100 kB that one may have, however long the names are in JSON', async () => {
    const { client, asked } = productsWith([{ result: 'released', eventId: '2-0', at: 2 }]);
    const items = Array.from({ length: 100 }, (_, i) => ({
      productId: String(i).padStart(64, 'x'),
      generation: newId(),
      name: '\u0001'.repeat(200),
      quantity: 100_000,
      unitPriceMinor: 999_999_999_999,
    }));
    const purchase = purchaseWith({ status: 'cancelled', releasePending: true, items });
    await createSaga(storeOf(purchase).store, client, () => undefined).release(purchase, newId(), deadlineIn(1000));
    expect(Buffer.byteLength(JSON.stringify(asked[0]))).toBeLessThan(100 * 1024);
    const received = items.map(({ productId, generation, quantity }) => ({ productId, generation, quantity }));
    expect(releaseStock.input.parse(asked[0])).toEqual({ purchaseId: purchase.id, items: received });
  });
});
