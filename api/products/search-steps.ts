/** The steps of a search that ask Redis, each counted against the budget of the page. */
import { idOfMember, memberOfValue } from './indexes.ts';
import type { SearchBounds, SearchBudget } from './search-budget.ts';
import type { PageInProgress } from './search-page.ts';
import type { SearchPlan } from './search-plan.ts';
import type { ProductReads, Reading } from './store-reads.ts';
import type { GatheredPiece, Gathering, Scan, ScannedPiece, SearchReads } from './store-search.ts';

/** One page's search: what is wanted, what there is of the page, and what it may cost. */
export type SearchRun = {
  readonly reads: ProductReads & SearchReads;
  readonly bounds: SearchBounds;
  readonly plan: SearchPlan;
  readonly page: PageInProgress;
  readonly budget: SearchBudget;
  readonly reading: Reading;
  /** Whether the budget is spent or the client gone. */
  isOver(): boolean;
};

/** How many products a search reads at once: decoding them takes this process about 2 ms. */
const productsAtOnce = 40;
/** Of how many products price and stock are asked for at once. */
export const inspectedAtOnce = 400;

/** Looks through a piece of an index. */
export async function scan(
  { reads, bounds, budget, reading }: SearchRun,
  what: Pick<Scan, 'range' | 'descending' | 'scope' | 'words'>,
  maxMatches: number,
): Promise<ScannedPiece> {
  const { sliceEntries: maxEntries, sliceMs: cpuMs } = bounds;
  const piece = await reads.scan({ ...what, maxEntries, maxMatches, cpuMs }, reading);
  budget.spend(piece.cpuMs, piece.entries);
  return piece;
}

/** Looks through a piece of the word index. */
export async function gatherWords(
  { reads, bounds, budget, reading }: SearchRun,
  prefix: string,
  after: Gathering['after'],
  words: Gathering['words'],
): Promise<GatheredPiece> {
  const { sliceEntries: maxEntries, sliceMs: cpuMs, maxGathered: maxOfWord } = bounds;
  const piece = await reads.gatherWords({ prefix, after, words, maxEntries, maxOfWord, cpuMs }, reading);
  budget.spend(piece.cpuMs, piece.entries);
  return piece;
}

/** The members of the products that match the inspection. */
export async function inspect(
  { reads, plan: { inspection }, budget, reading }: SearchRun,
  ids: readonly string[],
): Promise<string[]> {
  budget.countInspected(ids.length);
  const members: string[] = [];
  for (let from = 0; from < ids.length; from += inspectedAtOnce) {
    const some = ids.slice(from, from + inspectedAtOnce);
    const { values, cpuMs } = await reads.inspect(some, inspection, reading);
    budget.spend(cpuMs);
    await budget.measure(() => {
      for (const [i, value] of values.entries()) {
        if (value !== undefined) members.push(memberOfValue(value, some[i] ?? '', inspection.field));
      }
    });
  }
  return members;
}

/**
 * Puts products of these members on the page, in their order.
 * @returns `full`: the page is, and another match is known; `over`: the search is, before the last member; `done`: all were looked at
 */
export async function load(run: SearchRun, members: readonly string[]): Promise<'full' | 'over' | 'done'> {
  const { page, isOver } = run;
  for (let from = 0; from < members.length; ) {
    const some = members.slice(from, from + Math.min(productsAtOnce, page.missing()));
    if (await loadSome(run, some)) return 'full';
    from += some.length;
    if (isOver() && from < members.length) return 'over';
  }
  return 'done';
}

/** Loads products and puts those that match on the page. @returns whether the page is full and another match is known */
async function loadSome({ reads, page, budget, reading }: SearchRun, members: readonly string[]): Promise<boolean> {
  budget.countLoaded(members.length);
  const products = await reads.read(members.map(idOfMember), reading);
  return budget.measure(() => members.some((member, i) => page.add(member, products[i])));
}
