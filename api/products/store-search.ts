/** What a search reads of the indexes, in bounded pieces: no script here holds a Redis node for more than about 2 ms. */
import { parseReadReply } from '../redis/define-script.ts';
import type { ShopRedis } from '../redis/open.ts';
import { runReadScript } from '../redis/run-script.ts';
import { addReadScript } from '../redis/send-script.ts';
import { boundsOfPrefix } from './indexes.ts';
import { idsStart, olderWordsKey, productKey, type SortField, vocabularyKey, wordStart } from './keys.ts';
import { readScripts } from './scripts.ts';
import type { IndexRange, Reading } from './store-reads.ts';

/** A wanted word: how many entries of the word index begin with it, and the words that they are of. */
export type Prefix = {
  /** An estimate where there are more words than were asked for. */
  readonly entries: number;
  /** `undefined` where there are more words than were asked for. */
  readonly spellings: readonly string[] | undefined;
};

/** What {@link SearchReads.scan} looks through, and how far. */
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

/** What {@link SearchReads.gatherWords} looks through, and how far. */
export type Gathering = Pick<Scan, 'words' | 'maxEntries' | 'cpuMs'> & {
  readonly prefix: string;
  /** Where the piece before ended. */
  readonly after: WordEntry | undefined;
  /** The most entries that a word may have. */
  readonly maxOfWord: number;
};

/** An entry of the word index: the word, and the number of a product. */
type WordEntry = { readonly word: string; readonly number: number };

/** The products that were found in a piece of the word index; `last` as in {@link ScannedPiece}. */
export type GatheredPiece = Pick<ScannedPiece, 'cpuMs' | 'entries'> & {
  readonly ids: readonly string[];
  readonly last: WordEntry | undefined;
  /** Whether a word has too many entries to be gathered. */
  readonly isMany: boolean;
};

/** What {@link SearchReads.inspect} checks; prices are inclusive, in minor units. */
export type Inspection = {
  readonly field: SortField;
  readonly minPriceMinor: number;
  readonly maxPriceMinor: number;
  readonly inStock: boolean;
};

/** See {@link createSearchReads}. */
export type SearchReads = ReturnType<typeof createSearchReads>;

