/** The catalogue on a real Redis: writes once under a key, index and product in one step. */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../../api/core/ids.ts';
import { isRefusal } from '../../api/core/outcome.ts';
import type { RequestContext } from '../../api/core/request.ts';
import type { Product } from '../../api/products/record.ts';
import type { NewProduct } from '../../api/products/schema.ts';
import { createProductRules, type ProductRules, tagOf } from '../../api/products/service.ts';
import { createProductWrites } from '../../api/products/store.ts';
import { createProductReads, type ProductReads } from '../../api/products/store-reads.ts';
import type { ShopRedis } from '../../api/redis/open.ts';
import { contextOf, repetitionOf, userCaller } from '../support/context.ts';
import { openTestRedis, operator } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';
import { given, indexedWordsOf } from './products-support.ts';

let redis: ShopRedis;
let master: Redis;
let reads: ProductReads;
let rules: ProductRules;
beforeAll(async () => {
  redis = openTestRedis('products');
  master = await operator();
  reads = createProductReads(redis);
  rules = createProductRules(createProductWrites(redis), reads);
});
afterAll(() => {
  redis.close();
  master.disconnect();
});

const admin = userCaller('admin');
const context = (changes: Partial<RequestContext> = {}) => contextOf(admin, changes);
/** The same request again, as another attempt of the client. */
const again = (before: RequestContext) => repetitionOf(context(before));

async function make(changes: Partial<NewProduct> = {}): Promise<Product> {
  const made = await rules.create(given(changes), context());
  if (isRefusal(made)) throw new Error(made.detail);
  return made.value;
}

/** All entries that any index has of a product. */
async function entriesOf(id: string): Promise<string[]> {
  const keys = await master.keys('{products}:by:*');
  const lists = await Promise.all(keys.map((key) => master.zrange(key, '-', '+', 'BYLEX')));
  return lists.flatMap((members, i) => members.filter((m) => m.endsWith(`\0${id}`)).map((m) => `${keys[i]} ${m}`));
}

