/**
 * Pages of products. Words are looked up where the index is, in Redis, a slice at a time. Where few products can match, all of them are
 * gathered from the rarest index and put in order here; else the index in the order of the list is walked (search-way.ts). A page ends when
 * it is full, the list ends or its budget is spent: then it is short, and its cursor continues from there. Both ways end a page at a member of
 * the same index, so that pages of either kind can follow each other.
 */
import { Unavailable } from '../core/outcome.ts';
import type { RequestContext } from '../core/request.ts';
import { idOfMember } from './indexes.ts';
import type { Question } from './schema.ts';
import { createBudget, type SearchBounds, usualBounds } from './search-budget.ts';
import { createPage, type Page } from './search-page.ts';
import { inOrder, matcherOf, olderPrefixRange, planOf } from './search-plan.ts';
import { gatherWords, inspect, inspectedAtOnce, load, type SearchRun, scan } from './search-steps.ts';
import { type GatheredFrom, type Way, type Words, wayOf } from './search-way.ts';
import type { IndexRange, ProductReads } from './store-reads.ts';
import type { GatheredPiece, ScannedPiece, SearchReads } from './store-search.ts';

/** See {@link createSearch}. */
export type Search = ReturnType<typeof createSearch>;

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
      context: Pick<RequestContext, 'consistency' | 'deadline'> & { readonly signal?: AbortSignal },
    ): Promise<Page> {
      const plan = planOf(question, after);
      const budget = createBudget(bounds);
      const page = createPage(plan, limit, after, matcherOf(question));
      const isOver = () => budget.isSpent() || context.signal?.aborted === true;
      try {
        await fill({ reads, bounds, plan, page, budget, reading: context, isOver });
      } catch (error) {
        // Redis became slow half-way: what was found is an answer. Repeating the search elsewhere would cost all of it again.
        if (!(error instanceof Unavailable) || page.result().last === (after ?? '')) throw error;
      }
      return { ...page.result(), work: budget.work() };
    },
  };
}

/** A way, and whether there is a word index of an earlier release to look into as well. */
type FoundWay = Way & { readonly hasOlder: boolean };

async function fill(run: SearchRun): Promise<void> {
  const { plan, page } = run;
  if (!plan.isFiltered) return readAll(run);
  const way = await findWay(run);
  if (way === undefined) return page.end();
  const gathered = await gather(run, way);
  if (gathered === undefined) return walk(run, way.words);
  if ((await load(run, gathered)) === 'done') page.end();
}

/** Finds the spellings of the wanted words and the shorter way; `undefined` when nothing can match. */
async function findWay({ reads, bounds, plan, page, budget, reading }: SearchRun): Promise<FoundWay | undefined> {
  if (plan.words.length === 0 && plan.prices === undefined) return { words: [], gather: undefined, hasOlder: false };
  const ranges = [plan.walk, ...(plan.prices ? [plan.prices] : [])];
  const measured = await reads.measure(plan.words, bounds.maxSpellings, ranges, reading);
  budget.spend(measured.cpuMs);
  const way = wayOf(plan, measured, page.missing(), bounds);
  return way && { ...way, hasOlder: measured.hasOlder };
}

/**
 * The index members of all products that can match, in the order of the list; `undefined` where these are many, or where finding them
 * would take more than half of the budget: the walk needs the rest.
 */
async function gather(run: SearchRun, way: FoundWay): Promise<string[] | undefined> {
  if (way.gather === undefined) return undefined;
  const { reads, bounds, plan, budget, reading } = run;
  const { from, words } = way.gather;
  const ids = new Set<string>();
  for await (const piece of gatheredPieces(run, from, words, way.hasOlder)) {
    for (const id of piece.ids) ids.add(id);
    if (piece.isMany || ids.size > bounds.maxSorted) return undefined;
    if (!piece.isLast && (run.isOver() || budget.work().ms > bounds.cpuMs / 2)) return undefined;
  }
  let members = await inspect(run, [...ids]);
  for (const scope of plan.scopes) {
    const isInScope = await reads.contains(scope, members, reading);
    members = members.filter((_, i) => isInScope[i]);
  }
  return budget.measure(() => inOrder(members, plan));
}

