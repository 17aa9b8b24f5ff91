/** The stock ledger's walk, over products put by hand into a Redis of its own: only so can one be wrong, and their number certain. */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { productKey, sortKey } from '../../api/products/keys.ts';
import { unitsOff, walkLedger } from '../../api/products/ledger.ts';
import { createProductReads } from '../../api/products/store-reads.ts';
import type { ShopRedis } from '../../api/redis/open.ts';
import { type OwnRedis, startOwnRedis } from '../support/own-redis.ts';
import { waitFor } from '../support/wait.ts';

let own: OwnRedis;
let redis: ShopRedis;
let master: Redis;
const index = sortKey('createdAt', { of: 'all' });
beforeAll(async () => {
  own = await startOwnRedis('products');
  ({ redis, master } = own);
});
afterAll(() => own?.close());

async function product(id: string, numbers: Record<string, number>): Promise<void> {
  await master.multi().hset(productKey(id), numbers).zadd(index, 0, `ledger\0${id}`).exec();
}

const walk = () => walkLedger(redis, createProductReads(redis), { error: () => undefined });

test('a catalogue whose numbers add up, of more products than one piece, has no unit too many', async () => {
  const before = await waitFor('Redis to answer', walk);
  for (let i = 0; i < 250; i++)
    await product(`ledger-${i}`, { stock: 7, initial: 5, restocked: 4, sold: 3, returned: 1 });
  const found = await waitFor('all products to be on the replicas', async () => {
    const now = await walk();
    return now.products === before.products + 250 && now;
  });
  expect(found.oversoldUnits).toBe(before.oversoldUnits);
});

test('a unit that was sold twice and a stock below zero are found', async () => {
  const before = await walk();
  await product('ledger-sold-twice', { stock: 4, initial: 5, restocked: 0, sold: 2, returned: 0 });
  await product('ledger-below-zero', { stock: -2, initial: 1, restocked: 0, sold: 3, returned: 0 });
  const found = await waitFor('both to be on the replicas', async () => {
    const now = await walk();
    return now.products === before.products + 2 && now;
  });
  expect(found.oversoldUnits - before.oversoldUnits).toBe(1 + 2);
});

test('units off are counted, in whichever direction the ledger is wrong', () => {
  expect(unitsOff([3, 5, 0, 2, 0])).toBe(0);
  expect(unitsOff([2, 5, 0, 2, 0])).toBe(1);
  expect(unitsOff([4, 5, 0, 2, 0])).toBe(1);
});
