/**
 * Pages of products. Words are looked up where the index is, in Redis, a slice at a time. Where few products can match, all of them are
 * gathered from the rarest index and put in order here; else the index in the order of the list is walked. A page ends when it is full,
 * the list ends or its budget is spent: then it is short, and its cursor goes on from there. Both ways end a page at a member of the same
 * index, so that pages of either kind can follow each other.
 */
import { Unavailable } from '../core/outcome.ts';
import type { RequestContext } from '../core/request.ts';
import { idOfMember, memberOfValue } from './indexes.ts';
import type { Question } from './schema.ts';
import { createBudget, type SearchBounds, type SearchBudget, usualBounds } from './search-budget.ts';
import { createPage, type Page, type PageInProgress } from './search-page.ts';
import { inOrder, matcherOf, planOf, prefixRange, type SearchPlan } from './search-plan.ts';
import type { IndexRange, ProductReads, Reading } from './store-reads.ts';
import type { Scan, ScannedPiece, SearchReads } from './store-search.ts';

/** See {@link createSearch}. */
export type Search = ReturnType<typeof createSearch>;

/** The spellings of the wanted words that Redis looks up, and the shortest way to every match, if it is short. */
type Lookup = {
  readonly words: readonly (readonly string[])[];
  readonly gather: { readonly range: IndexRange; readonly words: readonly (readonly string[])[] } | undefined;
};

/** How many products a search reads at once: decoding them takes this process about 2 ms. */
const productsAtOnce = 40;
const inspectedAtOnce = 400;
/** Putting a product in order costs as much as looking at this many entries. */
const entriesPerSorted = 4;

