/** Money in minor units of the shop's one currency. Integers only, far below 2^53 even for the largest purchase. */
import { z } from 'zod';

/** The dearest unit price. 100 items of 1000 at this price are 10^15 minor units, below 2^53. */
const maxPriceMinor = 10_000_000_000;

/** The schema of an amount that a client sends; another currency than the shop's is a fault. */
export function moneyIn(currency: string) {
  return z.strictObject({
    amount: z.int().min(0).max(maxPriceMinor),
    currency: z.literal(currency, { error: `must be ${currency}, the shop's currency` }),
  });
}

/** The schema of an amount that the shop sends. */
export const moneyOut = z.object({ amount: z.int(), currency: z.string() }).meta({
  id: 'Money',
  description: 'An amount in minor units (cents, pence), with its currency (ISO 4217).',
  examples: [{ amount: 10999, currency: 'USD' }],
});

/** An amount in minor units, with its currency (ISO 4217). */
export type Money = z.infer<typeof moneyOut>;
