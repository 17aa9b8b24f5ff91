/** The rules of purchases that need no Redis: summing, what is shown, what a key answers. */

import { describe, expect, test } from 'vitest';
import { summed } from '../../../api/contracts/wanted.ts';
import { newId } from '../../../api/core/ids.ts';
import { historyOf, type Purchase, purchaseOf, storedFailure } from '../../../api/purchases/record.ts';
import { showPurchase } from '../../../api/purchases/routes.ts';
import { failureOf } from '../../../api/purchases/saga.ts';
import { failure, purchaseIn, purchaseOut, purchasesQuery } from '../../../api/purchases/schema.ts';
import { asFirstAnswered } from '../../../api/purchases/service.ts';
import { purchaseWith } from './support.ts';

const pending = purchaseWith();
const completed: Purchase = {
  ...pending,
  status: 'completed',
  items: [{ productId: 'mug', generation: newId(), name: 'A mug', quantity: 2, unitPriceMinor: 899 }],
  totalMinor: 1798,
  updatedAtMs: 2000,
  completedAtMs: 2000,
  version: 2,
};

describe('what is asked for', () => {
  test('is summed for each product, in the order in which each comes first', () => {
    const lines = [
      { productId: 'b', quantity: 1 },
      { productId: 'a', quantity: 1000 },
      { productId: 'b', quantity: 2 },
      { productId: 'a', quantity: 1000 },
    ];
    expect(summed(lines)).toEqual([
      { productId: 'b', quantity: 3 },
      { productId: 'a', quantity: 2000 },
    ]);
  });

  test.each([
    ['no item', { items: [] }],
    ['101 items', { items: Array.from({ length: 101 }, (_, i) => ({ productId: `p${i}`, quantity: 1 })) }],
    ['a quantity of 0', { items: [{ productId: 'a', quantity: 0 }] }],
    ['a quantity of 1001', { items: [{ productId: 'a', quantity: 1001 }] }],
    ['half an item', { items: [{ productId: 'a', quantity: 0.5 }] }],
    ['a quantity in words', { items: [{ productId: 'a', quantity: '1' }] }],
    ['an id that cannot be', { items: [{ productId: 'a}b', quantity: 1 }] }],
    ['a price of the buyer', { items: [{ productId: 'a', quantity: 1, unitPrice: 1 }] }],
    ['an unknown field', { items: [{ productId: 'a', quantity: 1 }], userId: 'me' }],
  ])('is refused with %s', (_what, body) => {
    expect(purchaseIn.safeParse(body).success).toBe(false);
  });

  test('is refused in a list with a status or a parameter that there is not', () => {
    expect(purchasesQuery.safeParse({ status: 'paid' }).success).toBe(false);
    expect(purchasesQuery.safeParse({ sort: 'total' }).success).toBe(false);
    expect(purchasesQuery.parse({})).toMatchObject({ limit: 20 });
  });
});

describe('what is shown', () => {
  test('has names, prices and a total once they are known, and what was asked for with nulls before', () => {
    expect(purchaseOut.parse(showPurchase(completed))).toMatchObject({
      items: [{ productId: 'mug', name: 'A mug', quantity: 2, unitPrice: { amount: 899, currency: 'USD' } }],
      total: { amount: 1798, currency: 'USD' },
      updatedAt: '1970-01-01T00:00:02.000Z',
    });
    expect(purchaseOut.parse(showPurchase(pending))).toMatchObject({
      items: [{ productId: 'mug', name: null, quantity: 2, unitPrice: null }],
      total: null,
    });
  });

  test('has no generation, no version and no failure where there was none', () => {
    const shown = showPurchase(completed);
    expect(Object.keys(shown)).toEqual(['id', 'userId', 'status', 'items', 'total', 'createdAt', 'updatedAt']);
    expect(JSON.stringify(shown)).not.toContain('generation');
  });

  test('says why a purchase failed', () => {
    const soldOut = failureOf({ result: 'sold-out', items: [{ productId: 'mug', requested: 2, available: 1 }] });
    const unknown = failureOf({ result: 'unknown-product', productIds: ['mug'] });
    expect(failure.parse(soldOut)).toMatchObject({ code: 'insufficient-stock', items: [{ available: 1 }] });
    expect(failure.parse(unknown)).toMatchObject({ code: 'unknown-product', items: [{ productId: 'mug' }] });
    const shown = showPurchase({ ...pending, status: 'failed', failure: unknown });
    expect(purchaseOut.parse(shown).failure).toEqual(unknown);
  });
});

