/** A stored product as it is read: what every release wrote must be there, what a later one adds has a default. */
import { expect, test } from 'vitest';
import { type ProductDoc, productOf } from '../../../api/products/record.ts';
import { lamp } from './support.ts';

const read = (doc: unknown) => productOf([JSON.stringify(doc), '5', '1000', '2', 'first']).doc;

test('is read as it was stored, with what a newer release added', () => {
  const newer = { ...lamp, colour: 'red' };
  expect(read(newer)).toEqual(newer);
});

test('of an older release has defaults', () => {
  const { description, company, manufacturedAt, ...older } = lamp;
  expect(read(older)).toEqual({ ...older, description: '', company: null, manufacturedAt: null });
});

test.each(Object.keys(lamp) as (keyof ProductDoc)[])('with a %s of another type is refused', (field) => {
  expect(() => read({ ...lamp, [field]: [] })).toThrow(/expected/);
});

test.each([null, 'a lamp', 7])('%o is no product', (doc) => {
  expect(() => read(doc)).toThrow(/"expected": "object"/);
});
