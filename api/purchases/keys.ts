/**
 * The keys of `purchases`, all under one hash tag. Completed and cancelled purchases and their places in the lists never end. A failed
 * purchase ends after {@link failedKeptMs} with everything that names it. The indexes of unfinished purchases are emptied by finishing
 * them, the event stream is trimmed to ten minutes, and idempotency records end by themselves.
 */
import { recordLifetimeMs } from '../core/request.ts';
import type { Status } from './schema.ts';

/**
 * How long a failed purchase is kept, in ms: longer than the idempotency record that names it, which begins earlier and ends earlier, with
 * an hour between them in case a failover changes the clock.
 */
export const failedKeptMs = recordLifetimeMs + 3_600_000;

/** Hash: the purchase itself with its history (fields: record.ts). */
export function purchaseKey(id: string): string {
  return `{purchases}:purchase:${id}`;
}

/** Sorted set: the ids of failed purchases by the time (ms since 1970) at which they end. */
export const endingKey = '{purchases}:ending';

/** What has to be carried forward: `pending` purchases, and cancelled ones whose stock `products` has to release. */
export type Unfinished = 'pending' | 'release-pending';

/** Sorted set of ids by the time (ms since 1970) since when they have been unfinished. */
export function unfinishedKey(what: Unfinished): string {
  return `{purchases}:${what}`;
}

/** What 5eb7839 called the index of what is `release-pending`; read until it is empty. */
export const oldReleasePendingKey = '{purchases}:owed';

/** The list in which 5eb7839 stored a purchase's history, as JSON events (see lua/rewrite.lua). */
export function oldHistoryKey(id: string): string {
  return `${purchaseKey(id)}:history`;
}

/** The lists of 5eb7839 that hold a purchase whatever its status (see lua/rewrite.lua). */
export function oldLists(userId: string): string[] {
  return ['all', userId].map((whose) => `{purchases}:list:${whose}:any`);
}

/**
 * Sorted set of ids, all with score 0: a UUIDv7 sorts by time. A purchase is in the list of its status alone; a list of all statuses is
 * merged from these.
 * @param whose a user's id, or `all` (which no id is)
 */
export function listKey(whose: string, status: Status): string {
  return `{purchases}:list:${whose}:${status}`;
}
