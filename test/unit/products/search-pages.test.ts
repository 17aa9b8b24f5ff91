/** The pages of a list: what is on each, and where the next one begins. */
import { describe, expect, test } from 'vitest';
import { deadlineIn } from '../../../api/core/clock.ts';
import { idOfMember, memberOf } from '../../../api/products/indexes.ts';
import type { StoredProduct } from '../../../api/products/record.ts';
import { listQuery } from '../../../api/products/schema.ts';
import { createSearch } from '../../../api/products/search.ts';
import { usualBounds } from '../../../api/products/search-budget.ts';
import type { IndexRange } from '../../../api/products/store-reads.ts';
import { lamp } from './support.ts';

/** A page ends early when it has cost too much, which a busy machine makes more likely. */
const unlimited = { ...usualBounds, cpuMs: Number.POSITIVE_INFINITY, tookMs: Number.POSITIVE_INFINITY };

/** Products with these names, which are also their ids. Deleted ones are still in the index. @returns also the ids of those that were read as a whole */
function searchOf(names: string, { deleted = '', soldOut = '' } = {}) {
  const docs = [...names].map((name) => ({ ...lamp, id: name, name }));
  const kept = docs.filter(({ id }) => !deleted.includes(id));
  const same = { updatedAt: 0, version: '1', generation: 'g', documentVersion: 'd' };
  const products = new Map<string, StoredProduct>(
    kept.map((doc) => [doc.id, { ...same, doc, stock: soldOut.includes(doc.id) ? 0 : 1 }]),
  );
  const members = docs.map((doc) => memberOf(doc, 'name'));
  const membersOf = ({ min }: IndexRange, count: number) =>
    members.filter((member) => min === '-' || member > min.slice(1)).slice(0, count);
  const loaded: string[] = [];
  const reads = {
    readRange: async (range: IndexRange, count: number) =>
      membersOf(range, count).map((member) => ({ member, product: products.get(idOfMember(member)) })),
    members: async (range: IndexRange, count: number) => membersOf(range, count),
    async inspect(ids: readonly string[]) {
      expect(ids).not.toEqual([]); // a question about no product would cost a round trip
      return { values: ids.map((id) => (products.get(id)?.stock ? id : undefined)), cpuMs: 0 };
    },
    async read(ids: readonly string[]) {
      loaded.push(...ids);
      return ids.map((id) => products.get(id));
    },
  };
  return { search: createSearch(reads as never, unlimited), loaded };
}

/** The names on each page of two. */
async function pagesOf({ search }: ReturnType<typeof searchOf>, given: Record<string, string>): Promise<string[]> {
  const { limit: _limit, cursor: _cursor, ...question } = listQuery.parse({ sort: 'name', ...given });
  const context = { consistency: 'bounded-staleness', deadline: deadlineIn(10_000) } as const;
  const pages: string[] = [];
  for (let after: string | null | undefined; after !== null; ) {
    const page = await search.page(question, 2, after, context);
    pages.push(page.products.map(({ doc }) => doc.name).join(''));
    after = page.last;
  }
  return pages;
}

const inStock = { inStock: 'true' };

describe.each([
  ['without a filter', {}],
  ['of what is in stock', inStock],
])('a list %s', (_which, given: Record<string, string>) => {
  test('has each product on one page, in order', async () => {
    expect(await pagesOf(searchOf('abcde'), given)).toEqual(['ab', 'cd', 'e']);
    expect(await pagesOf(searchOf('abcd'), given)).toEqual(['ab', 'cd']);
    expect(await pagesOf(searchOf(''), given)).toEqual(['']);
  });

  test('does not end at products that were deleted while it was read', async () => {
    expect(await pagesOf(searchOf('abcdef', { deleted: 'ac' }), given)).toEqual(['bd', 'ef']);
  });
});

test('products that are sold out are not read as a whole for a list of what is in stock', async () => {
  const products = searchOf('abcdef', { soldOut: 'bcd' });
  expect(await pagesOf(products, inStock)).toEqual(['ae', 'f']);
  expect([...new Set(products.loaded)].join('')).toBe('aef');
});
