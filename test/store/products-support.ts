/** What the store tests of `products` share. */
import { newId } from '../../api/core/ids.ts';
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
