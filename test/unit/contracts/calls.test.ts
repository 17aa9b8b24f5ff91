/** Items between services, while an update replaces the release of 2026-11-20 (5eb7839): it calls the generation `incarnation`. */
import { expect, test } from 'vitest';
import { receivedItem, sentItem } from '../../../api/contracts/calls.ts';

const rest = { productId: 'mug', name: 'A mug', quantity: 2, unitPriceMinor: 899 };
const item = { ...rest, generation: 'first' };

test('an item of that release is read', () => {
  expect(receivedItem.parse({ ...rest, incarnation: 'first' })).toEqual(item);
});

test('an item is sent under both names, and read as it was', () => {
  expect(sentItem(item)).toEqual({ ...item, incarnation: 'first' });
  expect(receivedItem.parse(sentItem(item))).toEqual(item);
});

test.each([null, 'incarnation', { ...rest }])('%o is no item', (given) => {
  expect(receivedItem.safeParse(given).success).toBe(false);
});
