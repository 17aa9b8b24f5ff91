/** Lists of products on a real Redis: whole, in order, neither repeating nor skipping, whatever bounds each page has. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../../api/core/ids.ts';
import { isRefusal } from '../../api/core/outcome.ts';
import type { Product } from '../../api/products/record.ts';
import { listQuery, type NewProduct } from '../../api/products/schema.ts';
import { createSearch } from '../../api/products/search.ts';
import { usualBounds } from '../../api/products/search-budget.ts';
import { createProductRules, type ProductRules } from '../../api/products/service.ts';
import { createProductWrites } from '../../api/products/store.ts';
import { createProductReads, type ProductReads } from '../../api/products/store-reads.ts';
import { createSearchReads, type SearchReads } from '../../api/products/store-search.ts';
import type { ShopRedis } from '../../api/redis/open.ts';
import { contextOf, userCaller } from '../support/context.ts';
import { openTestRedis } from '../support/redis.ts';

let redis: ShopRedis;
let reads: ProductReads & SearchReads;
let rules: ProductRules;
beforeAll(() => {
  redis = openTestRedis('products');
  reads = { ...createProductReads(redis), ...createSearchReads(redis) };
  rules = createProductRules(createProductWrites(redis), reads);
});
afterAll(() => redis.close());

const admin = userCaller('admin');
const context = () => contextOf(admin);

async function make(changes: Partial<NewProduct> = {}): Promise<Product> {
  const given = { id: newId(), name: 'A lamp', category: 'Lamps', price: { amount: 250, currency: 'USD' }, stock: 5 };
  const made = await rules.create({ ...given, ...changes }, context());
  if (isRefusal(made)) throw new Error(made.detail);
  return made.value;
}

describe('a list', () => {
  /** Walks a list to its end; `between` runs after every page. */
  async function walk(
    query: Record<string, string>,
    between: (page: number) => Promise<unknown> = async () => undefined,
    search = createSearch(reads),
  ) {
    const { limit, cursor, ...question } = listQuery.parse(query);
    const seen: Product[] = [];
    let after: string | undefined;
    for (let page = 1; page < 500; page++) {
      const { products, last } = await search.page(question, limit, after, context());
      expect(products.length).toBeLessThanOrEqual(limit);
      seen.push(...products);
      if (last === null) return seen;
      after = last;
      await between(page);
    }
    throw new Error('the list does not end');
  }

  const names = (products: Product[]) => products.map(({ doc }) => doc.name);
  const sorts = ['createdAt', '-createdAt', 'price', '-price', 'name', '-name'];

  async function many(category: string, count: number, changes: (i: number) => Partial<NewProduct> = () => ({})) {
    return Promise.all(
      Array.from({ length: count }, (_, i) =>
        make({
          category,
          name: `N${String((i * 7) % count).padStart(4, '0')}`,
          price: { amount: i % 5, currency: 'USD' },
          ...changes(i),
        }),
      ),
    );
  }

  test('comes in each order, whole, whatever the size of its pages', async () => {
    const category = newId();
    await many(category, 23);
    for (const sort of sorts) {
      const whole = await walk({ category, sort, limit: '100' });
      expect(whole).toHaveLength(23);
      for (const limit of ['1', '5', '22', '23']) {
        expect((await walk({ category, sort, limit })).map((p) => p.doc.id)).toEqual(whole.map((p) => p.doc.id));
      }
    }
    expect(names(await walk({ category, sort: 'name' }))).toEqual(
      names(await walk({ category, sort: '-name' })).reverse(),
    );
    const prices = (await walk({ category, sort: 'price' })).map((p) => p.doc.priceMinor);
    expect(prices).toEqual([...prices].sort((a, b) => a - b));
  });

  test('has no empty page after the last full one', async () => {
    const category = newId();
    await many(category, 10);
    let pages = 1;
    await walk({ category, limit: '5' }, async (page) => {
      pages = page + 1;
    });
    expect(pages).toBe(2);
  });

  test('neither repeats nor skips what was there all along while others write', async () => {
    const category = newId();
    const there = await many(category, 40);
    const [goes, stays] = [there.slice(0, 10), there.slice(10)];
    for (const sort of sorts) {
      for (const filter of [{}, { minPrice: '0' }, { inStock: 'true' }] as Record<string, string>[]) {
        const seen = await walk({ category, sort, limit: '7', ...filter }, async (page) => {
          const other = goes[page % 10]?.doc.id ?? '';
          await rules.update(other, { name: newId(), price: { amount: page, currency: 'USD' } }, context());
          await make({ category, name: `N00${page}`, price: { amount: page, currency: 'USD' } });
          await rules.update(stays[page]?.doc.id ?? '', { description: newId() }, context());
          await rules.restock(stays[page]?.doc.id ?? '', 1, context());
        });
        const ids = seen
          .map((product) => product.doc.id)
          .filter((id) => stays.some((product) => product.doc.id === id));
        expect(ids).toHaveLength(new Set(ids).size);
        expect(new Set(ids)).toEqual(new Set(stays.map((product) => product.doc.id)));
      }
    }
  }, 60_000); // 18 walks with four writes for each page

  test('finds by prefixes of all words in name, description and company', async () => {
    const word = `w${newId().replaceAll('-', '')}`;
    await make({ name: `Blue ${word}` });
    await make({ name: 'Blue chair', description: `see ${word.toUpperCase()}!` });
    await make({ name: 'Red chair', company: `${word} Ltd` });
    await make({ name: 'Blue chair', description: `x${word}` });
    expect(names(await walk({ q: word, sort: 'name' }))).toEqual(['Blue chair', `Blue ${word}`, 'Red chair']);
    expect(names(await walk({ q: `blu ${word.slice(0, -1)}`, sort: '-name', limit: '1' }))).toEqual([
      `Blue ${word}`,
      'Blue chair',
    ]);
    expect(await walk({ q: `blue chair red ${word}` })).toEqual([]);
  });

  test('forgets the words that a product no longer has', async () => {
    const [old, young] = [`o${newId().replaceAll('-', '')}`, `y${newId().replaceAll('-', '')}`];
    const { doc } = await make({ name: old });
    await rules.update(doc.id, { name: young }, context());
    expect(await walk({ q: old })).toEqual([]);
    expect(await walk({ q: young })).toHaveLength(1);
  });

  test('combines every filter, by whichever way it is found', async () => {
    const [category, company] = [newId(), newId()];
    await many(category, 30, (i) => ({
      stock: i % 3,
      ...(i % 2 ? { company } : {}),
      description: i % 2 ? 'odd' : 'even',
    }));
    const expected = (await walk({ category, limit: '100', sort: 'name' })).filter(
      ({ doc, stock }) => doc.company === company && stock > 0 && doc.priceMinor >= 1 && doc.priceMinor <= 3,
    );
    expect(expected.length).toBeGreaterThan(3);
    const filters = { category, company, inStock: 'true', minPrice: '1', maxPrice: '3', limit: '3' };
    for (const extra of [{ sort: 'name' }, { sort: 'name', q: 'odd' }] as Record<string, string>[]) {
      expect(names(await walk({ ...filters, ...extra }))).toEqual(names(expected));
    }
    const byPrice = await walk({ ...filters, sort: 'price' });
    expect(new Set(names(byPrice))).toEqual(new Set(names(expected)));
  });

  // Enough for all products of this file, and time enough to finish.
  const gathering = { walkFactor: 1e9, maxSorted: 10_000, maxGathered: 10_000, cpuMs: 1000 };
  describe.each([
    ['walking the order of the list', { walkFactor: 0 }],
    ['gathering the rarest word', { ...gathering }],
    ['checking words in the documents alone', { maxSpellings: 0, walkFactor: 0 }],
    ['gathering without looking up words', { ...gathering, maxSpellings: 0 }],
    ['with next to no work for a page', { sliceEntries: 4, maxProducts: 8, walkFactor: 0 }],
    ['with no time at all for a page', { cpuMs: 0, sliceMs: 0, walkFactor: 0 }],
    ['gathering an entry at a time', { ...gathering, sliceMs: 0 }],
  ])('%s', (_how, changes) => {
    test('finds the same in the same order', async () => {
      const category = newId();
      const company = newId();
      await many(category, 30, (i) => ({
        stock: i % 7 === 0 ? 1 : 0,
        description: i % 2 ? 'oddest odd thing' : 'even thing',
        ...(i % 3 ? { company } : {}),
      }));
      const all = await walk({ category, sort: 'name', limit: '100' });
      const bounded = createSearch(reads, { ...usualBounds, ...changes });
      const cases: [Record<string, string>, (product: Product) => boolean][] = [
        [{ q: 'n0' }, () => true],
        [{ q: 'n0', inStock: 'true' }, ({ stock }) => stock > 0],
        [{ q: 'odd thing' }, ({ doc }) => doc.description.startsWith('odd')],
        [{ q: 'odd even' }, () => false],
        [{ q: 'thing never' }, () => false],
        [{ minPrice: '1', maxPrice: '2' }, ({ doc }) => doc.priceMinor === 1 || doc.priceMinor === 2],
        [{ q: 'thi ev', minPrice: '3' }, ({ doc }) => doc.priceMinor >= 3 && doc.description.startsWith('even')],
        [{ company, q: 'odd' }, ({ doc }) => doc.company === company && doc.description.startsWith('odd')],
      ];
      for (const [filter, isMatch] of cases) {
        const wanted = names(all.filter(isMatch));
        for (const sort of ['-createdAt', 'price', '-name']) {
          const found = await walk({ category, sort, limit: '7', ...filter }, undefined, bounded);
          expect([filter, sort, names(found).sort()]).toEqual([filter, sort, wanted]);
          const field = sort.replace('-', '') === 'price' ? 'priceMinor' : sort.replace('-', '');
          const values = found.map(({ doc }) => doc[field as 'name' | 'priceMinor' | 'createdAt']);
          const ascending = [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
          expect(values).toEqual(sort.startsWith('-') ? ascending.reverse() : ascending);
        }
      }
    });
  });
});
