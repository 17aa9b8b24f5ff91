/** A batch of products on a real Redis: repeated under its key, it makes each product once. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../../api/core/ids.ts';
import { isRefusal } from '../../api/core/outcome.ts';
import { createBatches } from '../../api/products/batch.ts';
import { createProductRules, type ProductRules } from '../../api/products/service.ts';
import { createProductWrites, type ProductWrites } from '../../api/products/store.ts';
import { createProductReads, type ProductReads } from '../../api/products/store-reads.ts';
import type { ShopRedis } from '../../api/redis/open.ts';
import { contextOf, openTestRedis, repetitionOf, userCaller } from '../support/redis.ts';
import { given } from './products-support.ts';

let redis: ShopRedis;
let store: ProductWrites;
let reads: ProductReads;
let rules: ProductRules;
let batches: ReturnType<typeof createBatches>;
beforeAll(() => {
  redis = openTestRedis('products');
  store = createProductWrites(redis);
  reads = createProductReads(redis);
  rules = createProductRules(store, reads);
  batches = createBatches(store, rules);
});
afterAll(() => redis.close());

const context = () => contextOf(userCaller('admin'));

test('a batch repeated after it ended half-way answers for what was made as before and makes the rest', async () => {
  const items = Array.from({ length: 6 }, (_, i) => given(i % 2 ? {} : { id: undefined as never }));
  const first = context();
  // The first time ends after three products, as if the process had died.
  let left = 3;
  const dying = createBatches(store, {
    lookupCreated: rules.lookupCreated,
    create: (...args) => (left-- > 0 ? rules.create(...args) : Promise.reject(new Error('died'))),
  });
  const writes: string[] = [];
  await expect(dying.make(items, first)).rejects.toThrow('died');
  const second = await batches.make(items, repetitionOf(first));
  const third = await batches.make(items, repetitionOf(first));
  if (isRefusal(second) || isRefusal(third)) throw new Error('refused');
  writes.push(...second.value.map(String));
  expect(third.value).toEqual(second.value);
  expect(new Set(writes).size).toBe(6);
  const found = await reads.read(writes, context());
  expect(found.map((product) => product?.version)).toEqual(['1', '1', '1', '1', '1', '1']);
});

test('a batch under a key of another body makes nothing', async () => {
  const first = context();
  await batches.make([given()], first);
  const id = newId();
  const other = repetitionOf(first, { fingerprint: 'other' });
  expect(await batches.make([given({ id })], other)).toMatchObject({ code: 'idempotency-key-reused' });
  expect(await reads.read([id], context())).toEqual([undefined]);
});