/** Creates the search. */
export function createSearch(reads: ProductReads & SearchReads, bounds: SearchBounds = usualBounds) {
  return {
    /**
     * A page of the list that `question` asks for, `limit` products at most.
     * @param after the `last` of the page before
     * @param context its signal ends the search early: the page is then short
     * @throws Unavailable when the deadline comes before anything was looked at
     */
    async page(
      question: Question,
      limit: number,
      after: string | undefined,
      context: Pick<RequestContext, 'consistency' | 'deadline' | 'signal'>,
    ): Promise<Page> {
      const plan = planOf(question, after);
      const budget = createBudget(bounds);
      const page = createPage(plan, limit, after, matcherOf(question));
      const isOver = () => budget.isSpent() || context.signal?.aborted === true;
      try {
        await fill(plan, page, budget, context, isOver);
      } catch (error) {
        // Redis became slow half-way: what was found is an answer. Repeating the search elsewhere would cost all of it again.
        if (!(error instanceof Unavailable) || page.result().last === (after ?? '')) throw error;
      }
      return { ...page.result(), work: budget.work() };
    },
  };

  async function fill(
    plan: SearchPlan,
    page: PageInProgress,
    budget: SearchBudget,
    reading: Reading,
    isOver: () => boolean,
  ): Promise<void> {
    if (!plan.isFiltered) return walk(plan, [], page, budget, reading, isOver);
    const lookup = await lookUp(plan, page.missing(), budget, reading);
    if (lookup === undefined) return page.end();
    const gathered = await gather(plan, lookup, budget, reading, isOver);
    if (gathered === undefined) return walk(plan, lookup.words, page, budget, reading, isOver);
    return loadInOrder(gathered, page, budget, reading, isOver);
  }

  /** Finds the spellings of the wanted words and the cheaper way to look; `undefined` when nothing can match. */
  async function lookUp(
    plan: SearchPlan,
    missing: number,
    budget: SearchBudget,
    reading: Reading,
  ): Promise<Lookup | undefined> {
    const ranges = [plan.walk, ...(plan.prices ? [plan.prices] : [])];
    if (plan.words.length === 0 && plan.prices === undefined) return { words: [], gather: undefined };
    const measured = await reads.measure(plan.words, bounds.maxSpellings, ranges, reading);
    budget.spend(measured.cpuMs);
    const [walkEntries = 0, ...priceEntries] = measured.rangeEntries;
    const filters = [
      ...measured.prefixes.map((prefix, i) => ({ ...prefix, range: prefixRange(plan.words[i] ?? '') })),
      ...priceEntries.map((entries) => ({ entries, spellings: undefined, range: plan.prices })),
    ].sort((a, b) => a.entries - b.entries);
    const [rarest] = filters;
    if (walkEntries === 0 || rarest?.range === undefined || rarest.entries === 0) return undefined;
    const spellingsOf = (some: typeof filters) => some.flatMap(({ spellings }) => (spellings ? [spellings] : []));
    const words = spellingsOf(filters);
    const others = spellingsOf(filters.slice(1));
    // As if words met by chance: products that match all, and entries that the walk looks at until the page is full.
    const share = filters.reduce((product, { entries }) => product * Math.min(1, entries / walkEntries), 1);
    const walkCost = Math.min(walkEntries, missing / share) * bounds.walkFactor;
    const gatherCost = rarest.entries + walkEntries * share * entriesPerSorted;
    const isShort = rarest.entries <= (others.length > 0 ? bounds.maxGathered : bounds.maxSorted);
    return { words, gather: isShort && gatherCost < walkCost ? { range: rarest.range, words: others } : undefined };
  }

  /**
   * The index members of all products that can match, in the order of the list; `undefined` where these are many, or where finding them
   * would take more than half of the budget: the walk needs the rest.
   */
  async function gather(
    plan: SearchPlan,
    lookup: Lookup,
    budget: SearchBudget,
    reading: Reading,
    isOver: () => boolean,
  ): Promise<string[] | undefined> {
    if (lookup.gather === undefined) return undefined;
    const { words } = lookup.gather;
    const ids = new Set<string>();
    let range: IndexRange | undefined = lookup.gather.range;
    while (range !== undefined) {
      const piece = await scan(
        { range, descending: false, scope: undefined, words },
        bounds.sliceEntries,
        budget,
        reading,
      );
      for (const member of piece.matches) ids.add(idOfMember(member));
      range = piece.last === undefined ? undefined : { ...range, min: `(${piece.last}` };
      if (ids.size > bounds.maxSorted) return undefined;
      if (range !== undefined && (isOver() || budget.work().ms > bounds.cpuMs / 2)) return undefined;
    }
    let members = await inspect([...ids], plan, budget, reading);
    for (const scope of plan.scopes) {
      const isInScope = await reads.contains(scope, members, reading);
      members = members.filter((_, i) => isInScope[i]);
    }
    return budget.measure(() => inOrder(members, plan));
  }

  /** The members of the products that match the inspection. */
  async function inspect(
    ids: readonly string[],
    { inspection }: SearchPlan,
    budget: SearchBudget,
    reading: Reading,
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

  /** Fills the page from members in order, all that there are. */
  async function loadInOrder(
    members: readonly string[],
    page: PageInProgress,
    budget: SearchBudget,
    reading: Reading,
    isOver: () => boolean,
  ): Promise<void> {
    for (let from = 0; from < members.length; ) {
      const some = members.slice(from, from + Math.min(productsAtOnce, page.missing()));
      if (await load(some, page, budget, reading)) return;
      from += some.length;
      if (isOver() && from < members.length) return;
    }
    page.end();
  }

  /** Fills the page from the index in the order of the list: at least one slice, so that each page gets further. */
  async function walk(
    plan: SearchPlan,
    words: Lookup['words'],
    page: PageInProgress,
    budget: SearchBudget,
    reading: Reading,
    isOver: () => boolean,
  ): Promise<void> {
    const { descending, isInspected } = plan;
    let range: IndexRange | undefined = plan.walk;
    for (let pieces = 1; range !== undefined; pieces++) {
      // What is inspected may match rarely or mostly: it shows from one piece to the next.
      const maxMatches = isInspected ? Math.min(inspectedAtOnce, page.missing() * 2 ** pieces) : page.missing();
      const piece = await nextPiece(plan, range, words, maxMatches, budget, reading);
      const members = isInspected ? await inspect(piece.matches.map(idOfMember), plan, budget, reading) : piece.matches;
      for (let from = 0; from < members.length; ) {
        const some = members.slice(
          from,
          from + Math.min(plan.isFiltered ? productsAtOnce : members.length, page.missing()),
        );
        if (await load(some, page, budget, reading)) return;
        from += some.length;
        if (isOver() && from < members.length) return;
      }
      if (piece.last === undefined) break;
      page.passed(piece.last);
      range = { ...range, [descending ? 'max' : 'min']: `(${piece.last}` };
      if (isOver()) return;
    }
    page.end();
  }

  async function nextPiece(
    plan: SearchPlan,
    range: IndexRange,
    words: Lookup['words'],
    maxMatches: number,
    budget: SearchBudget,
    reading: Reading,
  ): Promise<Pick<ScannedPiece, 'matches' | 'last'>> {
    const { descending, scopes } = plan;
    const scope = scopes[1];
    if (words.length > 0 || scope !== undefined) {
      return scan({ range, descending, scope, words }, maxMatches, budget, reading);
    }
    const matches = await reads.members(range, maxMatches, descending, reading);
    budget.spend(0, matches.length);
    return { matches, last: matches.length < maxMatches ? undefined : matches.at(-1) };
  }

  async function scan(
    what: Pick<Scan, 'range' | 'descending' | 'scope' | 'words'>,
    maxMatches: number,
    budget: SearchBudget,
    reading: Reading,
  ): Promise<ScannedPiece> {
    const { sliceEntries: maxEntries, sliceMs: cpuMs } = bounds;
    const piece = await reads.scan({ ...what, maxEntries, maxMatches, cpuMs }, reading);
    budget.spend(piece.cpuMs, piece.entries);
    return piece;
  }

  /** Loads products and puts those that match on the page. @returns whether the page is full and another match is known */
  async function load(
    members: readonly string[],
    page: PageInProgress,
    budget: SearchBudget,
    reading: Reading,
  ): Promise<boolean> {
    budget.countLoaded(members.length);
    const products = await reads.read(members.map(idOfMember), reading);
    for (const [i, member] of members.entries()) {
      if (await budget.measure(() => page.add(member, products[i]))) return true;
    }
    return false;
  }
}
