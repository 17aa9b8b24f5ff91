/** The rules of purchases: what a repeated key answers, which purchases a caller sees, which can be cancelled. */

import { summed } from '../contracts/wanted.ts';
import { newId } from '../core/ids.ts';
import { type Fault, isRefusal, type Refusal, refuse, Unavailable, type Written, written } from '../core/outcome.ts';
import type { Page } from '../core/page.ts';
import type { RequestContext } from '../core/request.ts';
import type { Purchase } from './record.ts';
import type { Saga } from './saga.ts';
import type { Failure, Status, StoredEvent, Wanted } from './schema.ts';
import type { PurchaseWrites } from './store.ts';
import type { PurchaseReads } from './store-reads.ts';

/** The signed-in user of a request. */
type Buyer = { readonly userId: string; readonly role: 'customer' | 'admin' };

/** What to list. */
type ListQuestion = { readonly userId: string | undefined; readonly status: Status | undefined };

/** See {@link createPurchaseRules}. Every call throws Unavailable when it is not certain before its deadline. */
export type PurchaseRules = {
  /**
   * Buys all items or none. A repetition under the same key finds its purchase and gives its first answer, or resumes it.
   * @returns the purchase as it was when it completed, or as cancelled when it was cancelled before that; or why it failed
   */
  buy(buyer: Buyer, lines: readonly Wanted[], context: RequestContext): Promise<Written<Purchase> | Refusal>;
  /** A purchase of the buyer's own, or for an admin any user's. */
  get(buyer: Buyer, id: string, context: RequestContext): Promise<Purchase | Refusal>;
  /** What happened to it, oldest first. */
  events(buyer: Buyer, id: string, context: RequestContext): Promise<readonly StoredEvent[] | Refusal>;
  /** Whose purchases `question` is about: a user's id or `all`. */
  scope(buyer: Buyer, question: ListQuestion): string | Refusal;
  /** A page of the purchases of a scope, newest first, after the id `after`. */
  list(
    whose: string,
    status: Status | undefined,
    page: { readonly after: string | undefined; readonly limit: number },
    context: RequestContext,
  ): Promise<Page<Purchase>>;
  /** Cancels. The stock is released when this answers; where that fails, recovery releases it later. */
  cancel(buyer: Buyer, id: string, context: RequestContext): Promise<Written<Purchase> | Refusal>;
};

/** Creates the rules. @param currency the shop's (ISO 4217) @param onCancel called for each purchase that this cancelled, for counting */
export function createPurchaseRules(
  store: PurchaseWrites & PurchaseReads,
  saga: Saga,
  currency: string,
  onCancel: () => void,
): PurchaseRules {
  async function get(buyer: Buyer, id: string, { consistency, deadline }: RequestContext): Promise<Purchase | Refusal> {
    const purchase = await store.get(id, consistency, deadline);
    return purchase !== undefined && maySee(buyer, purchase) ? purchase : notFound();
  }

  /** Resumes a purchase that was begun before. @returns the purchase, which has ended */
  async function resume(purchase: Purchase | undefined, context: RequestContext): Promise<Purchase> {
    if (purchase === undefined) throw new Error('an idempotency key is bound to a purchase that does not exist');
    return purchase.status === 'pending' ? saga.carry(purchase, context.requestId, context.deadline) : purchase;
  }

  return {
    get,

    async buy({ userId }, lines, context) {
      const { requestId, deadline } = context;
      const begun = { id: newId(), userId, requested: summed(lines), currency };
      const bound = await store.begin(begun, context);
      if (isRefusal(bound)) return bound;
      const { id, replayed } = bound;
      const purchase =
        id === begun.id
          ? await saga.carry(begun, requestId, deadline)
          : await resume(await store.confirm(id, deadline), context);
      if (purchase.failure !== undefined) return refusalOf(purchase.id, purchase.failure, lines, replayed);
      return written(asFirstAnswered(purchase), replayed);
    },

    async events(buyer, id, { consistency, deadline }) {
      const found = await store.history(id, consistency, deadline);
      return found !== undefined && maySee(buyer, found.purchase) ? found.events : notFound();
    },

    scope({ userId, role }, question) {
      if (role === 'admin') return question.userId === 'all' ? 'no user' : (question.userId ?? 'all');
      if (question.userId === undefined || question.userId === userId) return userId;
      return refuse('forbidden', 'Only an admin may list the purchases of others.');
    },

    list: (whose, status, page, { consistency, deadline }) =>
      store.list({ whose, status: status ?? 'any' }, page, consistency, deadline),

    async cancel(buyer, id, context) {
      const found = await get(buyer, id, context);
      if (isRefusal(found)) return found;
      const result = await store.cancel(found, buyer.userId, context);
      if (isRefusal(result)) return result;
      switch (result.kind) {
        case 'missing':
          return notFound();
        case 'stale':
          return refuse(
            'precondition-failed',
            'The purchase has changed since the version in If-Match; read it again.',
          );
        case 'failed': {
          const refusal = refuse(
            'not-cancellable',
            'The purchase has failed: nothing was taken, nothing can be given back.',
          );
          return { ...refusal, replayed: result.replayed };
        }
        case 'cancelled': {
          const { purchase, applied, replayed } = result;
          if (applied) onCancel();
          // The cancellation is durable even if this call fails, so the answer is 200 and not 503.
          if (purchase.releasePending) {
            await saga.release(purchase, context.requestId, context.deadline).catch((error: unknown) => {
              if (!(error instanceof Unavailable)) throw error;
            });
          }
          return written(purchase, replayed);
        }
      }
    },
  };
}

/** A completed purchase as of its completion: what its key answers with, also after it was cancelled. */
export function asFirstAnswered(purchase: Purchase): Purchase {
  const { completedAtMs } = purchase;
  if (completedAtMs === undefined) return purchase;
  return { ...purchase, status: 'completed', updatedAtMs: completedAtMs, version: 2, releasePending: false };
}

function refusalOf(purchaseId: string, failure: Failure, lines: readonly Wanted[], replayed: boolean): Refusal {
  const { code, detail, items } = failure;
  const extra =
    code === 'unknown-product' ? { purchaseId, items, errors: faultsOf(failure, lines) } : { purchaseId, items };
  return { ...refuse(code, detail, extra), replayed };
}

/** The lines that name unknown products. */
function faultsOf({ items }: Failure, lines: readonly Wanted[]): Fault[] {
  const unknown = new Set(items.map(({ productId }) => productId));
  return lines.flatMap(({ productId }, i) =>
    unknown.has(productId) ? [{ pointer: `#/items/${i}/productId`, detail: 'is not the id of a product' }] : [],
  );
}

function maySee({ userId, role }: Buyer, purchase: Purchase): boolean {
  return role === 'admin' || purchase.userId === userId;
}

function notFound(): Refusal {
  return refuse('not-found', 'There is no such purchase.');
}
