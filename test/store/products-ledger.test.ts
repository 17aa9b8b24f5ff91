/** The stock ledger's walk, over products put by hand into a Redis of its own: only so can one be wrong, and their number certain. */
import type { Redis } from 'ioredis';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { deadlineIn } from '../../api/core/clock.ts';
import { ledgerResultKey, productKey, sortKey } from '../../api/products/keys.ts';
import { type LedgerTimes, newWalk, openLedger, unitsOff, walkLedger } from '../../api/products/ledger.ts';
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

const quiet = { error: () => undefined, warn: () => undefined };
const slice = (from = newWalk(), ms = 60_000) =>
  walkLedger({ redis, reads: createProductReads(redis) }, quiet, from, deadlineIn(ms));
const walk = () => slice();

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

test('a walk that stops half-way is resumed where it stopped, by any replica, and finds the same', async () => {
  const whole = await walk();
  for (let i = 0; i < 1300; i++)
    await product(`more-${i}`, { stock: 1, initial: 1, restocked: 0, sold: 0, returned: 0 });
  await product('zz-wrong', { stock: 9, initial: 1, restocked: 0, sold: 0, returned: 0 });
  await master.wait(2, 5000);
  const first = await slice(newWalk(), 0);
  if (!('after' in first)) throw new Error('a slice without time walks one piece only');
  expect(first.products).toBe(500);
  const rest = await slice(first);
  expect(rest).toMatchObject({ products: whole.products + 1301, oversoldUnits: whole.oversoldUnits + 8 });
});

test('replicas take turns until the walk is complete, and show how far it is', async () => {
  const times: LedgerTimes = { betweenWalks: 3_600_000, slice: 0, turn: 5000, nextSlice: 5, nextLook: 5 };
  const registry = new Registry();
  await master.del(ledgerResultKey);
  const stops = [registry, new Registry()].map((each) =>
    openLedger(redis, createProductReads(redis), each, quiet, times)(),
  );
  const ratios = new Set<number>();
  const value = async (name: string) => (await registry.getSingleMetric(name)?.get())?.values[0]?.value ?? 0;
  const { products } = await walk();
  await waitFor(
    'the walk to be complete',
    async () => {
      ratios.add(await value('shop_stock_ledger_progress_ratio'));
      return (
        (await value('shop_products')) === products && (await value('shop_stock_ledger_checked_timestamp_seconds')) > 0
      );
    },
    5000,
    1,
  );
  for (const stop of stops) stop();
  expect([...ratios].some((ratio) => ratio > 0 && ratio < 1)).toBe(true);
  expect(await value('shop_oversold_units')).toBe((await walk()).oversoldUnits);
});
