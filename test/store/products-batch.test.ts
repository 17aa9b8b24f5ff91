/** A batch of products on a real Redis: repeated under its key, it makes each product once. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventStream } from '../../api/contracts/events.ts';
import { newId } from '../../api/core/ids.ts';
import { isRefusal } from '../../api/core/outcome.ts';
import { createBatches } from '../../api/products/batch.ts';
import { idOfMember, indexChanges } from '../../api/products/indexes.ts';
import { productKey, sortFields, sortKey } from '../../api/products/keys.ts';
import { createProductRules, type ProductRules } from '../../api/products/service.ts';
import { createProductWrites } from '../../api/products/store.ts';
import { type BatchWrites, createBatchWrites } from '../../api/products/store-batches.ts';
import { createProductReads, type ProductReads } from '../../api/products/store-reads.ts';
import type { ShopRedis } from '../../api/redis/open.ts';
import { contextOf, repetitionOf, userCaller } from '../support/context.ts';
import { openTestRedis, operator } from '../support/redis.ts';
import { given, indexedWordsOf } from './products-support.ts';

let redis: ShopRedis;
let writes: BatchWrites;
let reads: ProductReads;
let rules: ProductRules;
let batches: ReturnType<typeof createBatches>;
beforeAll(() => {
  redis = openTestRedis('products');
  reads = createProductReads(redis);
  rules = createProductRules(createProductWrites(redis), reads);
  writes = createBatchWrites(redis);
  batches = createBatches(writes, rules);
});
afterAll(() => redis.close());

const context = () => contextOf(userCaller('admin'));

/** As many words as one script writes, so that each product has a script of its own. */
const description = Array.from({ length: 600 }, (_, i) => `word${i}`).join(' ');

/** A store that dies after so many scripts, as if the process had died. */
function dyingAfter(scripts: number): BatchWrites {
  let left = scripts;
  const { bindBatch, createAll } = writes;
  return {
    bindBatch,
    createAll: (...args) => (left-- > 0 ? createAll(...args) : Promise.reject(new Error('died'))),
  };
}

test('a batch repeated after it ended half-way answers for what was made as before and makes the rest', async () => {
  const items = Array.from({ length: 6 }, (_, i) =>
    given({ description, ...(i % 2 ? {} : { id: undefined as never }) }),
  );
  const first = context();
  await expect(createBatches(dyingAfter(3), rules).make(items, first)).rejects.toThrow('died');
  const second = await batches.make(items, repetitionOf(first));
  const third = await batches.make(items, repetitionOf(first));
  if (isRefusal(second) || isRefusal(third)) throw new Error('refused');
  const ids = second.value.map(String);
  expect(third.value).toEqual(second.value);
  expect(new Set(ids).size).toBe(6);
  const found = await reads.read(ids, context());
  expect(found.map((product) => product?.version)).toEqual(['1', '1', '1', '1', '1', '1']);
});

test('products made by a batch are the same as those made one by one: record, entries in the indexes, event', async () => {
  const looker = await operator();
  try {
    const changes = { company: `Company ${newId()}`, category: newId(), description: 'Warm white, 5 W' };
    const [alone, together] = [given({ ...changes, id: newId() }), given({ ...changes, id: newId() })];
    const made = await rules.create(alone, context());
    if (isRefusal(made)) throw new Error(made.detail);
    await batches.make([together], context());
    const [one, other] = await Promise.all(
      [alone, together].map(async ({ id = '' }) => {
        const {
          doc = '',
          updatedAt,
          documentVersion = '',
          generation = '',
          number,
          ...rest
        } = await looker.hgetall(productKey(id));
        const { createdAt, ...fields } = JSON.parse(doc);
        expect([generation, String(createdAt)]).toEqual([documentVersion, updatedAt]);
        const scores = indexChanges(undefined, JSON.parse(doc)).map(({ key, add }) => looker.zmscore(key, ...add));
        const events = await looker.xrevrange(eventStream('products'), '+', '-', 'COUNT', 100);
        const event = events.map(([, values]) => values).find((values) => values.join().includes(id));
        const hidden = [id, documentVersion, String(updatedAt)];
        return hidden.reduce(
          (text, value) => text.replaceAll(value, '?'),
          JSON.stringify({
            rest,
            fields,
            scores: await Promise.all(scores),
            words: await indexedWordsOf(looker, id),
            types: event?.filter((_, i) => i < 2),
            data: event?.at(-1),
          }),
        );
      }),
    );
    expect(one).toContain('product.created');
    expect(other).toBe(one);
  } finally {
    await looker.quit();
  }
});

test('of a batch, a product whose id is taken is refused, leaves no entry in the indexes, and is refused again on repetition', async () => {
  const taken = given();
  await rules.create(taken, context());
  const company = `Company ${newId()}`;
  const free = given({ company });
  const first = context();
  for (const each of [first, repetitionOf(first)]) {
    const result = await batches.make([{ ...taken, company }, free], each);
    if (isRefusal(result)) throw new Error(result.detail);
    expect(result.value).toEqual([expect.objectContaining({ code: 'product-exists' }), free.id]);
  }
  const range = { key: sortKey('name', { of: 'company', text: company }), min: '-', max: '+' };
  expect((await reads.members(range, 10, false, context())).map(idOfMember)).toEqual([free.id]);
});

test('a batch under a key of another body makes nothing', async () => {
  const first = context();
  await batches.make([given()], first);
  const id = newId();
  const other = repetitionOf(first, { fingerprint: 'other' });
  expect(await batches.make([given({ id })], other)).toMatchObject({ code: 'idempotency-key-reused' });
  expect(await reads.read([id], context())).toEqual([undefined]);
});

test('the lists of a small category are one block of memory each, however long the names', async () => {
  const looker = await operator();
  try {
    const category = newId();
    const items = Array.from({ length: 100 }, (_, i) => given({ name: `${i} ${'名'.repeat(99)}`, category }));
    const made = await batches.make(items, context());
    if (isRefusal(made)) throw new Error(made.detail);
    for (const field of sortFields) {
      expect(await looker.object('ENCODING', sortKey(field, { of: 'category', text: category }))).toBe('listpack');
    }
  } finally {
    await looker.quit();
  }
});
