/** What the store tests of `products` share. */
import type { Redis } from 'ioredis';
import { newId } from '../../api/core/ids.ts';
import { idsStart, productKey, vocabularyKey, wordStart } from '../../api/products/keys.ts';
import type { NewProduct } from '../../api/products/schema.ts';

/** A product that is not stored yet. */
export const given = (changes: Partial<NewProduct> = {}): NewProduct => ({
  id: newId(),
  name: 'A lamp',
  category: 'Lamps',
  price: { amount: 250, currency: 'USD' },
  stock: 5,
  ...changes,
});

/**
 * The words that the word index has of a product, in their order.
 * @param master a connection of the operator
 * @throws when its number does not lead back to it
 */
export async function indexedWordsOf(master: Redis, id: string): Promise<string[]> {
  const number = (await master.hget(productKey(id), 'number')) ?? '';
  const found = await master.hget(`${idsStart}${Math.floor(Number(number) / 64)}`, number);
  if (found !== id) throw new Error(`number ${number} leads to ${found}`);
  const words = await master.zrange(vocabularyKey, '-', '+', 'BYLEX');
  const has = await Promise.all(words.map((word) => master.sismember(`${wordStart}${word}`, number)));
  return words.filter((_, i) => has[i] === 1);
}
