/** Which way a search takes, by how many entries of the indexes it concerns. */
import { expect, test } from 'vitest';
import { listQuery } from '../../../api/products/schema.ts';
import { usualBounds } from '../../../api/products/search-budget.ts';
import { planOf } from '../../../api/products/search-plan.ts';
import { wayOf } from '../../../api/products/search-way.ts';

type Prefixes = [entries: number, ...spellings: string[]][];

const gather = (prefix: string) => ({ prefix });

test.each<[string, Record<string, string>, number[], Prefixes, number, object | undefined]>([
  ['the list is empty', { q: 'warm' }, [0], [[5, 'warm']], 21, undefined],
  ['a word is in no product', { q: 'warm light' }, [1000], [[5, 'warm'], [0]], 21, undefined],
  ['no product has such a price', { minPrice: '5', sort: 'name' }, [1000, 0], [], 21, undefined],
  [
    'a rare word: its products are gathered',
    { q: 'warm' },
    [10_000],
    [[50, 'warm']],
    21,
    { words: [['warm']], gather: { from: gather('warm'), words: [] } },
  ],
  [
    'the rarest of two words is gathered, the other looked up',
    { q: 'light warm' },
    [10_000],
    [
      [900, 'light'],
      [50, 'warm', 'warmth'],
    ],
    21,
    { words: [['warm', 'warmth'], ['light']], gather: { from: gather('warm'), words: [['light']] } },
  ],
  [
    'a word of most products: the list is walked, which fills the page soon',
    { q: 'light' },
    [10_000],
    [[9000, 'light']],
    21,
    { words: [['light']], gather: undefined },
  ],
  [
    'a word of more products than are put in order: the list is walked, although matches are rare',
    { q: 'light' },
    [1_000_000],
    [[usualBounds.maxSorted + 1, 'light']],
    101,
    { words: [['light']], gather: undefined },
  ],
  [
    'two words, each of too many entries to go through: the list is walked',
    { q: 'light warm' },
    [1_000_000],
    [
      [usualBounds.maxGathered + 1, 'light'],
      [usualBounds.maxGathered + 2, 'warm'],
    ],
    101,
    { words: [['light'], ['warm']], gather: undefined },
  ],
  [
    'a word with too many spellings to look up is checked in the documents',
    { q: 'l warm' },
    [10_000],
    [[900], [50, 'warm']],
    21,
    { words: [['warm']], gather: { from: gather('warm'), words: [] } },
  ],
  [
    'few products of such a price: they are gathered from the price index',
    { minPrice: '5', maxPrice: '6', sort: 'name' },
    [10_000, 20],
    [],
    21,
    { words: [], gather: { from: { range: expect.objectContaining({ key: '{products}:by:price:all' }) }, words: [] } },
  ],
])('%s', (_name, query, rangeEntries, prefixes, missing, expected) => {
  const plan = planOf(listQuery.parse(query), undefined);
  const found = prefixes.map(([entries, ...words]) => ({
    entries,
    spellings: words.length > 0 || entries === 0 ? words : undefined,
  }));
  expect(wayOf(plan, { prefixes: found, rangeEntries }, missing, usualBounds)).toEqual(expected);
});
