/** What changes purchases in Redis: each step of the saga is one script, safe to repeat. */
import type { ReservedItem } from '../contracts/calls.ts';
import { eventStream, type PurchaseEventData } from '../contracts/events.ts';
import type { Deadline } from '../core/clock.ts';
import { isRefusal, type Refusal } from '../core/outcome.ts';
import { type RequestContext, wantedTags } from '../core/request.ts';
import type { Reply } from '../redis/define-script.ts';
import { runKeyedScript, runScript } from '../redis/run-script.ts';
import type { Writes } from '../redis/writes.ts';
import {
  endingKey,
  failedKeptMs,
  oldHistoryKey,
  oldLists,
  oldReleasePendingKey,
  purchaseKey,
  unfinishedKey,
} from './keys.ts';
import {
  type Begun,
  type Purchase,
  purchaseOfList,
  storedEntry,
  storedFailure,
  storedItems,
  storedRequest,
  totalOf,
} from './record.ts';
import type { Failure } from './schema.ts';
import { scripts, statusLists } from './scripts.ts';

/** An event of `products` that belongs into a purchase's history: its id there and its time in ms since 1970. */
export type ForeignEvent = { readonly eventId: string; readonly at: number };

/** A purchase after a step; `applied`: this call changed it (a repetition does not). */
export type Step = { readonly purchase: Purchase; readonly applied: boolean };

/** What came of a cancellation. `stale`: it has changed since the version that the caller meant. */
export type Cancellation =
  | { readonly kind: 'cancelled'; readonly purchase: Purchase; readonly applied: boolean; readonly replayed: boolean }
  | { readonly kind: 'failed'; readonly replayed: boolean }
  | { readonly kind: 'missing' }
  | { readonly kind: 'stale' };

/** The writes; every one throws Unavailable when it is not certain before the deadline. */
export type PurchaseWrites = {
  /**
   * Begins a purchase under the request's key.
   * @returns the id that is bound to the key, which is another's than `begun.id` when this was begun before; or the refusal of a reused key
   */
  begin(begun: Begun, context: RequestContext): Promise<{ readonly id: string; readonly replayed: boolean } | Refusal>;
  /** Completes a purchase that is pending; one that has ended stays as it is. */
  complete(
    begun: Begun,
    reserved: ForeignEvent & { readonly items: readonly ReservedItem[] },
    requestId: string,
    deadline: Deadline,
  ): Promise<Step>;
  /** Ends a purchase that is pending as failed; one that has ended stays as it is. */
  fail(begun: Begun, failure: Failure, requestId: string, deadline: Deadline): Promise<Step>;
  /** Cancels a purchase that is pending or completed; or the refusal of a reused key. */
  cancel(begun: Begun, by: string, context: RequestContext): Promise<Cancellation | Refusal>;
  /** Notes that the stock of a cancelled purchase is back. */
  released(purchase: Purchase, event: ForeignEvent, deadline: Deadline): Promise<void>;
  /** The purchase as it is now, certain to stay at least that far. `undefined` if there is none. */
  confirm(id: string, deadline: Deadline): Promise<Purchase | undefined>;
  /** Deletes a failed purchase whose time has come by Redis' clock; leaves any other as it is. */
  forget(id: string, userId: string, deadline: Deadline): Promise<void>;
};

