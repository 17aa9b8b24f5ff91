/** Searches of thousands of products, on a Redis of its own: a page costs a bounded amount of work, whatever is asked for. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sortableNumber } from '../../api/products/indexes.ts';
import { sortKey, wordStart } from '../../api/products/keys.ts';
import { listQuery } from '../../api/products/schema.ts';
import { createSearch, type Search } from '../../api/products/search.ts';
import { usualBounds } from '../../api/products/search-budget.ts';
import { createProductReads } from '../../api/products/store-reads.ts';
import { createSearchReads, type Gathering, type Scan } from '../../api/products/store-search.ts';
import { contextOf, userCaller } from '../support/context.ts';
import { type OwnRedis, startOwnRedis } from '../support/own-redis.ts';
import { seedProducts } from '../support/seed-products.ts';

const count = 4000;
let own: OwnRedis;
let search: Search;
beforeAll(async () => {
  own = await startOwnRedis('products');
  // Even and odd products alternate; 1 in 400 has a word of its own, and the letters a to z begin words of all of them.
  const letters = Array.from({ length: 26 }, (_, i) => String.fromCodePoint(97 + i));
  await seedProducts(own.master, count, (n) => ({
    name: n % 2 === 0 ? 'Even evening' : 'Odd oddity',
    description: `${letters.map((letter) => `${letter}${n % 97}`).join(' ')} ${n % 400 === 3 ? 'rare' : 'usual'}`,
    priceMinor: n,
    stock: 0,
  }));
  search = createSearch({ ...createProductReads(own.redis), ...createSearchReads(own.redis) });
}, 60_000);
afterAll(() => own?.close());

const context = (signal?: AbortSignal) => ({ ...contextOf(userCaller()), ...(signal && { signal }) });
const page = (query: Record<string, string>, signal?: AbortSignal) => {
  const { limit, cursor, ...question } = listQuery.parse(query);
  return search.page(question, limit, undefined, context(signal));
};

describe('a page costs a bounded amount of work', () => {
  test.each([
    ['of two common words that never meet', { q: 'even odd' }],
    ['of ten words that begin like thousands of others', { q: 'a b c d e f g h i j' }],
    ['of a common word and many that begin alike', { q: 'even o' }],
    ['of what is not in stock', { inStock: 'true' }],
    ['of common words in a price range that holds none of them', { q: 'even odd', minPrice: '1', sort: 'name' }],
    ['of a word in a large category that is not in stock', { q: 'usual', category: 'Seeded', inStock: 'true' }],
  ])('%s', async (_what, query) => {
    await page(query); // the first time compiles
    const before = process.cpuUsage();
    const { work } = await page(query);
    const { user, system } = process.cpuUsage(before);
    expect(work.entries).toBeLessThan(usualBounds.maxEntries + usualBounds.sliceEntries);
    expect(work.products).toBeLessThan(usualBounds.maxProducts + usualBounds.sliceEntries);
    // This process alone used to need 130 ms for the first of these.
    expect((user + system) / 1000).toBeLessThan(40);
  });
});

test('a walk in short pages comes to the end, and past each product once', async () => {
  const walking = createSearch(
    { ...createProductReads(own.redis), ...createSearchReads(own.redis) },
    { ...usualBounds, walkFactor: 0, maxEntries: 1500 },
  );
  const { limit, cursor, ...question } = listQuery.parse({ q: 'even odd' });
  let pages = 0;
  for (let after: string | undefined; ; pages++) {
    const { products, last } = await walking.page(question, limit, after, context());
    expect(products).toEqual([]);
    if (last === null) break;
    if (after !== undefined) expect(last < after).toBe(true); // newest first
    after = last;
  }
  expect(pages).toBeGreaterThan(1);
  expect(pages).toBeLessThan(count / 100);
});

test('a rare word among common ones is found on the first page, whole', async () => {
  const found = await page({ q: 'odd rare usu', sort: 'price' });
  expect(found).toMatchObject({ products: [], last: null });
  const rare = await page({ q: 'odd rare', sort: 'price' });
  expect(rare.last).toBe(null);
  expect(rare.products.map(({ doc }) => doc.priceMinor)).toEqual([
    3, 403, 803, 1203, 1603, 2003, 2403, 2803, 3203, 3603,
  ]);
});

test('a search whose client has gone ends after a slice of each way of looking', async () => {
  const gone = await page({ q: 'even odd' }, AbortSignal.abort());
  expect(gone.work.entries).toBeGreaterThan(0);
  expect(gone.work.entries).toBeLessThanOrEqual(2 * usualBounds.sliceEntries);
});

describe('a piece of an index', () => {
  const reads = () => createSearchReads(own.redis);
  /** The products 10 to 15, by price. */
  const range = {
    key: sortKey('price', { of: 'all' }),
    min: `[${sortableNumber(10)}`,
    max: `(${sortableNumber(16)}`,
  };
  const scan = (changes: Partial<Scan>) =>
    reads().scan(
      {
        range,
        descending: false,
        scope: undefined,
        words: [],
        maxEntries: 1000,
        maxMatches: 1000,
        cpuMs: 1000,
        ...changes,
      },
      context(),
    );
  const prices = (members: readonly string[]) => members.map((member) => Number(member.split('\0')[0]));

  test.each<[string, Partial<Scan>, { matches: number[]; entries: number; isEnd: boolean }]>([
    ['reaches the end of its range', {}, { matches: [10, 11, 12, 13, 14, 15], entries: 6, isEnd: true }],
    ['goes backwards', { descending: true }, { matches: [15, 14, 13, 12, 11, 10], entries: 6, isEnd: true }],
    ['stops at enough matches', { maxMatches: 2 }, { matches: [10, 11], entries: 2, isEnd: false }],
    [
      'with as many matches as wanted, knows that nothing follows',
      { maxMatches: 6 },
      { matches: [10, 11, 12, 13, 14, 15], entries: 6, isEnd: true },
    ],
    ['stops at enough entries', { maxEntries: 5 }, { matches: [10, 11, 12, 13, 14], entries: 5, isEnd: false }],
    ['has only products with the words', { words: [['odd']] }, { matches: [11, 13, 15], entries: 6, isEnd: true }],
    [
      'with words stops at enough matches',
      { words: [['odd']], maxMatches: 1 },
      { matches: [11], entries: 2, isEnd: false },
    ],
  ])('%s', async (_name, changes, { matches, entries, isEnd }) => {
    const piece = await scan(changes);
    expect(prices(piece.matches)).toEqual(matches);
    expect(piece.entries).toBe(entries);
    if (isEnd) expect(piece.last).toBeUndefined();
    else expect(prices([piece.last ?? ''])).toEqual(matches.slice(-1));
  });

  test('of the words with a prefix knows none, some, or that there are more than asked for', async () => {
    const { prefixes, rangeEntries } = await reads().measure(['nothing', 'odd', 'a'], 3, [range], context());
    expect(prefixes).toEqual([
      { entries: 0, spellings: [] },
      { entries: count, spellings: ['odd', 'oddity'] },
      { entries: expect.closeTo(count, -3), spellings: undefined }, // an estimate
    ]);
    expect(rangeEntries).toEqual([6]);
  });
});

