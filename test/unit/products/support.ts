/** The product that the unit tests of `products` look at. */
import type { ProductDoc } from '../../../api/products/record.ts';

export const lamp: ProductDoc = {
  id: 'lamp-1',
  name: 'Desk Lamp',
  description: 'Warm light, 5 W',
  category: 'Lamps',
  company: 'Lumen & Co',
  manufacturedAt: null,
  priceMinor: 1999,
  currency: 'USD',
  createdAt: 1_700_000_000_000,
};
