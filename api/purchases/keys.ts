/**
 * The keys of `purchases`, all under one hash tag. What a purchase is and its history stay for the books, so these keys and the lists
 * never end; the two indexes hold only what is not finished; the event stream is trimmed to a day and idempotency records live
 * 24 h (see prelude.lua).
 */
import type { Status } from './schema.ts';

/** Hash: the purchase itself (fields: record.ts). */
export function purchaseKey(id: string): string {
  return `{purchases}:purchase:${id}`;
}

/** List of JSON events, oldest first: what happened to the purchase. */
export function historyKey(id: string): string {
  return `{purchases}:purchase:${id}:history`;
}

/** Stream: what other services may read of us. */
export const eventsKey = '{purchases}:events';

/** What has to be carried forward: `pending` purchases, and cancelled ones whose stock is `owed` to `products`. */
export type Unfinished = 'pending' | 'owed';

/** Sorted set of ids by the time (ms since 1970) since when they have been unfinished. */
export function unfinishedKey(what: Unfinished): string {
  return `{purchases}:${what}`;
}

/** Sorted set of ids, all with score 0: a UUIDv7 sorts by time. @param whose a user's id, or `all` (which no id is) */
export function listKey(whose: string, status: Status | 'any'): string {
  return `{purchases}:list:${whose}:${status}`;
}

/** The lists that know a purchase by its status, for all and for its owner, in the order that the scripts expect. */
export function statusLists(userId: string, ...statuses: readonly (Status | 'any')[]): string[] {
  return ['all', userId].flatMap((whose) => statuses.map((status) => listKey(whose, status)));
}
