/** Which way a search takes: walk the index in the order of the list, or gather all matches from a rarer index. Pure functions. */
import type { SearchBounds } from './search-budget.ts';
import type { SearchPlan } from './search-plan.ts';
import type { IndexRange } from './store-reads.ts';
import type { Prefix } from './store-search.ts';

/** For each wanted word its spellings, of which a match has one. */
export type Words = readonly (readonly string[])[];

/** How many entries of the indexes a search concerns. */
type Measured = {
  /** Of each of the plan's words. */
  readonly prefixes: readonly Prefix[];
  /** Of the walk's range, and of the plan's price range if it has one. */
  readonly rangeEntries: readonly number[];
};

/** The spellings of the wanted words that Redis looks up, and the shorter way to every match, if there is one. */
export type Way = {
  readonly words: Words;
  readonly gather: { readonly from: GatheredFrom; readonly words: Words } | undefined;
};

/** Where all matches can be gathered: from the words with a prefix, or from a range of a sort index. */
export type GatheredFrom = { readonly prefix: string } | { readonly range: IndexRange };

/** Putting a product in order costs as much as looking at this many entries. */
const entriesPerSorted = 4;

/**
 * Chooses the way.
 * @param missing how many products the page still needs
 * @returns `undefined` when nothing can match
 */
export function wayOf(plan: SearchPlan, measured: Measured, missing: number, bounds: SearchBounds): Way | undefined {
  const [walkEntries = 0, ...priceEntries] = measured.rangeEntries;
  const filters = [
    ...measured.prefixes.map((found, i) => ({ ...found, from: { prefix: plan.words[i] ?? '' } })),
    ...priceEntries.map((entries) => ({ entries, spellings: undefined, from: plan.prices && { range: plan.prices } })),
  ].sort((a, b) => a.entries - b.entries);
  const [rarest] = filters;
  if (walkEntries === 0 || rarest?.from === undefined || rarest.entries === 0) return undefined;
  const words = spellingsOf(filters);
  const others = spellingsOf(filters.slice(1));
  // As if words met by chance: products that match all, and entries that the walk looks at until the page is full.
  const share = filters.reduce((product, { entries }) => product * Math.min(1, entries / walkEntries), 1);
  const walkCost = Math.min(walkEntries, missing / share) * bounds.walkFactor;
  const gatherCost = rarest.entries + walkEntries * share * entriesPerSorted;
  const isShort = rarest.entries <= (others.length > 0 ? bounds.maxGathered : bounds.maxSorted);
  return { words, gather: isShort && gatherCost < walkCost ? { from: rarest.from, words: others } : undefined };
}

function spellingsOf(filters: readonly Pick<Prefix, 'spellings'>[]): Words {
  return filters.flatMap(({ spellings }) => (spellings ? [spellings] : []));
}