describe('products gathered from the words with a prefix', () => {
  const reads = () => createSearchReads(own.redis);
  const gathering = { prefix: 'rare', words: [], after: undefined, maxEntries: 1000, maxOfWord: 1000, cpuMs: 1000 };

  test('come in pieces, each once, also where a word was once in so many products that its set is in no order', async () => {
    const whole = await reads().gatherWords(gathering, context());
    expect(whole).toMatchObject({ last: undefined, isMany: false });
    expect(new Set(whole.ids).size).toBe(count / 400);
    // Redis makes a set of numbers an unordered one when something else is added, and leaves it so.
    await own.master.sadd(`${wordStart}rare`, 'something else');
    await own.master.srem(`${wordStart}rare`, 'something else');
    const ids: string[] = [];
    let after: Gathering['after'];
    do {
      const piece = await reads().gatherWords({ ...gathering, after, maxEntries: 3 }, context());
      expect(piece.entries).toBeLessThanOrEqual(3);
      ids.push(...piece.ids);
      after = piece.last;
    } while (after !== undefined);
    expect(ids).toEqual(whole.ids);
  });

  test('have all wanted words', async () => {
    const { ids: even } = await reads().gatherWords({ ...gathering, words: [['even', 'evening']] }, context());
    const { ids: odd } = await reads().gatherWords({ ...gathering, words: [['odd']] }, context());
    expect([even.length, odd.length]).toEqual([0, count / 400]); // each product with the rare word is odd
  });

  test('are not gathered where a word has more of them than may be', async () => {
    const found = await reads().gatherWords({ ...gathering, prefix: 'usual' }, context());
    expect(found).toMatchObject({ isMany: true, ids: [] });
  });
});
