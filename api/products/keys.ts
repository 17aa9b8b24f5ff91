/**
 * The keys of `products` in Redis. When they end:
 * - products and their index entries live until the product is deleted (an emptied index vanishes by itself);
 * - reservations and tombstones end by {@link reservationKeptMs};
 * - idempotency records end after a day, events after ten minutes (see redis/prelude.lua).
 */

import { recordLifetimeMs } from '../core/request.ts';

/** By what a list can be sorted; a product has one entry for each. */
export const sortFields = ['createdAt', 'price', 'name'] as const;
/** One of {@link sortFields}. */
export type SortField = (typeof sortFields)[number];

/** Which products a sort index holds: all of them, or those of one category or company (text as the client sent it). */
export type Scope = { readonly of: 'all' } | { readonly of: 'category' | 'company'; readonly text: string };

/**
 * A product. Hash:
 * - `doc` (JSON of everything that only PATCH changes), `name` and `priceMinor` out of it for the reservation;
 * - `stock`, `updatedAt` (ms), `version` (counts every change: the entity tag);
 * - `number`, by which the word index knows it (a product of a release before 2026-11-23 gets one later);
 * - `generation` (made at creation: a product recreated under the same id has another), `documentVersion` (made at each change of `doc`);
 * - the ledger `initial`, `restocked`, `sold`, `returned`: initial + restocked - sold + returned = stock.
 *
 * The release of 2026-11-20 (5eb7839) named them `rev`, `incarnation` and `edition`. Its products keep these names until they are changed, so
 * that its replicas can sell them while an update replaces one replica after the other; every script reads both.
 */
export const productKey = (id: string) => `{products}:product:${id}`;

/** Held by the replica that adds up the stock ledger now; ends by itself soon after a slice of the walk. */
export const ledgerTurnKey = '{products}:ledger:turn';
/** How far an unfinished walk has come, as JSON (see ledger.ts); ends after a day. */
export const ledgerProgressKey = '{products}:ledger:progress';
/** What the last complete walk found, as JSON (see ledger.ts); ends after a day. */
export const ledgerResultKey = '{products}:ledger:result';

/** A sort index. Zset, every score 0, members `<sortable>\0<id>` in byte order (see indexes.ts). */
export function sortKey(field: SortField, scope: Scope): string {
  return `{products}:by:${field}:${scope.of}${scope.of === 'all' ? '' : `:${scope.text}`}`;
}

/*
 * The word index knows a product by a number of its own: a set of whole numbers takes 4 bytes for each (up to `set-max-intset-entries`, see
 * redis/redis.conf), one of ids ten times as much.
 */

/** What the keys of indexed words begin with; the word follows. Set of the numbers of the products that have it. */
export const wordStart = '{products}:word:';
/** Every word that a product has. Zset, every score 0. */
export const vocabularyKey = '{products}:vocabulary';
/** The number given last. A number is never given twice. */
export const lastNumberKey = '{products}:last-number';
/** What the keys of the ids begin with; the number divided by 64 follows. Hash: number → id. */
export const idsStart = '{products}:ids:';
/** The keys of the word index by their names in the scripts. */
export const wordKeys = {
  wordStart,
  vocabulary: vocabularyKey,
  lastNumber: lastNumberKey,
  idsStart,
};
/**
 * The word index of releases before 2026-11-23: zset, every score 0, members `<word>\0<id>`. Searches look into it as well, and older-words.ts moves
 * what is in it.
 */
export const olderWordsKey = '{products}:words';

/**
 * What was answered to a purchase that asked for stock, or the tombstone that its release left. Hash: `state`, and with it
 * `eventId`, `at` and `items` (`reserved`, `released`) or `items` (`sold-out`, `unknown-product`); `asked` counts repetitions.
 * `items` is JSON as in the reply of reserve.lua.
 */
export const reservationKey = (purchaseId: string) => `{products}:reservation:${purchaseId}`;

/**
 * How long a reservation's answer, and the tombstone after it, are kept since they were last asked for, in ms: 8 days. A purchase is
 * asked for again as long as its Idempotency-Key lives (24 h) and as long as `purchases` carries it forward (30 s, or the length of an
 * outage). A week's outage fits in between, so that no late reserve or second release finds the record gone: tombstones outlive every key.
 */
export const reservationKeptMs = 8 * 86_400_000;

/**
 * How long a refusal is kept, in ms: longer than the purchase's Idempotency-Key. Nothing was taken, so a purchase that asks again later
 * may get another answer: until then it was pending and nothing had been promised.
 */
export const refusalKeptMs = recordLifetimeMs + 3_600_000;
