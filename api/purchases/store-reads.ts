/** What is read of purchases, from replicas. What is decided by it is decided again in the scripts. */
import { z } from 'zod';
import type { Deadline } from '../core/clock.ts';
import type { Page } from '../core/page.ts';
import { pairsOf } from '../core/pairs.ts';
import type { Consistency } from '../core/request.ts';
import type { Reads } from '../redis/reads/reads.ts';
import {
  endingKey,
  listKey,
  oldHistoryKey,
  oldReleasePendingKey,
  purchaseKey,
  type Unfinished,
  unfinishedKey,
} from './keys.ts';
import { historyOf, type Purchase, purchaseOf } from './record.ts';
import { historyOfOld } from './record-old.ts';
import { type Status, type StoredEvent, statuses } from './schema.ts';

/** A purchase that is not finished, and since when (ms since 1970). */
type UnfinishedEntry = { readonly id: string; readonly sinceMs: number };

/** The reads; every one throws Unavailable when there is no answer before the deadline. */
export type PurchaseReads = {
  /** A purchase by id; `undefined` if there is none. */
  get(id: string, consistency: Consistency, deadline: Deadline): Promise<Purchase | undefined>;
  /** A purchase with its history, oldest first. */
  history(
    id: string,
    consistency: Consistency,
    deadline: Deadline,
  ): Promise<{ readonly purchase: Purchase; readonly events: readonly StoredEvent[] } | undefined>;
  /**
   * A page of a list, newest first. May hold fewer than `limit` although more follow.
   * @param after the id that the page begins after, `undefined` at the beginning
   * @returns a page; `last` is an id
   */
  list(
    of: { readonly whose: string; readonly status: Status | 'any' },
    page: { readonly after: string | undefined; readonly limit: number },
    consistency: Consistency,
    deadline: Deadline,
  ): Promise<Page<Purchase>>;
  /** Unfinished purchases, the oldest first, from the `offset`th on. May be a second old. */
  unfinished(what: Unfinished, offset: number, count: number, deadline: Deadline): Promise<UnfinishedEntry[]>;
  /** Ids of failed purchases that end before `beforeMs` (since 1970), the earliest first. May be a second old. */
  ending(beforeMs: number, count: number, deadline: Deadline): Promise<string[]>;
};

const texts = z.array(z.string());

/** Creates the reads. */
export function createPurchaseReads(reads: Reads): PurchaseReads {
  return {
    async get(id, consistency, deadline) {
      const [hash] = await reads.query(consistency, (p) => p.hgetall(purchaseKey(id)), deadline);
      return purchaseOf(id, hash);
    },

    async history(id, consistency, deadline) {
      const [hash, oldList] = await reads.query(
        consistency,
        (p) => p.hgetall(purchaseKey(id)).lrange(oldHistoryKey(id), 0, -1),
        deadline,
      );
      const old = texts.parse(oldList);
      const purchase = purchaseOf(id, hash);
      const events = old.length > 0 ? historyOfOld(old) : historyOf(id, hash);
      return purchase === undefined || events === undefined ? undefined : { purchase, events };
    },

    async list({ whose, status }, { after, limit }, consistency, deadline) {
      const from = after === undefined ? '+' : `(${after}`;
      const keys = (status === 'any' ? statuses : [status]).map((each) => listKey(whose, each));
      const lists = await reads.query(
        consistency,
        (p) => keys.reduce((q, key) => q.zrange(key, from, '-', 'BYLEX', 'REV', 'LIMIT', 0, limit + 1), p),
        deadline,
      );
      // A purchase only moves from a list to one that is read after it, so none is missed; one that moves just then is in both.
      const ids = [...new Set(lists.flatMap((list) => texts.parse(list)))].sort().reverse();
      const shown = ids.slice(0, limit);
      const hashes =
        shown.length === 0
          ? []
          : await reads.query(consistency, (p) => shown.reduce((q, id) => q.hgetall(purchaseKey(id)), p), deadline);
      const purchases = hashes
        .map((hash, i) => purchaseOf(shown[i] ?? '', hash))
        .filter((purchase) => purchase !== undefined)
        .filter((purchase) => status === 'any' || purchase.status === status); // it may have moved on in between
      return { items: purchases, last: ids.length > limit ? shown.at(-1) : undefined };
    },

    async unfinished(what, offset, count, deadline) {
      const keys = [unfinishedKey(what), ...(what === 'release-pending' ? [oldReleasePendingKey] : [])];
      const found = await reads.query(
        'bounded-staleness',
        (p) => keys.reduce((q, key) => q.zrange(key, offset, String(offset + count - 1), 'WITHSCORES'), p),
        deadline,
      );
      const pairs = found.flatMap((each) => pairsOf(texts.parse(each)));
      return pairs.map(([id, sinceMs]) => ({ id, sinceMs: Number(sinceMs) }));
    },

    async ending(beforeMs, count, deadline) {
      const [found] = await reads.query(
        'bounded-staleness',
        (p) => p.zrange(endingKey, '-inf', String(beforeMs), 'BYSCORE', 'LIMIT', 0, count),
        deadline,
      );
      return texts.parse(found);
    },
  };
}
