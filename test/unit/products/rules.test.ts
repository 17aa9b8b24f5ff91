/** The pure rules of `products`: what a list looks for in the indexes, what a body may say. */
import { describe, expect, test } from 'vitest';
import { type Refusal, refuse } from '../../../api/core/outcome.ts';
import { refuseRepeated } from '../../../api/products/batch.ts';
import { wordsOf, wordsOfText } from '../../../api/products/indexes.ts';
import type { ProductDoc } from '../../../api/products/record.ts';
import { listQuery, type NewProduct, productSchemas, type Question } from '../../../api/products/schema.ts';
import { inOrder, matcherOf, planOf } from '../../../api/products/search-plan.ts';
import { changed, tagOf } from '../../../api/products/service.ts';
import { lamp } from './support.ts';

const question = (given: Record<string, string> = {}): Question => {
  const { limit, cursor, ...rest } = listQuery.parse(given);
  return rest;
};
const faultsOf = (given: Record<string, string>) =>
  listQuery.safeParse(given).error?.issues.map((issue) => issue.path.join('.') || issue.code);

describe('a list', () => {
  const product = (changes: Partial<ProductDoc>, stock = 1) => ({ doc: { ...lamp, ...changes }, stock });

  test('matches exactly by category and company, by prefixes of all words, by price inclusively, by stock', () => {
    const matches = (given: Record<string, string>, stock = 1) => matcherOf(question(given))(product({}, stock));
    expect(matches({})).toBe(true);
    expect(matches({ category: 'Lamps' })).toBe(true);
    expect(matches({ category: 'lamps' })).toBe(false);
    expect(matches({ company: 'Lumen' })).toBe(false);
    expect(matches({ q: 'LAM lum war' })).toBe(true);
    expect(matches({ q: 'lamp amp' })).toBe(false);
    expect(matches({ minPrice: '1999', maxPrice: '1999' })).toBe(true);
    expect(matches({ minPrice: '2000' })).toBe(false);
    expect(matches({ maxPrice: '1998' })).toBe(false);
    expect(matches({ inStock: 'true' }, 0)).toBe(false);
  });

  test('walks the narrowest index in its order, from the cursor on', () => {
    expect(planOf(question({ category: 'Lamps', company: 'X' }), undefined)).toMatchObject({
      walk: { key: '{products}:by:createdAt:company:X', min: '-', max: '+' },
      descending: true,
      isFiltered: true,
    });
    expect(planOf(question({ category: 'Lamps' }), 'm\0a')).toMatchObject({
      walk: { key: '{products}:by:createdAt:category:Lamps', min: '-', max: '(m\0a' },
      isFiltered: false,
    });
    expect(planOf(question({ sort: 'name' }), 'm\0a')).toMatchObject({ walk: { min: '(m\0a', max: '+' } });
  });

  test('sorted by price walks only the prices asked for', () => {
    const plan = planOf(question({ sort: 'price', minPrice: '5', maxPrice: '70' }), undefined);
    expect(plan.walk).toEqual({
      key: '{products}:by:price:all',
      min: '[0000000000000005',
      max: '(0000000000000070\x01',
    });
    expect(plan).toMatchObject({ isFiltered: false, prices: undefined });
  });

  test('stands in the order of the bytes, as Redis has it, whatever the characters', () => {
    const members = ['\u{1F600}', '\uFFFD', 'b', 'a b', 'a', 'ä'].map((name) => `${name}\0${name}`);
    const order = (sort: string, after?: string) =>
      inOrder(members, planOf(question({ sort }), after)).map((member) => member.split('\0')[0]);
    expect(order('name')).toEqual(['a', 'a b', 'b', 'ä', '\uFFFD', '\u{1F600}']);
    expect(order('-name', 'b\0b')).toEqual(['a b', 'a']);
  });

  test('finds words in a text as splitting it would', () => {
    const texts = [
      'don’t stop',
      'x😀lamp',
      '𝒜lamp',
      'ﬁne ＬＡＭＰ',
      'a-lamp',
      'lamplamp',
      'été',
      'e\u0301te',
      'ΟΔΟΣ οδος',
      '٣٤ 5W',
    ];
    const prefixes = ['lamp', 'stop', 't', 'fi', 'é', 'οδος', 'οδοσ', '٤', '5', 'w', 'alamp', 'a'];
    for (const description of texts) {
      for (const q of prefixes) {
        const split = wordsOf(product({ description }).doc).some((word) => word.startsWith(wordsOfText(q)[0] ?? ''));
        expect([description, q, matcherOf(question({ q }))(product({ description }))]).toEqual([description, q, split]);
      }
    }
  });

  test('refuses what it does not understand', () => {
    expect(faultsOf({ sort: 'stock' })).toEqual(['sort']);
    expect(faultsOf({ inStock: 'false' })).toEqual(['inStock']);
    for (const minPrice of ['', '-1', '1.5', '1e3', ' 1', '0x1', '9'.repeat(16)]) {
      expect(faultsOf({ minPrice })).toEqual(['minPrice']);
    }
    expect(faultsOf({ q: '!!' })).toEqual(['q']);
    expect(faultsOf({ q: 'a b c d e f g h i j k' })).toEqual(['q']);
    expect(faultsOf({ limit: '0' })).toEqual(['limit']);
    expect(faultsOf({ color: 'red' })).toEqual(['unrecognized_keys']);
  });
});

