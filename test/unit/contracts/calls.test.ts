/** Items between services, while an update replaces the release of 2026-11-20 (5eb7839): it calls the generation `incarnation`. */
import { expect, test } from 'vitest';
import { receivedItem, receivedItemToRelease, sentItem, sentItemToRelease } from '../../../api/contracts/calls.ts';

const rest = { productId: 'mug', name: 'A mug', quantity: 2, unitPriceMinor: 899 };
const item = { ...rest, generation: 'first' };

test('an item of that release is read', () => {
  expect(receivedItem.parse({ ...rest, incarnation: 'first' })).toEqual(item);
});

test('an item is sent under both names, and read as it was', () => {
  expect(sentItem(item)).toEqual({ ...item, incarnation: 'first' });
  expect(receivedItem.parse(sentItem(item))).toEqual(item);
});

test('an item of a release is accepted by the releases before, which need a name and a price; theirs are accepted, too', () => {
  expect(receivedItem.parse(sentItemToRelease(item))).toEqual({ ...item, name: '', unitPriceMinor: 0 });
  const { name, unitPriceMinor, ...toRelease } = item;
  expect(receivedItemToRelease.parse(sentItemToRelease(item))).toEqual(toRelease);
  expect(receivedItemToRelease.parse(sentItem(item))).toEqual(toRelease);
  expect(receivedItemToRelease.parse({ ...rest, incarnation: 'first' })).toEqual(toRelease);
});

test.each([null, 'incarnation', { ...rest }])('%o is no item', (given) => {
  expect(receivedItem.safeParse(given).success).toBe(false);
});
