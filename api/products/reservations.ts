/** The rules of taking stock for a purchase and of giving it back. Only `purchases` calls them, and repeats until there is an answer. */
import type { ItemToRelease } from '../contracts/calls.ts';
import { summed, type Wanted } from '../contracts/wanted.ts';
import { type Deadline, deadlineIn, remainingMs } from '../core/clock.ts';
import { Unavailable } from '../core/outcome.ts';
import type { RequestContext } from '../core/request.ts';
import type { Release, Reservation, Reservations } from './store-reservations.ts';

/** How long an answer may take, in ms: Nginx asks another replica after 1.5 s, and `purchases` has 3.7 s for the whole purchase. */
const answerMs = 1000;

/** Creates the rules on their store. Both throw Unavailable when the result is not certain within a second; both are safe to repeat. */
export function createReservationRules(store: Reservations) {
  return {
    /** Takes all items or none; the same product twice is summed. */
    reserve(purchaseId: string, items: readonly Wanted[], context: RequestContext): Promise<Reservation> {
      return store.reserve(purchaseId, summed(items), context.requestId, soon(context.deadline));
    },

    /** Gives the reserved stock back, once, and rejects every later reservation under this id. */
    async release(
      purchaseId: string,
      callerItems: readonly ItemToRelease[],
      context: RequestContext,
    ): Promise<Release> {
      const deadline = soon(context.deadline);
      while (remainingMs(deadline) > 0) {
        const source = await store.releaseSource(purchaseId, callerItems, deadline);
        const released = await store.release(purchaseId, source, context.requestId, deadline);
        if (released !== 'conflict') return released;
      }
      throw new Unavailable('the reservation kept changing');
    },
  };
}

function soon(deadline: Deadline): Deadline {
  return { atMs: Math.min(deadline.atMs, deadlineIn(answerMs).atMs) };
}