/** What is found in one of the pieces in which products are gathered. */
type Gathered = Pick<GatheredPiece, 'ids' | 'isMany'> & { readonly isLast: boolean };

/** Looks through all that `from` names. */
async function* gatheredPieces(
  run: SearchRun,
  from: GatheredFrom,
  words: Words,
  hasOlder: boolean,
): AsyncGenerator<Gathered> {
  if ('range' in from) return yield* piecesOfRange(run, from.range, words);
  let after: GatheredPiece['last'];
  do {
    const { ids, isMany, last } = await gatherWords(run, from.prefix, after, words);
    yield { ids, isMany, isLast: last === undefined && !hasOlder };
    after = last;
  } while (after !== undefined);
  if (hasOlder) yield* piecesOfRange(run, olderPrefixRange(from.prefix), words);
}

async function* piecesOfRange(run: SearchRun, whole: IndexRange, words: Words): AsyncGenerator<Gathered> {
  for (let range: IndexRange | undefined = whole; range !== undefined; ) {
    const what = { range, descending: false, scope: undefined, words };
    const { matches, last }: ScannedPiece = await scan(run, what, run.bounds.sliceEntries);
    range = last === undefined ? undefined : rangeAfter(range, last, false);
    yield { ids: matches.map(idOfMember), isMany: false, isLast: range === undefined };
  }
}

/** Fills the page of a list without filters, of which every product in the index is. Mostly one question to Redis does. */
async function readAll({ reads, plan, page, budget, reading, isOver }: SearchRun): Promise<void> {
  let range = plan.walk;
  do {
    const most = page.missing();
    const found = await reads.readRange(range, most, plan.descending, reading);
    budget.spend(0, found.length);
    budget.countLoaded(found.length);
    if (await budget.measure(() => found.some(({ member, product }) => page.add(member, product)))) return;
    const last = found.at(-1);
    if (last === undefined || found.length < most) return page.end();
    range = rangeAfter(range, last.member, plan.descending);
  } while (!isOver());
}

/** Fills the page from the index in the order of the list: at least one slice, so that each page gets further. */
async function walk(run: SearchRun, words: Words): Promise<void> {
  const { plan, page } = run;
  const { isInspected } = plan;
  let range: IndexRange | undefined = plan.walk;
  for (let pieces = 1; range !== undefined; pieces++) {
    // What is inspected may match rarely or mostly: it shows from one piece to the next.
    const maxMatches = isInspected ? Math.min(inspectedAtOnce, page.missing() * 2 ** pieces) : page.missing();
    const piece = await nextPiece(run, range, words, maxMatches);
    const members = isInspected ? await inspect(run, piece.matches.map(idOfMember)) : piece.matches;
    if ((await load(run, members)) !== 'done') return;
    if (piece.last === undefined) break;
    page.passed(piece.last);
    range = rangeAfter(range, piece.last, plan.descending);
    if (run.isOver()) return;
  }
  page.end();
}

/** What of a range comes after a member, in the order in which it is read. */
function rangeAfter(range: IndexRange, member: string, descending: boolean): IndexRange {
  return { ...range, [descending ? 'max' : 'min']: `(${member}` };
}

async function nextPiece(
  run: SearchRun,
  range: IndexRange,
  words: Words,
  maxMatches: number,
): Promise<Pick<ScannedPiece, 'matches' | 'last'>> {
  const { descending, scopes } = run.plan;
  const scope = scopes[1];
  if (words.length > 0 || scope !== undefined) return scan(run, { range, descending, scope, words }, maxMatches);
  const matches = await run.reads.members(range, maxMatches, descending, run.reading);
  run.budget.spend(0, matches.length);
  return { matches, last: matches.length < maxMatches ? undefined : matches.at(-1) };
}
