/**
 * Lists of products. Where a word or a price range is rare, its products are loaded and sorted here; else the index in the order of the
 * list is walked in pieces until the page is full or enough was looked at: then the page is short and its cursor goes on from there.
 * Both end a page at a member of the same index, so that pages of either kind can follow each other.
 */
import type { RequestContext } from '../core/request.ts';
import { idOfMember, memberOf } from './entries.ts';
import { inOrder, matcherOf, type Plan, planOf } from './question.ts';
import type { Question } from './schema.ts';
import type { Product, Store } from './store.ts';
import type { Indexes } from './store-indexes.ts';

/** How much is looked at for one page: some 100 ms. */
const usualBounds = {
  /** The most candidates that are loaded to be sorted here. */
  fewCandidates: 1000,
  /** How many entries of an index are looked at in one piece. */
  pieceSize: 200,
  mostPieces: 20,
};

type Reading = Pick<RequestContext, 'freshness' | 'deadline'>;

/** A page. `last` is the member after which the next page begins; `null` where the list ends. */
export type Page = { readonly products: readonly Product[]; readonly last: string | null };

/** Opens the lists. */
export function openListing(store: Pick<Store, 'read'>, indexes: Indexes, bounds = usualBounds) {
  const { fewCandidates, pieceSize, mostPieces } = bounds;
  return {
    /**
     * A page of the list that `question` asks for, `limit` products at most.
     * @param after the `last` of the page before
     * @throws Unavailable when the deadline comes first
     */
    async page(question: Question, limit: number, after: string | undefined, reading: Reading): Promise<Page> {
      const plan = planOf(question, after);
      const isMatch = matcherOf(question);
      const ids = await fewIds(plan, reading);
      if (ids === undefined) return walk(plan, isMatch, limit, reading);
      const products = inOrder((await load(ids, reading)).filter(isMatch), plan, after);
      const page = products.slice(0, limit);
      const end = page.at(-1);
      return { products: page, last: end && products.length > limit ? memberOf(end.doc, plan.field) : null };
    },
  };

  /** The ids that every short shortcut holds, or `undefined` where none is short. */
  async function fewIds({ shortcuts }: Plan, reading: Reading): Promise<string[] | undefined> {
    const found = await indexes.members(shortcuts, fewCandidates + 1, false, reading);
    const short = found.filter((members) => members.length <= fewCandidates);
    const [first, ...others] = short.map((members) => new Set(members.map(idOfMember)));
    return first && [...first].filter((id) => others.every((ids) => ids.has(id)));
  }

  async function load(ids: readonly string[], reading: Reading): Promise<Product[]> {
    const loaded: Product[] = [];
    for (let from = 0; from < ids.length; from += pieceSize) {
      const products = await store.read(ids.slice(from, from + pieceSize), reading);
      loaded.push(...products.filter((product) => product !== undefined));
    }
    return loaded;
  }

  async function walk(
    plan: Plan,
    isMatch: (product: Product) => boolean,
    limit: number,
    reading: Reading,
  ): Promise<Page> {
    const size = plan.filtered ? pieceSize : limit + 1;
    const products: Product[] = [];
    let rest = plan.walk;
    let last = '';
    for (let piece = 0; piece < mostPieces && products.length < limit; piece++) {
      const [members = []] = await indexes.members([rest], size, plan.descending, reading);
      const loaded = await store.read(members.map(idOfMember), reading);
      for (const [i, member] of members.entries()) {
        const product = loaded[i];
        // Deleted or moved within the index since the members were read: not here any more.
        if (product === undefined || memberOf(product.doc, plan.field) !== member) continue;
        if (!isMatch(product)) continue;
        if (products.length === limit) return { products, last };
        products.push(product);
        last = member;
      }
      if (members.length < size) return { products, last: null };
      const end = members.at(-1) ?? '';
      rest = { ...rest, [plan.descending ? 'max' : 'min']: `(${end}` };
      last = end;
    }
    return { products, last };
  }
}
