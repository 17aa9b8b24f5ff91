/** The word index that a release before 2026-11-23 left is searched as well, and moved into the present one. */
import { afterAll, expect, test } from 'vitest';
import { newId } from '../../api/core/ids.ts';
import { idsStart, olderWordsKey, productKey, vocabularyKey, wordStart } from '../../api/products/keys.ts';
import { moveOlderWords } from '../../api/products/older-words.ts';
import { listQuery } from '../../api/products/schema.ts';
import { createSearch } from '../../api/products/search.ts';
import { usualBounds } from '../../api/products/search-budget.ts';
import { createProductRules } from '../../api/products/service.ts';
import { createProductWrites } from '../../api/products/store.ts';
import { createProductReads } from '../../api/products/store-reads.ts';
import { createSearchReads } from '../../api/products/store-search.ts';
import { contextOf, userCaller } from '../support/context.ts';
import { openReachableRedis, operator } from '../support/redis.ts';
import { indexedWordsOf } from './products-support.ts';

const redis = await openReachableRedis('products');
const looker = await operator();
afterAll(() => {
  redis.close();
  looker.disconnect();
});

const reads = { ...createProductReads(redis), ...createSearchReads(redis) };
const rules = createProductRules(createProductWrites(redis), reads);
const byAdmin = () => contextOf(userCaller('admin'));
/** A word that no other test has. */
const ownWord = (word: string) => `${word}${newId().replaceAll('-', '')}`;

/** The names of the products that a search finds, whichever way it takes. */
async function found(q: string): Promise<string[]> {
  const { limit, cursor, ...question } = listQuery.parse({ q, sort: 'name' });
  const [gathered = [], walked] = await Promise.all(
    [1000, 0].map(async (walkFactor) => {
      const search = createSearch(reads, { ...usualBounds, walkFactor });
      const { products } = await search.page(question, limit, undefined, byAdmin());
      return products.map(({ doc }) => doc.name);
    }),
  );
  expect(walked).toEqual(gathered);
  return gathered;
}

async function make(name: string, description: string): Promise<string> {
  const price = { amount: 250, currency: 'USD' };
  const made = await rules.create({ id: newId(), name, description, category: 'Lamps', price, stock: 9 }, byAdmin());
  if (made.kind !== 'done') throw new Error(made.detail);
  return made.value.doc.id;
}

/** Makes a product one of the earlier release: without a number, and with its words in the older index. */
async function age(id: string): Promise<void> {
  const number = (await looker.hget(productKey(id), 'number')) ?? '';
  for (const word of await indexedWordsOf(looker, id)) {
    await looker.srem(`${wordStart}${word}`, number);
    if ((await looker.exists(`${wordStart}${word}`)) === 0) await looker.zrem(vocabularyKey, word);
    await looker.zadd(olderWordsKey, 0, `${word}\0${id}`);
  }
  await looker.hdel(`${idsStart}${Math.floor(Number(number) / 64)}`, number);
  await looker.hdel(productKey(id), 'number');
}

test('products of the earlier release are found, changed and deleted, before their words are moved and after', async () => {
  const [kept, changed, common] = [ownWord('kept'), ownWord('changed'), ownWord('common')];
  const first = await make('Old 1', `${kept} ${common}`);
  const second = await make('Old 2', `${changed} ${common}`);
  const third = await make('Old 3', common);
  for (const id of [first, second, third]) await age(id);
  await make('New', common);

  expect(await found(common)).toEqual(['New', 'Old 1', 'Old 2', 'Old 3']);
  expect(await found(`${common} ${kept}`)).toEqual(['Old 1']);
  expect(await found('kept')).toEqual(['Old 1']);
  await rules.remove(third, byAdmin());
  await rules.update(second, { description: `${common} other` }, byAdmin());
  expect(await found(changed)).toEqual([]);
  expect(await found(`other ${common}`)).toEqual(['Old 2']);

  expect(await moveOlderWords(redis)).toBeGreaterThan(0);
  expect(await looker.exists(olderWordsKey)).toBe(0);
  expect(await found(common)).toEqual(['New', 'Old 1', 'Old 2']);
  expect(await found(`${common} ${kept}`)).toEqual(['Old 1']);
  expect(await indexedWordsOf(looker, second)).toEqual(['2', common, 'old', 'other']);
  await rules.remove(first, byAdmin());
  expect(await found(common)).toEqual(['New', 'Old 2']);
  expect(await moveOlderWords(redis)).toBe(0);
});