describe('the first answer of a key', () => {
  test('is the completed purchase, also after it was cancelled', () => {
    const cancelled: Purchase = {
      ...completed,
      status: 'cancelled',
      updatedAtMs: 9000,
      version: 3,
      releasePending: true,
    };
    expect(asFirstAnswered(cancelled)).toEqual(completed);
    expect(asFirstAnswered(completed)).toEqual(completed);
  });

  test('is the cancelled purchase when it never completed', () => {
    const cancelled: Purchase = { ...pending, status: 'cancelled', version: 2 };
    expect(asFirstAnswered(cancelled)).toEqual(cancelled);
  });
});

describe('a purchase as it is stored', () => {
  const hash = {
    userId: pending.userId,
    status: 'pending',
    version: '1',
    currency: 'USD',
    requested: '[["mug",2]]',
    history: 'c1000:5-0',
  };
  const read = (changes: object) => purchaseOf(pending.id, { ...hash, ...changes });

  test('is read back with its defaults', () => {
    expect(purchaseOf(pending.id, hash)).toEqual(pending);
  });

  test('keeps the largest total to the last minor unit', () => {
    const items = JSON.stringify(
      Array.from({ length: 100 }, (_, i) => [`p${i}`, 'first', 'A mug', 1000, 9_999_999_999]),
    );
    const history = `${hash.history},r900:4-1,d2000:6-0`;
    const purchase = read({ status: 'completed', requested: undefined, items, history });
    expect(purchase).toMatchObject({ totalMinor: 999_999_999_900_000, completedAtMs: 2000, updatedAtMs: 2000 });
    expect(purchase?.requested[99]).toEqual({ productId: 'p99', quantity: 1000 });
  });

  test('gives its whole history from what is stored once', () => {
    const stored = {
      ...hash,
      requested: undefined,
      items: '[["mug","first","A mug",2,899]]',
      history: 'c1000:5-0,r900:4-1,d2000:6-0,x3000:7-0,b3100:8-0',
      cancelledBy: 'an-admin',
    };
    const about = { purchaseId: pending.id };
    expect(historyOf(pending.id, stored)).toEqual([
      {
        id: 'purchases:5-0',
        type: 'purchase.created',
        at: 1000,
        data: { ...about, userId: hash.userId, items: [{ productId: 'mug', quantity: 2 }] },
      },
      {
        id: 'products:4-1',
        type: 'product.reserved',
        at: 900,
        data: {
          ...about,
          items: [{ productId: 'mug', name: 'A mug', quantity: 2, unitPrice: { amount: 899, currency: 'USD' } }],
        },
      },
      {
        id: 'purchases:6-0',
        type: 'purchase.completed',
        at: 2000,
        data: { ...about, total: { amount: 1798, currency: 'USD' } },
      },
      { id: 'purchases:7-0', type: 'purchase.cancelled', at: 3000, data: { ...about, by: 'an-admin' } },
      {
        id: 'products:8-0',
        type: 'product.released',
        at: 3100,
        data: { ...about, items: [{ productId: 'mug', quantity: 2 }] },
      },
    ]);
  });

  test('gives the history of a failed purchase with the reason', () => {
    const failed = { ...hash, status: 'failed', failure: '["unknown-product",[0]]', history: 'c1000:5-0,f2000:6-0' };
    const failure = { code: 'unknown-product', items: [{ productId: 'mug' }] };
    expect(historyOf(pending.id, failed)?.at(-1)).toMatchObject({
      id: 'purchases:6-0',
      type: 'purchase.failed',
      at: 2000,
      data: { purchaseId: pending.id, failure },
    });
  });

  test.each([
    [
      'not enough of two',
      {
        result: 'sold-out',
        items: [
          { productId: 'c', requested: 3, available: 0 },
          { productId: 'a', requested: 1, available: 2 },
        ],
      },
    ],
    ['two unknown', { result: 'unknown-product', productIds: ['b', 'c'] }],
  ] as [string, Parameters<typeof failureOf>[0]][])('that failed keeps its reason in short: %s', (_name, refused) => {
    const requested = [
      { productId: 'a', quantity: 1 },
      { productId: 'b', quantity: 2 },
      { productId: 'c', quantity: 3 },
    ];
    const failure = failureOf(refused);
    const text = storedFailure(failure, requested);
    expect(text.length).toBeLessThan(50);
    const stored = { status: 'failed', requested: '[["a",1],["b",2],["c",3]]', failure: text };
    expect(read(stored)?.failure).toEqual(failure);
  });

  test('is not there when the hash is empty, and a bug when it is something else', () => {
    expect(purchaseOf(pending.id, {})).toBeUndefined();
    expect(() => read({ status: 'paid' })).toThrow();
    expect(() => read({ history: 'z1:1-0' })).toThrow();
  });
});