describe('a write', () => {
  test('that makes a product answers the same when it is repeated, with the id made first', async () => {
    const first = context();
    const body = given({ id: undefined as never });
    const made = await rules.create(body, first);
    const repeated = await rules.create(body, again(first));
    expect(repeated).toEqual({ ...made, replayed: true });
    expect(made).toMatchObject({ replayed: false, value: { version: '1', stock: 5 } });
  });

  test('made at once many times under one key makes one product', async () => {
    const first = context();
    const body = given({ id: undefined as never });
    const made = await Promise.all(Array.from({ length: 20 }, () => rules.create(body, again(first))));
    expect(new Set(made.map((m) => (isRefusal(m) ? 'refused' : m.value.doc.id))).size).toBe(1);
    expect(made.filter((m) => !m.replayed)).toHaveLength(1);
  });

  test('under a key of another body is refused', async () => {
    const first = context();
    await rules.create(given(), first);
    const other = repetitionOf(first, { fingerprint: 'other' });
    expect(await rules.create(given(), other)).toMatchObject({ code: 'idempotency-key-reused' });
  });

  test('to an id that is taken is refused, also when it is repeated after the id is free', async () => {
    const { doc } = await make();
    const second = context();
    expect(await rules.create(given({ id: doc.id }), second)).toMatchObject({
      code: 'product-exists',
      replayed: false,
    });
    await rules.remove(doc.id, context());
    expect(await rules.create(given({ id: doc.id }), again(second))).toMatchObject({
      code: 'product-exists',
      replayed: true,
    });
    expect((await make({ id: doc.id })).doc.id).toBe(doc.id);
  });

  test('that changes a product moves its entries and keeps its stock', async () => {
    const { doc } = await make({ company: 'Old & Co', description: 'shiny' });
    const change = { name: 'Böx', company: null, category: 'Boxes', price: { amount: 9, currency: 'USD' } };
    const updated = await rules.update(doc.id, change, context());
    expect(updated).toMatchObject({
      value: { version: '2', stock: 5, doc: { name: 'Böx', priceMinor: 9, createdAt: doc.createdAt } },
    });
    expect(await reads.read([doc.id], context())).toMatchObject([(updated as { value: Product }).value]);
    expect(await master.hmget(`{products}:product:${doc.id}`, 'name', 'priceMinor')).toEqual(['Böx', '9']);
    expect((await entriesOf(doc.id)).sort()).toEqual(
      [
        ...['all', 'category:Boxes'].flatMap((scope) => [
          `{products}:by:createdAt:${scope} ${String(doc.createdAt).padStart(16, '0')}\0${doc.id}`,
          `{products}:by:price:${scope} 0000000000000009\0${doc.id}`,
          `{products}:by:name:${scope} böx\0${doc.id}`,
        ]),
      ].sort(),
    );
    expect(await indexedWordsOf(master, doc.id)).toEqual(['böx', 'shiny']);
  });

  test('that changes a product while others change it loses none of the changes', async () => {
    const { doc } = await make();
    await Promise.all([
      rules.update(doc.id, { name: 'New name' }, context()),
      rules.update(doc.id, { description: 'New text' }, context()),
      rules.update(doc.id, { category: 'New' }, context()),
      ...Array.from({ length: 10 }, () => rules.restock(doc.id, 1, context())),
    ]);
    const [found] = await reads.read([doc.id], context());
    expect(found).toMatchObject({
      doc: { name: 'New name', description: 'New text', category: 'New' },
      stock: 15,
      version: '14',
    });
    expect(await entriesOf(doc.id)).toHaveLength(2 * 3);
    expect(await indexedWordsOf(master, doc.id)).toEqual(['name', 'new', 'text']);
  });

  test('that deletes leaves nothing in any index', async () => {
    const { doc } = await make({ company: 'Gone Inc', description: 'vanishing words are here' });
    const number = Number(await master.hget(`{products}:product:${doc.id}`, 'number'));
    const first = context();
    expect(await rules.remove(doc.id, first)).toMatchObject({ kind: 'done', replayed: false });
    expect(await rules.remove(doc.id, again(first))).toMatchObject({ kind: 'done', replayed: true });
    expect(await rules.remove(doc.id, context())).toMatchObject({ code: 'not-found' });
    expect(await entriesOf(doc.id)).toEqual([]);
    expect(await master.exists(`{products}:product:${doc.id}`)).toBe(0);
    expect(await master.exists('{products}:by:name:company:Gone Inc', '{products}:word:vanishing')).toBe(0);
    expect(await master.zscore('{products}:vocabulary', 'vanishing')).toBe(null);
    expect(await master.hexists(`{products}:ids:${Math.floor(number / 64)}`, String(number))).toBe(0);
  });

  test('of a product with more words than a Lua stack holds is one step', async () => {
    const description = Array.from({ length: 2400 }, (_, i) => String.fromCodePoint(0x4e00 + i)).join(' ');
    const { doc } = await make({ description, company: 'Long texts' });
    expect(await entriesOf(doc.id)).toHaveLength(9);
    expect(await indexedWordsOf(master, doc.id)).toHaveLength(1000);
    await rules.remove(doc.id, context());
    expect(await entriesOf(doc.id)).toEqual([]);
  });
});

describe('a stored product', () => {
  test('of an older shape is read with what was left out, and one of a newer keeps its fields when it is changed', async () => {
    const { doc } = await make();
    const { description: _, company: __, manufacturedAt: ___, ...older } = doc;
    const key = `{products}:product:${doc.id}`;
    await master.hset(key, 'doc', JSON.stringify(older));
    await waitFor('the older shape on every node', async () => {
      const [found] = await reads.read([doc.id], context());
      return found?.doc.description === '' && found.doc.company === null && found.doc.manufacturedAt === null;
    });
    await master.hset(key, 'doc', JSON.stringify({ ...doc, colour: 'red' }));
    await rules.update(doc.id, { name: 'Newer' }, context());
    expect(JSON.parse((await master.hget(key, 'doc')) ?? '')).toMatchObject({ name: 'Newer', colour: 'red' });
  });

  test('without what every version wrote is a fault, not half a product', async () => {
    const { doc } = await make();
    const key = `{products}:product:${doc.id}`;
    await master.hset(key, 'doc', JSON.stringify({ ...doc, priceMinor: 'a lot' }));
    await waitFor('the fault', () =>
      reads.read([doc.id], context()).then(
        () => false,
        (error: Error) => error.name === 'ZodError',
      ),
    );
    await master.hset(key, 'doc', JSON.stringify(doc));
  });
});

