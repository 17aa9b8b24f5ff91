/** What changes purchases in Redis: each step of the saga is one script, safe to repeat. */
import { z } from 'zod';
import type { ReservedItem } from '../contracts/calls.ts';
import type { PurchaseEventData } from '../contracts/events.ts';
import type { Deadline } from '../core/clock.ts';
import { isRefusal, type Refusal } from '../core/outcome.ts';
import type { RequestContext } from '../core/request.ts';
import { runKeyed } from '../redis/keyed.ts';
import { decodeReply, loadScript, type Script, type ScriptReply } from '../redis/script.ts';
import type { Writes } from '../redis/writes.ts';
import {
  endingKey,
  eventsKey,
  failedKeptMs,
  oldHistoryKey,
  oldLists,
  oldReleasePendingKey,
  purchaseKey,
  statusLists,
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

const scripts = {
  begin: loadScript(new URL('./lua/begin.lua', import.meta.url)),
  complete: loadScript(new URL('./lua/complete.lua', import.meta.url), 'go-on'),
  fail: loadScript(new URL('./lua/fail.lua', import.meta.url), 'go-on'),
  cancel: loadScript(new URL('./lua/cancel.lua', import.meta.url), 'go-on'),
  released: loadScript(new URL('./lua/released.lua', import.meta.url), 'go-on'),
  confirm: loadScript(new URL('./lua/confirm.lua', import.meta.url), 'go-on'),
  forget: loadScript(new URL('./lua/forget.lua', import.meta.url), 'go-on'),
  rewrite: loadScript(new URL('./lua/rewrite.lua', import.meta.url), 'go-on'),
};

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
  async function inPresentFormat(
    { id, userId }: Pick<Begun, 'id' | 'userId'>,
    deadline: Deadline,
    run: () => Promise<ScriptReply | Refusal | undefined>,
  ): Promise<ScriptReply | Refusal | undefined> {
    const reply = await run();
    if (reply === undefined || isRefusal(reply) || reply.result !== 'old-format') return reply;
    await writes.run(scripts.rewrite, [purchaseKey(id), oldHistoryKey(id), ...oldLists(userId)], [id], deadline);
    return run();
  }

  async function step(
    script: Script,
    begun: Pick<Begun, 'id' | 'userId'>,
    keys: readonly string[],
    args: readonly (string | number)[],
    deadline: Deadline,
  ): Promise<Step | undefined> {
    const { id } = begun;
    const reply = await inPresentFormat(begun, deadline, async () =>
      decodeReply(await writes.run(script, [purchaseKey(id), ...keys], args, deadline)),
    );
    if (reply === undefined || isRefusal(reply) || reply.result === 'missing') return undefined;
    const result = stepResult.parse(reply.result);
    return { purchase: certainly(purchaseOfList(id, reply.fields), id), applied: result === 'applied' };
  }

  return {
    async begin({ id, userId, requested, currency }, context) {
      const created: PurchaseEventData<'purchase.created'> = { purchaseId: id, userId };
      const reply = await runKeyed(
        writes,
        'purchases',
        scripts.begin,
        [purchaseKey(id), unfinishedKey('pending'), ...statusLists(userId, 'pending')],
        [id, userId, storedRequest(requested), currency, JSON.stringify(created)],
        context,
      );
      if (isRefusal(reply)) return reply;
      z.literal('begun').parse(reply.result);
      return { id: z.string().parse(reply.fields[0]), replayed: reply.replayed };
    },

    async complete({ id, userId, currency }, { items, eventId, at }, requestId, deadline) {
      const total = { amount: totalOf(items), currency };
      const completed: PurchaseEventData<'purchase.completed'> = { purchaseId: id, total };
      const done = await step(
        scripts.complete,
        { id, userId },
        [eventsKey, unfinishedKey('pending'), ...statusLists(userId, 'pending', 'completed')],
        [id, requestId, storedItems(items), storedEntry('product.reserved', at, eventId), JSON.stringify(completed)],
        deadline,
      );
      return certainly(done, id);
    },

    async fail({ id, userId, requested }, failure, requestId, deadline) {
      const failed: PurchaseEventData<'purchase.failed'> = { purchaseId: id, code: failure.code };
      const done = await step(
        scripts.fail,
        { id, userId },
        [eventsKey, unfinishedKey('pending'), endingKey, ...statusLists(userId, 'pending', 'failed')],
        [id, requestId, storedFailure(failure, requested), JSON.stringify(failed), failedKeptMs],
        deadline,
      );
      return certainly(done, id);
    },

    async cancel({ id, userId }, by, context) {
      const { ifMatch } = context;
      const versions = ifMatch === undefined || ifMatch === '*' ? '*' : `,${ifMatch.join(',')},`;
      const cancelled: PurchaseEventData<'purchase.cancelled'> = { purchaseId: id, by };
      const keys = [
        purchaseKey(id),
        unfinishedKey('pending'),
        unfinishedKey('release-pending'),
        ...statusLists(userId, 'pending', 'completed', 'cancelled'),
      ];
      const args = [id, versions, by, JSON.stringify(cancelled)];
      const reply = await inPresentFormat({ id, userId }, context.deadline, () =>
        runKeyed(writes, 'purchases', scripts.cancel, keys, args, context),
      );
      if (reply === undefined) throw new Error('cancel.lua did not reply');
      if (isRefusal(reply)) return reply;
      const { result, fields, replayed } = reply;
      const kind = cancelResult.parse(result);
      switch (kind) {
        case 'missing':
          return { kind };
        case 'stale':
          return { kind };
        case 'failed':
          return { kind, replayed };
        case 'cancelled':
        case 'unchanged': {
          const purchase = certainly(purchaseOfList(id, fields), id);
          return { kind: 'cancelled', purchase, applied: kind === 'cancelled' && !replayed, replayed };
        }
      }
    },

    async released({ id, userId }, { eventId, at }, deadline) {
      const keys = [purchaseKey(id), unfinishedKey('release-pending'), oldReleasePendingKey];
      const args = [id, storedEntry('product.released', at, eventId)];
      const reply = await inPresentFormat({ id, userId }, deadline, async () =>
        decodeReply(await writes.run(scripts.released, keys, args, deadline)),
      );
      z.object({ result: z.enum(['released', 'missing']) }).parse(reply);
    },

    async confirm(id, deadline) {
      return (await step(scripts.confirm, { id, userId: '' }, [], [], deadline))?.purchase;
    },

    async forget(id, userId, deadline) {
      const keys = [purchaseKey(id), endingKey, ...statusLists(userId, 'failed')];
      const reply = decodeReply(await writes.run(scripts.forget, keys, [id], deadline));
      z.enum(['deleted', 'unchanged']).parse(reply?.result);
    },
  };
}

const stepResult = z.enum(['applied', 'unchanged']);
/** 5eb7839 stored `kept` under a key where this release stores `unchanged`. */
const cancelResult = z.preprocess(
  (result) => (result === 'kept' ? 'unchanged' : result),
  z.enum(['cancelled', 'unchanged', 'failed', 'missing', 'stale']),
);

/** Only a failed purchase is ever deleted, and after its key: one that was there in a step and is not any more is a bug. */
function certainly<T>(value: T | undefined, id: string): T {
  if (value === undefined) throw new Error(`there is no purchase ${id}`);
  return value;
}
