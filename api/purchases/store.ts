/** What changes purchases in Redis: each step of the saga is one script, safe to repeat. */
import { z } from 'zod';
import type { ReservedItem } from '../contracts/calls.ts';
import type { Deadline } from '../core/clock.ts';
import { isRefusal, type Refusal } from '../core/outcome.ts';
import type { RequestContext } from '../core/request.ts';
import { runKeyed } from '../redis/keyed.ts';
import { decodeReply, loadScript, type Script } from '../redis/script.ts';
import type { Writes } from '../redis/writes.ts';
import { endingKey, eventsKey, failedKeptMs, purchaseKey, statusLists, unfinishedKey } from './keys.ts';
import {
  type Begun,
  type BusData,
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
  async function step(
    script: Script,
    id: string,
    keys: readonly string[],
    args: readonly (string | number)[],
    deadline: Deadline,
  ): Promise<Step | undefined> {
    const reply = decodeReply(await writes.run(script, [purchaseKey(id), ...keys], args, deadline));
    if (reply === undefined || reply.result === 'missing') return undefined;
    const result = stepResult.parse(reply.result);
    return { purchase: certainly(purchaseOfList(id, reply.fields), id), applied: result === 'applied' };
  }

  return {
    async begin({ id, userId, requested, currency }, context) {
      const created: BusData['purchase.created'] = { purchaseId: id, userId };
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
      const completed: BusData['purchase.completed'] = { purchaseId: id, total };
      const done = await step(
        scripts.complete,
        id,
        [eventsKey, unfinishedKey('pending'), ...statusLists(userId, 'pending', 'completed')],
        [id, requestId, storedItems(items), storedEntry('product.reserved', at, eventId), JSON.stringify(completed)],
        deadline,
      );
      return certainly(done, id);
    },

    async fail({ id, userId, requested }, failure, requestId, deadline) {
      const failed: BusData['purchase.failed'] = { purchaseId: id, code: failure.code };
      const done = await step(
        scripts.fail,
        id,
        [eventsKey, unfinishedKey('pending'), endingKey, ...statusLists(userId, 'pending', 'failed')],
        [id, requestId, storedFailure(failure, requested), JSON.stringify(failed), failedKeptMs],
        deadline,
      );
      return certainly(done, id);
    },

    async cancel({ id, userId }, by, context) {
      const { ifMatch } = context;
      const versions = ifMatch === undefined || ifMatch === '*' ? '*' : `,${ifMatch.join(',')},`;
      const cancelled: BusData['purchase.cancelled'] = { purchaseId: id, by };
      const reply = await runKeyed(
        writes,
        'purchases',
        scripts.cancel,
        [
          purchaseKey(id),
          unfinishedKey('pending'),
          unfinishedKey('owed'),
          ...statusLists(userId, 'pending', 'completed', 'cancelled'),
        ],
        [id, versions, by, JSON.stringify(cancelled)],
        context,
      );
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

    async released({ id }, { eventId, at }, deadline) {
      const keys = [purchaseKey(id), unfinishedKey('owed')];
      const args = [id, storedEntry('product.released', at, eventId)];
      const reply = decodeReply(await writes.run(scripts.released, keys, args, deadline));
      z.enum(['released', 'missing']).parse(reply?.result);
    },

    async confirm(id, deadline) {
      return (await step(scripts.confirm, id, [], [], deadline))?.purchase;
    },

    async forget(id, userId, deadline) {
      const keys = [purchaseKey(id), endingKey, ...statusLists(userId, 'failed')];
      const reply = decodeReply(await writes.run(scripts.forget, keys, [id], deadline));
      z.enum(['deleted', 'unchanged']).parse(reply?.result);
    },
  };
}

const stepResult = z.enum(['applied', 'unchanged']);
const cancelResult = z.enum(['cancelled', 'unchanged', 'failed', 'missing', 'stale']);

/** Only a failed purchase is ever deleted, and after its key: one that was there in a step and is not any more is a bug. */
function certainly<T>(value: T | undefined, id: string): T {
  if (value === undefined) throw new Error(`there is no purchase ${id}`);
  return value;
}