/** Opens the writes. */
export function openPurchaseWrites(writes: Writes): PurchaseWrites {
  /** Runs a script; where it finds a purchase in the format of an earlier release, it is rewritten first. */
  async function inPresentFormat<R extends { readonly result: string }>(
    { id, userId }: Pick<Begun, 'id' | 'userId'>,
    deadline: Deadline,
    run: () => Promise<R | Refusal>,
  ): Promise<Exclude<R, { readonly result: 'old-format' }> | Refusal> {
    let reply = await run();
    if (isOldFormat(reply)) {
      const keys = { purchase: purchaseKey(id), list: oldHistoryKey(id), lists: oldLists(userId) };
      await runScript(writes, scripts.rewrite, { keys, args: { id } }, deadline);
      reply = await run();
    }
    if (isOldFormat(reply)) throw new Error(`purchase ${id} is still in the format of an earlier release`);
    return reply as Exclude<R, { readonly result: 'old-format' }> | Refusal;
  }

  return {
    async begin({ id, userId, requested, currency }, context) {
      const created: PurchaseEventData<'purchase.created'> = { purchaseId: id, userId };
      const keys = {
        purchase: purchaseKey(id),
        pending: unfinishedKey('pending'),
        ...statusLists(userId, 'pending'),
      };
      const args = {
        id,
        owner: userId,
        requested: storedRequest(requested),
        currency,
        created: JSON.stringify(created),
      };
      const reply = await runKeyedScript(writes, 'purchases', scripts.begin, { keys, args }, context);
      return isRefusal(reply) ? reply : { id: reply.id, replayed: reply.replayed };
    },

    async complete({ id, userId, currency }, { items, eventId, at }, requestId, deadline) {
      const total = { amount: totalOf(items), currency };
      const completed: PurchaseEventData<'purchase.completed'> = { purchaseId: id, total };
      const keys = {
        purchase: purchaseKey(id),
        stream: eventStream('purchases'),
        pending: unfinishedKey('pending'),
        ...statusLists(userId, 'pending', 'completed'),
      };
      const args = {
        id,
        request: requestId,
        items: storedItems(items),
        reserved: storedEntry('product.reserved', at, eventId),
        completed: JSON.stringify(completed),
      };
      const run = () => runScript(writes, scripts.complete, { keys, args }, deadline);
      return stepOf(id, await inPresentFormat({ id, userId }, deadline, run));
    },

    async fail({ id, userId, requested }, failure, requestId, deadline) {
      const failed: PurchaseEventData<'purchase.failed'> = { purchaseId: id, code: failure.code };
      const keys = {
        purchase: purchaseKey(id),
        stream: eventStream('purchases'),
        pending: unfinishedKey('pending'),
        ending: endingKey,
        ...statusLists(userId, 'pending', 'failed'),
      };
      const args = {
        id,
        request: requestId,
        failure: storedFailure(failure, requested),
        failed: JSON.stringify(failed),
        keptMs: failedKeptMs,
      };
      const run = () => runScript(writes, scripts.fail, { keys, args }, deadline);
      return stepOf(id, await inPresentFormat({ id, userId }, deadline, run));
    },

    async cancel({ id, userId }, by, context) {
      const cancelled: PurchaseEventData<'purchase.cancelled'> = { purchaseId: id, by };
      const keys = {
        purchase: purchaseKey(id),
        pending: unfinishedKey('pending'),
        releases: unfinishedKey('release-pending'),
        ...statusLists(userId, 'pending', 'completed', 'cancelled'),
      };
      const args = { id, tags: wantedTags(context), by, cancelled: JSON.stringify(cancelled) };
      const reply = await inPresentFormat({ id, userId }, context.deadline, () =>
        runKeyedScript(writes, 'purchases', scripts.cancel, { keys, args }, context),
      );
      if (isRefusal(reply)) return reply;
      const { result, replayed } = reply;
      switch (result) {
        case 'missing':
          return { kind: result };
        case 'stale':
          return { kind: result };
        case 'failed':
          return { kind: result, replayed };
        case 'cancelled':
        case 'unchanged': {
          const purchase = certainly(purchaseOfList(id, reply.fields), id);
          return { kind: 'cancelled', purchase, applied: result === 'cancelled' && !replayed, replayed };
        }
      }
    },

    async released({ id, userId }, { eventId, at }, deadline) {
      const keys = {
        purchase: purchaseKey(id),
        releases: unfinishedKey('release-pending'),
        oldReleases: oldReleasePendingKey,
      };
      const args = { id, released: storedEntry('product.released', at, eventId) };
      const run = () => runScript(writes, scripts.released, { keys, args }, deadline);
      await inPresentFormat({ id, userId }, deadline, run);
    },

    async confirm(id, deadline) {
      const call = { keys: { purchase: purchaseKey(id) }, args: {} };
      const reply = await runScript(writes, scripts.confirm, call, deadline);
      return reply.result === 'missing' ? undefined : certainly(purchaseOfList(id, reply.fields), id);
    },

    async forget(id, userId, deadline) {
      const keys = { purchase: purchaseKey(id), ending: endingKey, ...statusLists(userId, 'failed') };
      await runScript(writes, scripts.forget, { keys, args: { id } }, deadline);
    },
  };
}

function isOldFormat(reply: object): boolean {
  return 'result' in reply && reply.result === 'old-format';
}

/** What a step came to; its purchase was there when the saga began, and only a failed one is ever deleted, after its key. */
function stepOf(
  id: string,
  reply: Exclude<Reply<(typeof scripts.complete)['replies']>, { readonly result: 'old-format' }> | Refusal,
): Step {
  const fields = isRefusal(reply) || reply.result === 'missing' ? [] : reply.fields;
  const purchase = certainly(purchaseOfList(id, fields), id);
  return { purchase, applied: !isRefusal(reply) && reply.result === 'applied' };
}

/** Only a failed purchase is ever deleted, and after its key: one that was there in a step and is not any more is a bug. */
function certainly<T>(value: T | undefined, id: string): T {
  if (value === undefined) throw new Error(`there is no purchase ${id}`);
  return value;
}