/** Creates the reads. Every function throws Unavailable when the deadline comes first. */
export function createSearchReads(redis: Pick<ShopRedis, 'reads'>) {
  return {
    /**
     * Measures how much of the indexes a search concerns.
     * @param maxSpellings the most words of a prefix that are returned
     * @param ranges are counted, too
     * @returns besides, whether there is a word index of an earlier release (`hasOlder`)
     */
    async measure(
      prefixes: readonly string[],
      maxSpellings: number,
      ranges: readonly IndexRange[],
      { consistency, deadline }: Reading,
    ): Promise<{ prefixes: Prefix[]; rangeEntries: number[]; hasOlder: boolean; cpuMs: number }> {
      const keys = { vocabulary: vocabularyKey, wordStart, olderWords: olderWordsKey };
      const call = { keys, args: { most: maxSpellings, prefixes } };
      const [expanded, ...counted] = await redis.reads.query(
        consistency,
        (pipeline) => {
          addReadScript(pipeline, readScripts.expandPrefixes, call);
          for (const { key, min, max } of ranges) pipeline.zlexcount(key, min, max);
        },
        deadline,
      );
      const { micros, older, found } = parseReadReply(readScripts.expandPrefixes, expanded);
      return {
        cpuMs: cpuMsOf(micros, prefixes.length * (2 * maxSpellings + 2)),
        hasOlder: Number(older) === 1,
        prefixes: (found as [number, ...string[]][]).map(([entries, ...words]) => ({
          entries,
          spellings: words.length > 0 || entries === 0 ? words : undefined,
        })),
        rangeEntries: counted.map(Number),
      };
    },

    /** Looks through a piece of an index for products that have all wanted words. */
    async scan(scan: Scan, reading: Reading): Promise<ScannedPiece> {
      const reply = await runReadScript(redis.reads, readScripts.scanIndex, scanCall(scan), reading);
      const { micros, lookups, entries, last, state, matches } = reply;
      return {
        cpuMs: cpuMsOf(micros, Number(lookups) + Number(entries)),
        entries: Number(entries),
        last: state === 'end' ? undefined : String(last),
        matches: matches as string[],
      };
    },

    /** Looks through the words with a prefix for products that have all wanted words. */
    async gatherWords(gathering: Gathering, reading: Reading): Promise<GatheredPiece> {
      const reply = await runReadScript(redis.reads, readScripts.gatherWords, gatherCall(gathering), reading);
      const { micros, lookups, entries, state, word, number, ids } = reply;
      return {
        cpuMs: cpuMsOf(micros, Number(lookups) + Number(entries)),
        entries: Number(entries),
        ids: ids as string[],
        last: state === 'more' ? { word: String(word), number: Number(number) } : undefined,
        isMany: state === 'many',
      };
    },

    /** For each product the value that the list is sorted by; `undefined` where it does not exist or does not match. */
    async inspect(
      ids: readonly string[],
      { field, minPriceMinor, maxPriceMinor, inStock }: Inspection,
      reading: Reading,
    ): Promise<{ values: (string | undefined)[]; cpuMs: number }> {
      const call = {
        keys: { products: ids.map(productKey) },
        args: { field, lowest: minPriceMinor, highest: maxPriceMinor, stock: inStock ? 'in-stock' : '' },
      };
      const { micros, values } = await runReadScript(redis.reads, readScripts.inspectProducts, call, reading);
      return {
        cpuMs: cpuMsOf(micros, ids.length),
        values: (values as (string | null)[]).map((value) => value ?? undefined),
      };
    },

    /** Whether each of these members is in the sort index. */
    async contains(key: string, members: readonly string[], { consistency, deadline }: Reading): Promise<boolean[]> {
      if (members.length === 0) return [];
      const [scores] = await redis.reads.query(consistency, (pipeline) => pipeline.zmscore(key, ...members), deadline);
      return (scores as (string | null)[]).map((score) => score !== null);
    },
  };
}

function scanCall({ range, descending, scope, words, maxEntries, maxMatches, cpuMs }: Scan) {
  const [first, second] = descending ? [range.max, range.min] : [range.min, range.max];
  return {
    keys: {
      index: range.key,
      wordStart,
      product: productKey(''),
      olderWords: olderWordsKey,
      scope: scope === undefined ? [] : [scope],
    },
    args: {
      first,
      second,
      order: descending ? 'REV' : '',
      mostEntries: maxEntries,
      mostMatches: maxMatches,
      mostMicros: Math.round(cpuMs * 1000),
      wanted: wantedOf(words),
    },
  };
}

function gatherCall({ prefix, after, words, maxEntries, maxOfWord, cpuMs }: Gathering) {
  const { min, max } = boundsOfPrefix(prefix);
  return {
    keys: { vocabulary: vocabularyKey, wordStart, idsStart, olderWords: olderWordsKey },
    args: {
      first: after === undefined ? min : `[${after.word}`,
      second: max,
      after: after?.number ?? 0,
      mostEntries: maxEntries,
      mostOfWord: maxOfWord,
      mostMicros: Math.round(cpuMs * 1000),
      wanted: wantedOf(words),
    },
  };
}

function wantedOf(words: readonly (readonly string[])[]) {
  return words.flatMap((spellings) => [spellings.length, ...spellings]);
}

/** The longest that one lookup in an index takes Redis by itself, in ms; measured at 0.7 µs to 2 µs. */
const msPerLookup = 0.004;

/** CPU time of a script in ms: what it took, but no more than its lookups can cost, because a busy machine lets it wait in between. */
function cpuMsOf(tookMicros: unknown, lookups: number): number {
  return Math.min(Number(tookMicros) / 1000, 0.05 + lookups * msPerLookup);
}
