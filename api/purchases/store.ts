/** What changes purchases in Redis: each step of the saga is one script, safe to repeat. */
import { z } from 'zod';
import type { ReservedItem } from '../contracts/calls.ts';
import type { Deadline } from '../core/clock.ts';
import type { Money } from '../core/money.ts';
import { isRefusal, type Refusal } from '../core/outcome.ts';
import type { RequestContext } from '../core/request.ts';
import { runKeyed } from '../redis/keyed.ts';
import { decodeReply, loadScript, type Script } from '../redis/script.ts';
import type { Writes } from '../redis/writes.ts';
import { eventsKey, historyKey, purchaseKey, statusLists, unfinishedKey } from './keys.ts';
import { type Begun, type Purchase, purchaseOfList } from './record.ts';
import type { EventData, Failure, StoredEvent } from './schema.ts';

const scripts = {
  begin: loadScript(new URL('./lua/begin.lua', import.meta.url)),
  complete: loadScript(new URL('./lua/complete.lua', import.meta.url), 'go-on'),
  fail: loadScript(new URL('./lua/fail.lua', import.meta.url), 'go-on'),
  cancel: loadScript(new URL('./lua/cancel.lua', import.meta.url), 'go-on'),
  released: loadScript(new URL('./lua/released.lua', import.meta.url), 'go-on'),
  confirm: loadScript(new URL('./lua/confirm.lua', import.meta.url), 'go-on'),
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
};

/** Opens the writes. */
export function openPurchaseWrites(writes: Writes): PurchaseWrites {
  async function step(script: Script, keys: string[], args: string[], deadline: Deadline): Promise<Step | undefined> {
    const reply = decodeReply(await writes.run(script, keys, args, deadline));
    if (reply === undefined || reply.result === 'missing') return undefined;
    const result = stepResult.parse(reply.result);
    return { purchase: certainly(purchaseOfList(reply.fields), script.name), applied: result === 'applied' };
  }

  return {
    async begin(begun, context) {
      const { id, userId, requested, currency } = begun;
      const created: EventData<'purchase.created'> = { purchaseId: id, userId, items: [...requested] };
      const reply = await runKeyed(
        writes,
        'purchases',
        scripts.begin,
        [purchaseKey(id), historyKey(id), unfinishedKey('pending'), ...statusLists(userId, 'any', 'pending')],
        [id, userId, JSON.stringify(requested), currency, JSON.stringify(created)],
        context,
      );
      if (isRefusal(reply)) return reply;
      z.literal('begun').parse(reply.result);
      return { id: z.string().parse(reply.fields[0]), replayed: reply.replayed };
    },

    async complete({ id, userId, currency }, { items, eventId, at }, requestId, deadline) {
      const totalMinor = items.reduce((sum, item) => sum + item.quantity * item.unitPriceMinor, 0);
      const money = (amount: number): Money => ({ amount, currency });
      const reserved: StoredEvent = {
        id: `products:${eventId}`,
        type: 'product.reserved',
        at,
        data: {
          purchaseId: id,
          items: items.map(({ productId, name, quantity, unitPriceMinor }) => {
            return { productId, name, quantity, unitPrice: money(unitPriceMinor) };
          }),
        },
      };
      const completed: EventData<'purchase.completed'> = { purchaseId: id, total: money(totalMinor) };
      const done = await step(
        scripts.complete,
        [
          purchaseKey(id),
          eventsKey,
          historyKey(id),
          unfinishedKey('pending'),
          ...statusLists(userId, 'pending', 'completed'),
        ],
        [id, requestId, JSON.stringify(items), String(totalMinor), JSON.stringify(reserved), JSON.stringify(completed)],
        deadline,
      );
      return certainly(done, id);
    },

    async fail({ id, userId }, failure, requestId, deadline) {
      const failed: EventData<'purchase.failed'> = { purchaseId: id, failure };
      const done = await step(
        scripts.fail,
        [
          purchaseKey(id),
          eventsKey,
          historyKey(id),
          unfinishedKey('pending'),
          ...statusLists(userId, 'pending', 'failed'),
        ],
        [id, requestId, JSON.stringify(failure), JSON.stringify(failed)],
        deadline,
      );
      return certainly(done, id);
    },

    async cancel({ id, userId }, by, context) {
      const { ifMatch } = context;
      const versions = ifMatch === undefined || ifMatch === '*' ? '*' : `,${ifMatch.join(',')},`;
      const cancelled: EventData<'purchase.cancelled'> = { purchaseId: id, by };
      const reply = await runKeyed(
        writes,
        'purchases',
        scripts.cancel,
        [
          purchaseKey(id),
          historyKey(id),
          unfinishedKey('pending'),
          unfinishedKey('owed'),
          ...statusLists(userId, 'pending', 'completed', 'cancelled'),
        ],
        [id, versions, JSON.stringify(cancelled)],
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
          const purchase = certainly(purchaseOfList(fields), id);
          return { kind: 'cancelled', purchase, applied: kind === 'cancelled' && !replayed, replayed };
        }
      }
    },

    async released({ id, items }, { eventId, at }, deadline) {
      const event: StoredEvent = {
        id: `products:${eventId}`,
        type: 'product.released',
        at,
        data: { purchaseId: id, items: items.map(({ productId, quantity }) => ({ productId, quantity })) },
      };
      const keys = [purchaseKey(id), historyKey(id), unfinishedKey('owed')];
      const reply = decodeReply(await writes.run(scripts.released, keys, [id, JSON.stringify(event)], deadline));
      z.enum(['released', 'missing']).parse(reply?.result);
    },

    async confirm(id, deadline) {
      return (await step(scripts.confirm, [purchaseKey(id)], [], deadline))?.purchase;
    },
  };
}

const stepResult = z.enum(['applied', 'unchanged']);
const cancelResult = z.enum(['cancelled', 'unchanged', 'failed', 'missing', 'stale']);

/** A purchase is never deleted: one that was there and is not any more is a bug. */
function certainly<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`${what}: there is no such purchase`);
  return value;
}
