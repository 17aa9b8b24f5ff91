/** What changes purchases in Redis: each step of the saga is one script, safe to repeat. */
import type { ReservedItem } from '../contracts/calls.ts';
import type { Deadline } from '../core/clock.ts';
import { isRefusal, type Refusal } from '../core/outcome.ts';
import type { RequestContext } from '../core/request.ts';
import type { Reply } from '../redis/define-script.ts';
import { runKeyedScript, runScript } from '../redis/run-script.ts';
import type { Writes } from '../redis/writes/writes.ts';
import { endingKey, oldHistoryKey, oldLists, oldReleasePendingKey, purchaseKey, unfinishedKey } from './keys.ts';
import { type Begun, type Purchase, purchaseOfList, storedEntry } from './record.ts';
import type { Failure } from './schema.ts';
import { scripts, statusLists } from './scripts.ts';
import { beginCall, cancelCall, completeCall, type ForeignEvent, failCall } from './store-calls.ts';

/** A purchase after a step; `applied`: this call changed it (a repetition does not). */
export type Step = { readonly purchase: Purchase; readonly applied: boolean };

/** Result of a cancellation. `stale`: the purchase is not what If-Match names. */
type Cancellation =
  | { readonly kind: 'cancelled'; readonly purchase: Purchase; readonly applied: boolean; readonly replayed: boolean }
  | { readonly kind: 'failed'; readonly replayed: boolean }
  | { readonly kind: 'missing' | 'stale' };

/** The writes; every one throws Unavailable when it is not certain before the deadline. */
export type PurchaseWrites = {
  /**
   * Begins a purchase under the request's key.
   * @returns the id that is bound to the key: not `begun.id` if an earlier request began the purchase; or the refusal of a reused key
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
  /** Records that the stock of a cancelled purchase is back. */
  released(purchase: Purchase, event: ForeignEvent, deadline: Deadline): Promise<void>;
  /** The purchase as it is now; this state is durable. `undefined` if there is none. */
  confirm(id: string, deadline: Deadline): Promise<Purchase | undefined>;
  /** Deletes a failed purchase whose time has come by Redis' clock; leaves any other as it is. */
  forget(id: string, userId: string, deadline: Deadline): Promise<void>;
};

/** Creates the writes. */
export function createPurchaseWrites(writes: Writes): PurchaseWrites {
  return {
    async begin(begun, context) {
      const reply = await runKeyedScript(writes, 'purchases', scripts.begin, beginCall(begun), context);
      return isRefusal(reply) ? reply : { id: reply.id, replayed: reply.replayed };
    },

    async complete(begun, reserved, requestId, deadline) {
      const call = completeCall(begun, reserved, requestId);
      const run = () => runScript(writes, scripts.complete, call, deadline);
      return stepOf(begun.id, await inPresentFormat(writes, begun, deadline, run));
    },

    async fail(begun, failure, requestId, deadline) {
      const call = failCall(begun, failure, requestId);
      const run = () => runScript(writes, scripts.fail, call, deadline);
      return stepOf(begun.id, await inPresentFormat(writes, begun, deadline, run));
    },

    async cancel(begun, by, context) {
      const call = cancelCall(begun, by, context);
      const run = () => runKeyedScript(writes, 'purchases', scripts.cancel, call, context);
      const reply = await inPresentFormat(writes, begun, context.deadline, run);
      return isRefusal(reply) ? reply : cancellationOf(begun.id, reply);
    },

    async released(purchase, { eventId, at }, deadline) {
      const { id } = purchase;
      const keys = {
        purchase: purchaseKey(id),
        releases: unfinishedKey('release-pending'),
        oldReleases: oldReleasePendingKey,
      };
      const args = { id, released: storedEntry('product.released', at, eventId) };
      const run = () => runScript(writes, scripts.released, { keys, args }, deadline);
      await inPresentFormat(writes, purchase, deadline, run);
    },

    async confirm(id, deadline) {
      const call = { keys: { purchase: purchaseKey(id) }, args: {} };
      const reply = await runScript(writes, scripts.confirm, call, deadline);
      return reply.result === 'missing' ? undefined : existing(purchaseOfList(id, reply.fields), id);
    },

    async forget(id, userId, deadline) {
      const keys = { purchase: purchaseKey(id), ending: endingKey, ...statusLists(userId, 'failed') };
      await runScript(writes, scripts.forget, { keys, args: { id } }, deadline);
    },
  };
}

/** Runs a script; where it finds a purchase in the format of an earlier release, it is rewritten first. */
async function inPresentFormat<R extends { readonly result: string }>(
  writes: Writes,
  { id, userId }: Pick<Begun, 'id' | 'userId'>,
  deadline: Deadline,
  run: () => Promise<R | Refusal>,
): Promise<InPresentFormat<R> | Refusal> {
  let reply = await run();
  if (isOldFormat(reply)) {
    const keys = { purchase: purchaseKey(id), list: oldHistoryKey(id), lists: oldLists(userId) };
    await runScript(writes, scripts.rewrite, { keys, args: { id } }, deadline);
    reply = await run();
  }
  if (isOldFormat(reply)) throw new Error(`purchase ${id} is still in the format of an earlier release`);
  return reply as InPresentFormat<R> | Refusal;
}

type InPresentFormat<R> = Exclude<R, { readonly result: 'old-format' }>;

function isOldFormat(reply: object): boolean {
  return 'result' in reply && reply.result === 'old-format';
}

/** Result of a step. The purchase existed when the saga began; only a failed one is ever deleted, after its key. */
function stepOf(id: string, reply: InPresentFormat<Reply<(typeof scripts.complete)['replies']>> | Refusal): Step {
  const fields = isRefusal(reply) || reply.result === 'missing' ? [] : reply.fields;
  const purchase = existing(purchaseOfList(id, fields), id);
  return { purchase, applied: !isRefusal(reply) && reply.result === 'applied' };
}

function cancellationOf(id: string, reply: InPresentFormat<Reply<(typeof scripts.cancel)['replies']>>): Cancellation {
  const { result, replayed } = reply;
  switch (result) {
    case 'missing':
    case 'stale':
      return { kind: result };
    case 'failed':
      return { kind: result, replayed };
    case 'cancelled':
    case 'unchanged': {
      const purchase = existing(purchaseOfList(id, reply.fields), id);
      return { kind: 'cancelled', purchase, applied: result === 'cancelled' && !replayed, replayed };
    }
  }
}

/** @throws when there is no purchase: only a failed one is ever deleted, after its key, so this is a bug */
function existing<T>(value: T | undefined, id: string): T {
  if (value === undefined) throw new Error(`there is no purchase ${id}`);
  return value;
}
