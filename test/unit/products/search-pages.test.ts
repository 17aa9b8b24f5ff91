/** The pages of a list: what is on each, and where the next one begins. */
import { expect, test } from 'vitest';
import { deadlineIn } from '../../../api/core/clock.ts';
import { idOfMember, memberOf } from '../../../api/products/indexes.ts';
import type { StoredProduct } from '../../../api/products/record.ts';
import { listQuery } from '../../../api/products/schema.ts';
import { createSearch } from '../../../api/products/search.ts';
import type { IndexRange } from '../../../api/products/store-reads.ts';
import { lamp } from './support.ts';

/** Products called a, b, c ... in this order, of which those in `deleted` are still in the index. */
function searchOf(names: readonly string[], deleted: readonly string[] = []) {
  const docs = names.map((name) => ({ ...lamp, id: name, name }));
  const products = new Map(
    docs
      .filter(({ id }) => !deleted.includes(id))
      .map((doc) => [
        doc.id,
        { doc, stock: 1, updatedAt: 0, version: '1', generation: 'g', documentVersion: 'd' } satisfies StoredProduct,
      ]),
  );
  const members = docs.map((doc) => memberOf(doc, 'name'));
  const within = ({ min, max }: IndexRange, count: number) => {
    expect(max).toBe('+');
    return members.filter((member) => min === '-' || member > min.slice(1)).slice(0, count);
  };
  const reads = {
    readRange: async (range: IndexRange, count: number) =>
      within(range, count).map((member) => ({ member, product: products.get(idOfMember(member)) })),
    members: async (range: IndexRange, count: number) => within(range, count),
    inspect: async (ids: readonly string[]) => ({ values: ids.map((id) => products.get(id)?.doc.name), cpuMs: 0 }),
    read: async (ids: readonly string[]) => ids.map((id) => products.get(id)),
    measure: async () => ({ prefixes: [], rangeEntries: [names.length, names.length], cpuMs: 0 }),
  };
  return createSearch(reads as never);
}

/** The names on each page of two. */
async function pagesOf(search: ReturnType<typeof searchOf>, given: Record<string, string> = {}): Promise<string[]> {
  const { limit: _limit, cursor: _cursor, ...question } = listQuery.parse({ sort: 'name', ...given });
  const pages: string[] = [];
  for (let after: string | undefined; ; ) {
    const context = { consistency: 'bounded-staleness', deadline: deadlineIn(10_000) } as const;
    const { products, last } = await search.page(question, 2, after, context);
    pages.push(products.map(({ doc }) => doc.name).join(''));
    if (last === null) return pages;
    after = last;
  }
}

const bothWays = [
  ['without a filter', {}],
  ['with one', { inStock: 'true' }],
] as [string, Record<string, string>][];

test.each(bothWays)('each product is on one page, in order: a list %s', async (_which, given) => {
  expect(await pagesOf(searchOf([...'abcde']), given)).toEqual(['ab', 'cd', 'e']);
  expect(await pagesOf(searchOf([...'abcd']), given)).toEqual(['ab', 'cd']);
  expect(await pagesOf(searchOf([]), given)).toEqual(['']);
});

test.each(bothWays)('products deleted while the list is read do not end it: a list %s', async (_which, given) => {
  expect(await pagesOf(searchOf([...'abcdef'], ['a', 'c']), given)).toEqual(['bd', 'ef']);
});
