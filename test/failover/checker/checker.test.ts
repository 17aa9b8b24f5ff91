/** The checker on histories made by hand: a good one passes, and each kind of lie is found. */
import { expect, test } from 'vitest';
import type { History, Operation, StoredPurchase } from '../history/history.ts';
import { check } from './check.ts';

const bought: StoredPurchase = {
  id: 'p1',
  userId: 'ann',
  status: 'completed',
  items: [{ productId: 'c-1', quantity: 2, unitPrice: { amount: 5 } }],
  total: { amount: 10 },
  createdAt: '2026-01-01T00:00:00.000Z',
};

function operation(op: number, changes: Partial<Operation>): Operation {
  const about = {};
  return {
    op,
    actor: 'buyer-1',
    kind: 'purchase',
    method: 'POST',
    path: '/purchases',
    userId: 'ann',
    about,
    attempts: [],
    ...changes,
  };
}

const purchase = operation(0, {
  key: 'k1',
  body: { items: [{ productId: 'c-1', quantity: 2 }] },
  attempts: [{ invokedMs: 0, endedMs: 10, status: 201, body: bought }],
});

function history(changes: Partial<History> = {}, final: Partial<NonNullable<History['final']>> = {}): History {
  return {
    seed: 1,
    title: 'by hand',
    fixtures: { users: [{ actor: 'buyer-1', userId: 'ann' }], products: [{ id: 'c-1', stock: 10 }] },
    operations: [purchase],
    faults: [],
    final: {
      purchases: [bought],
      products: [{ id: 'c-1', stock: 8, name: 'c-1 v0', price: 5 }],
      userIds: [],
      histories: { p1: ['purchase.created', 'product.reserved', 'purchase.completed'] },
      foldedStock: { 'c-1': 8 },
      digests: { a: 'x', b: 'x', c: 'x' },
      differing: [],
      ...final,
    },
    ...changes,
  };
}

const rules = (judged: History) => check(judged).map(({ kind, rule }) => `${kind}: ${rule}`);

test('a history in which every answer was true has no violation', () => {
  expect(check(history())).toEqual([]);
});

test('an acknowledged purchase that is not stored is lost', () => {
  const judged = history(
    {},
    { purchases: [], histories: {}, products: [{ id: 'c-1', stock: 10, name: 'c-1 v0', price: 5 }], foldedStock: {} },
  );
  expect(rules(judged)).toEqual(['lost: acknowledged purchases are stored']);
});

test('a second purchase that was never acknowledged is doubled, and the stock shows it', () => {
  const twice = [bought, { ...bought, id: 'p2' }];
  const found = rules(history({}, { purchases: twice }));
  expect(found).toContain('doubled: everything stored was acknowledged or unknown');
  expect(found).toContain('wrong: initial + restocks − bought + cancelled = stock');
});

test('a purchase whose outcome is unknown may be stored, or not', () => {
  const lost = { ...purchase, attempts: [{ invokedMs: 0, endedMs: 12_000, error: 'no answer' }] };
  expect(check(history({ operations: [lost] }))).toEqual([]);
  const without = {
    purchases: [],
    histories: {},
    products: [{ id: 'c-1', stock: 10, name: 'c-1 v0', price: 5 }],
    foldedStock: {},
  };
  expect(check(history({ operations: [lost] }, without))).toEqual([]);
});

test('a purchase that was refused and is stored is found', () => {
  const refused = { ...purchase, attempts: [{ invokedMs: 0, endedMs: 10, status: 409, body: {} }] };
  expect(rules(history({ operations: [refused] }))).toEqual(['wrong: everything stored was acknowledged or unknown']);
});

test('an answer that the OpenAPI document does not have is found', () => {
  const [attempt] = purchase.attempts;
  const odd = { ...purchase, attempts: [{ ...attempt, invokedMs: 0, undocumented: 'the header X is not declared' }] };
  expect(rules(history({ operations: [odd] }))).toEqual(['wrong: every answer is in the OpenAPI document']);
});

