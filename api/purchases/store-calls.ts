/** What the scripts of the saga's steps are called with: keys, and arguments as records store them. Pure functions. */
import type { ReservedItem } from '../contracts/calls.ts';
import { eventStream, type PurchaseEventData } from '../contracts/events.ts';
import { type RequestContext, wantedTags } from '../core/request.ts';
import { endingKey, failedKeptMs, purchaseKey, unfinishedKey } from './keys.ts';
import { type Begun, storedEntry, storedFailure, storedItems, storedRequest, totalOf } from './record.ts';
import type { Failure } from './schema.ts';
import { statusLists } from './scripts.ts';

/** An event of `products` that belongs into a purchase's history: its id there and its time in ms since 1970. */
export type ForeignEvent = { readonly eventId: string; readonly at: number };

const stream = eventStream('purchases');

/** Of begin.lua. */
export function beginCall({ id, userId, requested, currency }: Begun) {
  const created: PurchaseEventData<'purchase.created'> = { purchaseId: id, userId };
  return {
    keys: { purchase: purchaseKey(id), pending: unfinishedKey('pending'), ...statusLists(userId, 'pending') },
    args: { id, owner: userId, requested: storedRequest(requested), currency, created: JSON.stringify(created) },
  };
}

/** Of complete.lua. @param reserved what was taken, and the event that says so */
export function completeCall(
  { id, userId, currency }: Begun,
  { items, eventId, at }: ForeignEvent & { readonly items: readonly ReservedItem[] },
  requestId: string,
) {
  const total = { amount: totalOf(items), currency };
  const completed: PurchaseEventData<'purchase.completed'> = { purchaseId: id, total };
  return {
    keys: {
      purchase: purchaseKey(id),
      stream,
      pending: unfinishedKey('pending'),
      ...statusLists(userId, 'pending', 'completed'),
    },
    args: {
      id,
      request: requestId,
      items: storedItems(items),
      reserved: storedEntry('product.reserved', at, eventId),
      completed: JSON.stringify(completed),
    },
  };
}

/** Of fail.lua. */
export function failCall({ id, userId, requested }: Begun, failure: Failure, requestId: string) {
  const failed: PurchaseEventData<'purchase.failed'> = { purchaseId: id, code: failure.code };
  return {
    keys: {
      purchase: purchaseKey(id),
      stream,
      pending: unfinishedKey('pending'),
      ending: endingKey,
      ...statusLists(userId, 'pending', 'failed'),
    },
    args: {
      id,
      request: requestId,
      failure: storedFailure(failure, requested),
      failed: JSON.stringify(failed),
      keptMs: failedKeptMs,
    },
  };
}

/** Of cancel.lua. @param by the id of the user who cancels */
export function cancelCall({ id, userId }: Begun, by: string, context: Pick<RequestContext, 'ifMatch'>) {
  const cancelled: PurchaseEventData<'purchase.cancelled'> = { purchaseId: id, by };
  return {
    keys: {
      purchase: purchaseKey(id),
      pending: unfinishedKey('pending'),
      releases: unfinishedKey('release-pending'),
      ...statusLists(userId, 'pending', 'completed', 'cancelled'),
    },
    args: { id, tags: wantedTags(context), by, cancelled: JSON.stringify(cancelled) },
  };
}
