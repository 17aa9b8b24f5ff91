/** Work in slices of a bounded size. */
import { expect, test } from 'vitest';
import { slicesOf } from '../../../api/core/slices.ts';

const bounds = { count: 128, weight: 6000 };

test('slices have a bounded size, and together all items in order', () => {
  const slices = (weights: number[]) => [...slicesOf(weights, (weight) => weight, bounds)];
  const shape = (weights: number[]) => slices(weights).map((slice) => slice.length);
  expect(shape([])).toEqual([]);
  expect(shape(Array(300).fill(10))).toEqual([128, 128, 44]);
  expect(shape([900, 900, 900, 900, 900, 900, 900, 1])).toEqual([6, 2]);
  expect(shape([1, 9000, 1])).toEqual([1, 1, 1]);
  expect(slices([5000, 1, 2, 3000, 4]).flat()).toEqual([5000, 1, 2, 3000, 4]);
});

test('a slice is made of what was asked for so far', () => {
  let asked = 0;
  function* items() {
    for (; asked < 1000; asked++) yield asked;
  }
  const [first] = slicesOf(items(), () => 1, bounds);
  expect(first?.length).toBe(bounds.count);
  expect(asked).toBeLessThanOrEqual(bounds.count);
});