test('another answer to the same key is found', () => {
  const again = operation(1, {
    kind: 'replay',
    key: 'k1',
    about: { replayOf: 0 },
    attempts: [{ invokedMs: 20, endedMs: 30, status: 201, body: { ...bought, id: 'p2' }, replayed: true }],
  });
  expect(rules(history({ operations: [purchase, again] }))).toEqual(['doubled: the same answer for the same key']);
});

test('an own purchase that a later read does not show is found, in lists too', () => {
  const reads = [
    operation(1, {
      kind: 'read-purchase',
      method: 'GET',
      about: { purchaseId: 'p1' },
      attempts: [{ invokedMs: 11, endedMs: 12, status: 404, body: {} }],
    }),
    operation(2, {
      kind: 'read-own-list',
      method: 'GET',
      attempts: [{ invokedMs: 11, endedMs: 12, status: 200, body: { data: [], nextCursor: null } }],
    }),
  ];
  expect(rules(history({ operations: [purchase, ...reads] }))).toEqual([
    'lost: own writes are read back',
    'lost: own writes are read back, in lists too',
  ]);
});

test('a read that began before the answer came may miss it', () => {
  const early = operation(1, {
    kind: 'read-purchase',
    method: 'GET',
    about: { purchaseId: 'p1' },
    attempts: [{ invokedMs: 9, endedMs: 12, status: 404, body: {} }],
  });
  expect(check(history({ operations: [purchase, early] }))).toEqual([]);
});

test('a foreign purchase that is shown, and a stock below zero, are found', () => {
  const foreign = operation(1, {
    kind: 'read-foreign',
    method: 'GET',
    attempts: [{ invokedMs: 1, endedMs: 2, status: 200, body: bought }],
  });
  const negative = operation(2, {
    kind: 'read-product',
    method: 'GET',
    attempts: [{ invokedMs: 1, endedMs: 2, status: 200, body: { id: 'c-1', name: 'c-1 v0', stock: -1 } }],
  });
  expect(rules(history({ operations: [purchase, foreign, negative] }))).toEqual([
    'wrong: stock is never negative',
    'wrong: users see only their own purchases',
  ]);
});

test('a read without a token that is older than three seconds, or than it says, is found', () => {
  const change = operation(1, {
    actor: 'admin',
    kind: 'change-product',
    method: 'PATCH',
    about: { productId: 'c-1', version: 1 },
    attempts: [{ invokedMs: 0, endedMs: 10, status: 200, body: {} }],
  });
  const { userId: _, ...anonymous } = operation(2, {
    actor: 'reader-1',
    kind: 'read-product',
    method: 'GET',
    about: { productId: 'c-1' },
  });
  const body = { id: 'c-1', name: 'c-1 v0', stock: 8 };
  const at = (invokedMs: number, stale: { staleSeconds?: number } = {}) => ({
    ...anonymous,
    attempts: [{ invokedMs, endedMs: invokedMs + 1, status: 200, body, ...stale }],
  });
  const changed = { products: [{ id: 'c-1', stock: 8, name: 'c-1 v1', price: 5 }] };
  for (const allowed of [at(2900), at(60_000, { staleSeconds: 59 })]) {
    expect(check(history({ operations: [purchase, change, allowed] }, changed))).toEqual([]);
  }
  for (const tooOld of [at(3100), at(60_000, { staleSeconds: 50 }), { ...at(1100), userId: 'u1' }]) {
    expect(rules(history({ operations: [purchase, change, tooOld] }, changed))).toEqual([
      'lost: reads are as new as promised',
    ]);
  }
});

test('what is half-done, folds to something else, or differs between nodes is found', () => {
  const pending = { ...bought, id: 'p2', status: 'pending' };
  const found = rules(
    history(
      {},
      {
        purchases: [bought, pending],
        histories: { p1: ['purchase.created', 'purchase.failed'] },
        foldedStock: { 'c-1': 9 },
        digests: { a: 'x', b: 'y', c: 'x' },
        differing: ['{products}:product:c-1'],
      },
    ),
  );
  expect(found).toContain('wrong: nothing half-done');
  expect(found.filter((rule) => rule === 'wrong: histories fold to the state')).toHaveLength(2);
  expect(found).toContain('wrong: all Redis nodes hold the same');
});
