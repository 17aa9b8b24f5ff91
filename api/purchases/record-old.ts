/**
 * Purchases as the release of 2026-11-20 (5eb7839) stored them: named fields, and the history in a list of its own. They are read as they
 * are, and rewritten in the present format at their next step (lua/rewrite.lua).
 */
import { z } from 'zod';
import { jsonText } from '../core/json-text.ts';
import { failure, type StoredEvent, statuses, storedHistory } from './schema.ts';

const integer = z.string().regex(/^\d+$/).transform(Number);

const item = z
  .object({
    productId: z.string(),
    incarnation: z.string(),
    name: z.string(),
    quantity: z.int(),
    unitPriceMinor: z.int(),
  })
  .transform(({ incarnation: generation, ...rest }) => ({ ...rest, generation }));

const stored = z.object({
  id: z.string(),
  userId: z.string(),
  status: z.enum(statuses),
  requested: jsonText(z.array(z.object({ productId: z.string(), quantity: z.int() }))),
  items: jsonText(z.array(item)).default([]),
  totalMinor: integer.optional(),
  currency: z.string(),
  createdAt: integer,
  updatedAt: integer,
  completedAt: integer.optional(),
  failure: jsonText(failure).optional(),
  version: integer,
  releaseOwed: z.enum(['0', '1']).default('0'),
});

/** Whether a purchase's hash is in the old format: the present one has a field `history`. */
export function isOldRecord(hash: object): boolean {
  return !('history' in hash) && 'id' in hash;
}

/** Reads a hash in the old format as a `Purchase`. @throws ZodError when the hash is malformed */
export function purchaseOfOld(hash: object) {
  const { createdAt, updatedAt, completedAt, releaseOwed, totalMinor, ...same } = stored.parse(hash);
  return {
    ...same,
    totalMinor,
    createdAtMs: createdAt,
    updatedAtMs: updatedAt,
    completedAtMs: completedAt,
    failure: same.failure,
    releasePending: releaseOwed === '1',
  };
}

/** Reads the entries of the old list of events. @throws ZodError when one is malformed */
export function historyOfOld(list: readonly string[]): readonly StoredEvent[] {
  return storedHistory.parse(list.map((text): unknown => JSON.parse(text)));
}
