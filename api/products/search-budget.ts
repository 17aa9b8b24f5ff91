/** How much work one page of a list may cost, so that no client can keep a replica or a Redis node busy with searches. */
import { endOfTurn } from '../core/clock.ts';

/** What one page may cost. */
export type SearchBounds = {
  /** CPU time for one page in ms, in Redis and in this process together; on a busy machine what is waited for it counts, too. */
  readonly cpuMs: number;
  /** How long a search may take in ms while Redis is slow: much shorter than Nginx waits, which would repeat it on another replica. */
  readonly tookMs: number;
  /** CPU time in ms after which a Redis node, or this process's event loop, serves other requests. */
  readonly sliceMs: number;
  /** The most entries of an index that are looked at in one slice. */
  readonly sliceEntries: number;
  /** The most entries of indexes that are looked at for one page, and the most products whose stored fields are. */
  readonly maxEntries: number;
  readonly maxProducts: number;
  /** The most spellings of a wanted word that are looked up in the index; one with more is checked in the documents. */
  readonly maxSpellings: number;
  /** The most index entries that are read completely, in place of the list's order. */
  readonly maxGathered: number;
  /** The most products that are put in order here. */
  readonly maxSorted: number;
  /** By what the estimated cost of walking the list's order is multiplied before it is compared with gathering: tests force a way. */
  readonly walkFactor: number;
};

/** About 10 ms for a page, in slices of about 2 ms. */
export const usualBounds: SearchBounds = {
  cpuMs: 10,
  tookMs: 1000,
  sliceMs: 2,
  sliceEntries: 1000,
  maxEntries: 8000,
  maxProducts: 2000,
  maxSpellings: 16,
  maxGathered: 4000,
  maxSorted: 1000,
  walkFactor: 1,
};

/** Spent work of one page; see {@link createBudget}. */
export type SearchBudget = {
  /** Counts what Redis did: the time that it reports, and entries of indexes that it looked at. */
  spend(redisMs: number, entries?: number): void;
  /** Counts products of which price and stock were asked for. */
  countInspected(count: number): void;
  /** Counts products that were asked for as a whole. */
  countLoaded(count: number): void;
  /** Runs synchronous work of this process, counted, and gives other requests a turn when the slice is used up. */
  measure<T>(work: () => T): Promise<T>;
  isSpent(): boolean;
  /** What was spent so far. */
  work(): SearchWork;
};

/** The work of a page: time in ms in Redis and in this process, entries of indexes and products that were looked at. */
export type SearchWork = { readonly ms: number; readonly entries: number; readonly products: number };

/** Encoding, sending and decoding what is asked of Redis for one product, in ms of this process (measured). */
const msPerProduct = { inspected: 0.0015, loaded: 0.04 };

/** Creates the budget of one page. */
export function createBudget({ cpuMs, tookMs, sliceMs, maxEntries, maxProducts }: SearchBounds): SearchBudget {
  const endsAtMs = performance.now() + tookMs;
  let ms = 0;
  let entries = 0;
  let products = 0;
  let slice = 0;
  return {
    spend(redisMs, entriesLookedAt = 0) {
      ms += redisMs;
      entries += entriesLookedAt;
    },
    countInspected(count) {
      products += count;
      ms += count * msPerProduct.inspected;
    },
    countLoaded(count) {
      products += count;
      ms += count * msPerProduct.loaded;
    },
    async measure(work) {
      const startedMs = performance.now();
      const result = work();
      const tookMs = performance.now() - startedMs;
      ms += tookMs;
      slice += tookMs;
      if (slice >= sliceMs) {
        slice = 0;
        await endOfTurn();
      }
      return result;
    },
    isSpent: () => performance.now() >= endsAtMs || ms >= cpuMs || entries >= maxEntries || products >= maxProducts,
    work: () => ({ ms, entries, products }),
  };
}
