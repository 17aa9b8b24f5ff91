/** Reads of the catalogue, in bounded pieces: no command and no script here holds a Redis node for more than about 2 ms. */
import type { RequestContext } from '../core/request.ts';
import type { ShopRedis } from '../redis/open.ts';
import { loadReadScript } from '../redis/script.ts';
import { productKey, type SortField, wordsKey } from './keys.ts';
import { type StoredProduct, storedFields, storedProductOf } from './record.ts';

const expandScript = loadReadScript(new URL('./lua/expand-prefixes.lua', import.meta.url));
const scanScript = loadReadScript(new URL('./lua/scan-index.lua', import.meta.url));
const inspectScript = loadReadScript(new URL('./lua/inspect-products.lua', import.meta.url));

/** A range of an index: Redis' lexicographical bounds (`-`, `+`, `[inclusive`, `(exclusive`). */
export type IndexRange = { readonly key: string; readonly min: string; readonly max: string };

/** How new the answer must be, and until when it is waited for. */
export type Reading = Pick<RequestContext, 'consistency' | 'deadline'>;

/** A wanted word: how many entries of the word index begin with it, and the words that they are of. */
export type Prefix = {
  readonly entries: number;
  /** `undefined` where there are more words than were asked for. */
  readonly spellings: readonly string[] | undefined;
};

/** What {@link ProductReads.scan} looks through, and how far. */
export type Scan = {
  readonly range: IndexRange;
  readonly descending: boolean;
  /** A sort index of the same order: only what is in it, too, matches. */
  readonly scope: string | undefined;
  /** For each wanted word its spellings: a match has one of each. */
  readonly words: readonly (readonly string[])[];
  readonly maxEntries: number;
  readonly maxMatches: number;
  readonly cpuMs: number;
};

/** A piece of an index that was looked through. */
export type ScannedPiece = {
  /** CPU time in Redis. */
  readonly cpuMs: number;
  readonly entries: number;
  /** The entry after which the next piece begins; `undefined` where the range ends. */
  readonly last: string | undefined;
  readonly matches: readonly string[];
};

/** What {@link ProductReads.inspect} checks; prices are inclusive, in minor units. */
export type Inspection = {
  readonly field: SortField;
  readonly minPriceMinor: number;
  readonly maxPriceMinor: number;
  readonly inStock: boolean;
};

/** See {@link createProductReads}. */
export type ProductReads = ReturnType<typeof createProductReads>;

/** Creates the reads. Every function throws Unavailable when the deadline comes first. */
export function createProductReads(redis: Pick<ShopRedis, 'reads'>) {
  return {
    /** The products with these ids, in their order; `undefined` where there is none. */
    async read(ids: readonly string[], { consistency, deadline }: Reading): Promise<(StoredProduct | undefined)[]> {
      if (ids.length === 0) return [];
      const replies = await redis.reads.query(
        consistency,
        (pipeline) => {
          for (const id of ids) pipeline.hmget(productKey(id), ...storedFields);
        },
        deadline,
      );
      return replies.map((reply) => storedProductOf(reply as (string | null)[]));
    },

    /** The first `count` members of a range, from its end if `descending`. @see https://redis.io/docs/latest/commands/zrange/ */
    async members(
      { key, min, max }: IndexRange,
      count: number,
      descending: boolean,
      { consistency, deadline }: Reading,
    ): Promise<string[]> {
      const [members] = await redis.reads.query(
        consistency,
        (pipeline) =>
          descending
            ? pipeline.zrange(key, max, min, 'BYLEX', 'REV', 'LIMIT', 0, count)
            : pipeline.zrange(key, min, max, 'BYLEX', 'LIMIT', 0, count),
        deadline,
      );
      return members as string[];
    },

    /**
     * Measures how much of the indexes a search concerns.
     * @param maxSpellings the most words of a prefix that are returned
     * @param ranges are counted, too
     */
    async measure(
      prefixes: readonly string[],
      maxSpellings: number,
      ranges: readonly IndexRange[],
      { consistency, deadline }: Reading,
    ): Promise<{ prefixes: Prefix[]; rangeEntries: number[]; cpuMs: number }> {
      const [expanded, ...counted] = await redis.reads.query(
        consistency,
        (pipeline) => {
          pipeline.eval_ro(expandScript.source, 1, wordsKey, maxSpellings, ...prefixes);
          for (const { key, min, max } of ranges) pipeline.zlexcount(key, min, max);
        },
        deadline,
      );
      const [micros, ...found] = expanded as [number, ...[number, ...string[]][]];
      return {
        cpuMs: cpuMsOf(micros, prefixes.length * (maxSpellings + 2)),
        prefixes: found.map(([entries, ...words]) => ({
          entries,
          spellings: words.length > 0 || entries === 0 ? words : undefined,
        })),
        rangeEntries: counted.map(Number),
      };
    },

    /** Looks through a piece of an index for products that have all wanted words. */
    async scan(scan: Scan, { consistency, deadline }: Reading): Promise<ScannedPiece> {
      const { range, descending, scope, words, maxEntries, maxMatches, cpuMs } = scan;
      const keys = [range.key, wordsKey, ...(scope === undefined ? [] : [scope])];
      const bounds = descending ? [range.max, range.min, 'REV'] : [range.min, range.max, ''];
      const wanted = words.flatMap((spellings) => [spellings.length, ...spellings]);
      const args = [...bounds, maxEntries, maxMatches, Math.round(cpuMs * 1000), ...wanted];
      const [reply] = await redis.reads.query(
        consistency,
        (pipeline) => pipeline.eval_ro(scanScript.source, keys.length, ...keys, ...args),
        deadline,
      );
      const [micros, lookups, entries, last, state, ...matches] = reply as [
        number,
        number,
        number,
        string,
        string,
        ...string[],
      ];
      return { cpuMs: cpuMsOf(micros, lookups + entries), entries, last: state === 'end' ? undefined : last, matches };
    },

    /** For each product the value that the list is sorted by; `undefined` where it does not exist or does not match. */
    async inspect(
      ids: readonly string[],
      { field, minPriceMinor, maxPriceMinor, inStock }: Inspection,
      { consistency, deadline }: Reading,
    ): Promise<{ values: (string | undefined)[]; cpuMs: number }> {
      const args = [field, minPriceMinor, maxPriceMinor, inStock ? 'in-stock' : ''];
      const keys = ids.map(productKey);
      const [reply] = await redis.reads.query(
        consistency,
        (pipeline) => pipeline.eval_ro(inspectScript.source, keys.length, ...keys, ...args),
        deadline,
      );
      const [micros, ...values] = reply as [number, ...(string | null)[]];
      return { cpuMs: cpuMsOf(micros, ids.length), values: values.map((value) => value ?? undefined) };
    },

    /** Whether each of these members is in the sort index. */
    async contains(key: string, members: readonly string[], { consistency, deadline }: Reading): Promise<boolean[]> {
      if (members.length === 0) return [];
      const [scores] = await redis.reads.query(consistency, (pipeline) => pipeline.zmscore(key, ...members), deadline);
      return (scores as (string | null)[]).map((score) => score !== null);
    },
  };
}

/** The longest that one lookup in an index takes Redis by itself, in ms; measured at 0.7 µs to 2 µs. */
const msPerLookup = 0.004;

/** CPU time of a script in ms: what it took, but no more than its lookups can cost, because a busy machine lets it wait in between. */
function cpuMsOf(tookMicros: number, lookups: number): number {
  return Math.min(tookMicros / 1000, 0.05 + lookups * msPerLookup);
}