describe('If-Match', () => {
  test('lets the version through that it names and no other', async () => {
    const made = await make();
    const { id } = made.doc;
    const old = tagOf(made);
    expect(await rules.update(id, { name: 'A' }, context({ ifMatch: ['x', old] }))).toMatchObject({ kind: 'done' });
    expect(await rules.update(id, { name: 'B' }, context({ ifMatch: [old] }))).toMatchObject({
      code: 'precondition-failed',
    });
    expect(await rules.restock(id, 1, context({ ifMatch: [old] }))).toMatchObject({ code: 'precondition-failed' });
    expect(await rules.remove(id, context({ ifMatch: [old] }))).toMatchObject({ code: 'precondition-failed' });
    expect(await reads.read([id], context())).toMatchObject([{ doc: { name: 'A' }, stock: 5, version: '2' }]);
    expect(await rules.update(id, { name: 'C' }, context({ ifMatch: '*' }))).toMatchObject({ kind: 'done' });
    expect(await reads.read([id], context())).toMatchObject([{ doc: { name: 'C' }, stock: 5, version: '3' }]);
  });

  test('lets a restock and a deletion through whose version it names', async () => {
    const made = await make();
    const { id } = made.doc;
    const restocked = await rules.restock(id, 2, context({ ifMatch: [tagOf(made)] }));
    expect(restocked).toMatchObject({ kind: 'done', value: { stock: 7, version: '2' } });
    const present = tagOf({ ...made, version: '2' });
    expect(await rules.remove(id, context({ ifMatch: [present] }))).toMatchObject({ kind: 'done' });
  });

  test('of the first time does not stand in the way of a repetition', async () => {
    const made = await make();
    const change = context({ ifMatch: [tagOf(made)] });
    const updated = await rules.update(made.doc.id, { name: 'A' }, change);
    await rules.restock(made.doc.id, 1, context());
    const repeated = await rules.update(made.doc.id, { name: 'A' }, { ...again(change), ifMatch: change.ifMatch });
    expect(repeated).toEqual({ ...updated, replayed: true });
  });

  test('lets one of many through that saw the same version', async () => {
    const made = await make();
    const ifMatch = [tagOf(made)];
    const all = await Promise.all(
      Array.from({ length: 10 }, (_, i) => rules.update(made.doc.id, { name: `N${i}` }, context({ ifMatch }))),
    );
    expect(all.filter((one) => one.kind === 'done')).toHaveLength(1);
    expect(all.filter((one) => isRefusal(one) && one.code === 'precondition-failed')).toHaveLength(9);
  });
});

describe('a restock', () => {
  test('counts once under its key and never goes below zero', async () => {
    const { doc } = await make();
    const first = context();
    const done = await rules.restock(doc.id, -3, first);
    expect(done).toMatchObject({ value: { stock: 2, version: '2' } });
    expect(await rules.restock(doc.id, -3, again(first))).toEqual({ ...done, replayed: true });
    const short = context();
    const refused = { code: 'insufficient-stock', extra: { available: 2 } };
    expect(await rules.restock(doc.id, -3, short)).toMatchObject(refused);
    await rules.restock(doc.id, 10, context());
    expect(await rules.restock(doc.id, -3, again(short))).toMatchObject({ ...refused, replayed: true });
    expect(await master.hmget(`{products}:product:${doc.id}`, 'stock', 'restocked')).toEqual(['12', '7']);
  });

  test('never goes above the most, but may go down from there', async () => {
    const { doc } = await make({ stock: 1_000_000_000 });
    expect(await rules.restock(doc.id, 1, context())).toMatchObject({ code: 'validation-failed' });
    expect(await rules.restock(doc.id, -1_000_000_000, context())).toMatchObject({ value: { stock: 0 } });
    expect(await rules.restock(newId(), 1, context())).toMatchObject({ code: 'not-found' });
  });
});
