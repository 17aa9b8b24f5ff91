/** What recovery acts on. With a made-up store: whether a purchase can still be lost is decided below it (test/store). */
import { expect, test } from 'vitest';
import { Unavailable } from '../../../api/core/outcome.ts';
import type { Purchase } from '../../../api/purchases/record.ts';
import { openRecovery } from '../../../api/purchases/recovery.ts';
import type { Saga } from '../../../api/purchases/saga.ts';

const id = '01a20121-6be3-700b-8db5-e3245c4e0523';

test.each<[string, Partial<Purchase>]>([
  ['a pending purchase', { status: 'pending' }],
  ['a cancellation whose stock is not back', { status: 'cancelled', releasePending: true }],
])('recovery leaves %s alone that only the master has, and a failover would lose', async (_what, changes) => {
  const purchase = { id, releasePending: false, ...changes } as Purchase;
  const touched: string[] = [];
  const saga: Saga = {
    carry: async () => {
      touched.push('carry');
      return purchase;
    },
    release: async () => void touched.push('release'),
  };
  const store = {
    unfinished: async () => [{ id, sinceMs: 0 }],
    get: async (_id: string, consistency: string) => {
      if (consistency === 'read-your-writes') throw new Unavailable('no replica has it');
      return purchase;
    },
  };
  const log = { info() {}, warn() {}, error() {} };
  await openRecovery(store, saga, log, () => undefined, 0).sweep();
  expect(touched).toEqual([]);
});
