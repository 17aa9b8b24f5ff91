/** A purchase as it is kept: the hash's fields, and what the rules know it as. */
import { z } from 'zod';
import { type ReservedItem, reservedItem } from '../contracts/calls.ts';
import { type Failure, failure, type Status, statuses, type Wanted } from './schema.ts';

/** A purchase in its present state. */
export type Purchase = {
  readonly id: string;
  readonly userId: string;
  readonly status: Status;
  /** What was asked for, summed for each product. */
  readonly requested: readonly Wanted[];
  /** What was taken from stock, with its prices; empty while, or if, nothing was. */
  readonly items: readonly ReservedItem[];
  readonly totalMinor: number | undefined;
  readonly currency: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** Stays when the purchase is cancelled afterwards: its first answer is that of then. */
  readonly completedAtMs: number | undefined;
  readonly failure: Failure | undefined;
  /** Counts the states that it has had: 1 while pending. */
  readonly version: number;
  /** Whether it is cancelled and `products` has not yet confirmed that the stock is back. */
  readonly releaseOwed: boolean;
};

/** What it takes to carry a purchase forward; never changes. */
export type Begun = Pick<Purchase, 'id' | 'userId' | 'requested' | 'currency'>;

const integer = z.string().regex(/^\d+$/).transform(Number);

function json<T>(schema: z.ZodType<T>) {
  return z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(schema);
}

const stored = z.object({
  id: z.string(),
  userId: z.string(),
  status: z.enum(statuses),
  requested: json(z.array(z.object({ productId: z.string(), quantity: z.int() }))),
  items: json(z.array(reservedItem)).default([]),
  totalMinor: integer.optional(),
  currency: z.string(),
  createdAt: integer,
  updatedAt: integer,
  completedAt: integer.optional(),
  failure: json(failure).optional(),
  version: integer,
  releaseOwed: z.enum(['0', '1']).default('0'),
});

/** Reads a hash. @returns `undefined` for an empty one, as Redis gives it for a key that is not there. @throws when it is not a purchase */
export function purchaseOf(hash: unknown): Purchase | undefined {
  if (typeof hash !== 'object' || hash === null || Object.keys(hash).length === 0) return undefined;
  const fields = stored.parse(hash);
  return {
    id: fields.id,
    userId: fields.userId,
    status: fields.status,
    requested: fields.requested,
    items: fields.items,
    totalMinor: fields.totalMinor,
    currency: fields.currency,
    createdAtMs: fields.createdAt,
    updatedAtMs: fields.updatedAt,
    completedAtMs: fields.completedAt,
    failure: fields.failure,
    version: fields.version,
    releaseOwed: fields.releaseOwed === '1',
  };
}

/** Reads a hash that a script returned as a list of names and values. */
export function purchaseOfList(flat: readonly string[]): Purchase | undefined {
  const hash: Record<string, string> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) hash[String(flat[i])] = String(flat[i + 1]);
  return purchaseOf(hash);
}
