/** What the unit tests of `purchases` share. */
import { newId } from '../../../api/core/ids.ts';
import type { Purchase } from '../../../api/purchases/record.ts';

/** A purchase of two mugs that is still pending. */
export function purchaseWith(changes: Partial<Purchase> = {}): Purchase {
  return {
    id: newId(),
    userId: newId(),
    status: 'pending',
    requested: [{ productId: 'mug', quantity: 2 }],
    items: [],
    totalMinor: undefined,
    currency: 'USD',
    createdAtMs: 1000,
    updatedAtMs: 1000,
    completedAtMs: undefined,
    failure: undefined,
    version: 1,
    releasePending: false,
    ...changes,
  };
}