describe('a body', () => {
  const { create, update, restock } = productSchemas('USD');
  const good = { name: 'Lamp', category: 'Lamps', price: { amount: 1, currency: 'USD' }, stock: 0 };
  const faulty = (changes: Record<string, unknown>) =>
    create.safeParse({ ...good, ...changes }).error?.issues.map((issue) => issue.path.join('.'));

  test('of a product is held to its limits', () => {
    expect(create.safeParse(good).success).toBe(true);
    const cases: Record<string, unknown[]> = {
      id: ['', 'a b', 'a/b', '{x}', 'x'.repeat(65), 7, null],
      name: ['', ' ', 'a\nb', '\u200b', 'x'.repeat(201), null],
      description: ['\u0001', 'x'.repeat(5001), null],
      category: ['', 'x'.repeat(101), null],
      company: ['', 'x'.repeat(201)],
      manufacturedAt: ['2024-02-30T00:00:00Z', '2024-05-01', '2024-05-01T00:00Z', '2024-05-01T00:00:00+02:00', 'now'],
      stock: [-1, 1.5, 1_000_000_001, '1', null],
    };
    for (const [field, values] of Object.entries(cases)) {
      for (const value of values)
        expect([value, new Set(faulty({ [field]: value }))]).toEqual([value, new Set([field])]);
    }
    expect(faulty({ price: { amount: 0.5, currency: 'USD' } })).toEqual(['price.amount']);
    expect(faulty({ price: { amount: 10_000_000_001, currency: 'USD' } })).toEqual(['price.amount']);
    expect(faulty({ price: { amount: 5, currency: 'EUR' } })).toEqual(['price.currency']);
  });

  test('gives times back in UTC with milliseconds', () => {
    const parsed = create.parse({ ...good, manufacturedAt: '2024-05-01T10:00:00Z' });
    expect(parsed.manufacturedAt).toBe('2024-05-01T10:00:00.000Z');
  });

  test('of a change names at least one field, and neither id nor stock', () => {
    expect(update.safeParse({}).success).toBe(false);
    expect(update.safeParse({ stock: 5 }).success).toBe(false);
    expect(update.safeParse({ id: 'x' }).success).toBe(false);
    expect(update.safeParse({ company: null }).success).toBe(true);
  });

  test('of a restock is a whole number that is not zero', () => {
    for (const delta of [0, 0.5, 1_000_000_001, -1_000_000_001, '1', null]) {
      expect(restock.safeParse({ delta }).success).toBe(false);
    }
    expect(restock.safeParse({ delta: -3 }).success).toBe(true);
  });
});

test('a change touches the fields it names, and null takes away what can be missing', () => {
  expect(changed(lamp, { description: '', company: null })).toEqual({ ...lamp, description: '', company: null });
  expect(changed(lamp, { price: { amount: 5, currency: 'USD' } })).toEqual({ ...lamp, priceMinor: 5 });
});

test('of a batch’s valid products with one id the first is taken', () => {
  const bad: Refusal = refuse('validation-failed', 'x');
  const item = (id: string): NewProduct => ({
    id,
    name: 'x',
    category: 'x',
    price: { amount: 1, currency: 'USD' },
    stock: 1,
  });
  const result = refuseRepeated([bad, item('a'), item('b'), item('a')]);
  expect(result.slice(0, 3)).toEqual([bad, item('a'), item('b')]);
  expect(result[3]).toMatchObject({ kind: 'refused', code: 'product-exists' });
});

test('two products that lived under one id never have the same entity tag', () => {
  const product = { doc: lamp, stock: 1, updatedAt: 1, version: '1' };
  expect(tagOf({ ...product, generation: '0193-aaaaaaaaaaaa' })).not.toBe(
    tagOf({ ...product, generation: '0193-bbbbbbbbbbbb' }),
  );
});
