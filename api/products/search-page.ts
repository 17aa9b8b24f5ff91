/** One page of a list: what is on it, and where the next one begins. */
import { memberOf } from './indexes.ts';
import type { Product } from './record.ts';
import type { SearchWork } from './search-budget.ts';
import type { SearchPlan } from './search-plan.ts';

/** A page. `last` is the member after which the next page begins, `null` where the list ends; `work` is what it cost. */
export type Page = { readonly products: readonly Product[]; readonly last: string | null; readonly work: SearchWork };

/** See {@link createPage}. */
export type PageInProgress = ReturnType<typeof createPage>;

/**
 * A page that is being filled, in the order of the list.
 * @param after the member at which the page before ended
 */
export function createPage(
  plan: SearchPlan,
  limit: number,
  after: string | undefined,
  isMatch: (product: Product) => boolean,
) {
  const products: Product[] = [];
  let last: string | null = after ?? '';
  let isWhole = false;
  return {
    /** How many products are missing until it is known whether another page follows. */
    missing: () => limit + 1 - products.length,
    /** Takes the next product if it matches. @returns whether the page was full already, so that another one follows */
    add(member: string, product: Product | undefined): boolean {
      // Deleted or moved within the index since the member was read: it does not belong here any more.
      const isHere = product !== undefined && memberOf(product.doc, plan.field) === member;
      if (isHere && isMatch(product)) {
        if (products.length === limit) return true;
        products.push(product);
      }
      last = member;
      return false;
    },
    /** Everything up to this member was looked at. */
    passed(member: string) {
      last = member;
    },
    /** Nothing follows. */
    end() {
      isWhole = true;
    },
    result: (): Omit<Page, 'work'> => ({ products, last: isWhole ? null : last }),
  };
}
