/** The steps of a purchase after its beginning. Each is repeated under the purchase's id until its result is certain. */
import { releaseStock, reserveStock, sentItemToRelease } from '../contracts/calls.ts';
import { type Deadline, pause, remainingMs, within } from '../core/clock.ts';
import { Unavailable } from '../core/outcome.ts';
import type { InternalClient } from '../http/client.ts';
import type { Begun, Purchase } from './record.ts';
import { createReserveInGroup, type ReservationAnswer } from './reservation-groups.ts';
import { type Failure, failureDetails } from './schema.ts';
import type { PurchaseWrites, Step } from './store.ts';

/** See {@link createSaga}. */
export type Saga = {
  /**
   * Carries a pending purchase to its end: stock is taken and it completes, or `products` refuses and it fails.
   * @returns the purchase as it ended, also when another process ended it
   * @throws Unavailable when that is not certain before the deadline; it stays pending then, and recovery resumes it
   */
  carry(begun: Begun, requestId: string, deadline: Deadline): Promise<Purchase>;
  /** Gives a cancelled purchase's stock back. @throws Unavailable when that is not certain before the deadline; it stays pending then */
  release(purchase: Purchase, requestId: string, deadline: Deadline): Promise<void>;
};

/** How much of the remaining time is reserved for the write after a call, in ms. */
const settleMs = 300;
const shortestPauseMs = 20;
const longestPauseMs = 200;

/** Creates the saga. @param onEnd called for each purchase that a step ended, for counting */
export function createSaga(
  store: Pick<PurchaseWrites, 'complete' | 'fail' | 'released' | 'confirm'>,
  client: Pick<InternalClient, 'call'>,
  onEnd: (status: Purchase['status']) => void,
): Saga {
  const reserveInGroup = createReserveInGroup(client);

  const carrying = new Map<string, Promise<Purchase>>();
  const releasing = new Map<string, Promise<true>>();

  function ended({ purchase, applied }: Step): Purchase {
    if (applied) onEnd(purchase.status);
    return purchase;
  }

  async function carry(begun: Begun, requestId: string, deadline: Deadline): Promise<Purchase> {
    const input = { purchaseId: begun.id, items: begun.requested.map((wanted) => ({ ...wanted })) };
    const askUntil = withMargin(deadline);
    const answer = await askUntilDeadline(askUntil, (isFirst) =>
      isFirst ? reserveInGroup(input, requestId, askUntil) : client.call(reserveStock, input, requestId, askUntil),
    );
    switch (answer.result) {
      case 'reserved':
        return ended(await store.complete(begun, answer, requestId, deadline));
      case 'sold-out':
      case 'unknown-product':
        return ended(await store.fail(begun, failureOf(answer), requestId, deadline));
      case 'released': {
        // Only a cancellation releases, so it has ended already.
        const purchase = await store.confirm(begun.id, deadline);
        if (purchase === undefined || purchase.status === 'pending') {
          throw new Error(`${begun.id} was released but is not cancelled`);
        }
        return purchase;
      }
    }
  }

  async function release(purchase: Purchase, requestId: string, deadline: Deadline): Promise<true> {
    const items = purchase.items.map(sentItemToRelease);
    const askUntil = withMargin(deadline);
    const event = await askUntilDeadline(askUntil, () =>
      client.call(releaseStock, { purchaseId: purchase.id, items }, requestId, askUntil),
    );
    await store.released(purchase, event, deadline);
    return true;
  }

  return {
    carry: (begun, requestId, deadline) =>
      joinOrStart(carrying, begun.id, deadline, () => carry(begun, requestId, deadline)),
    async release(purchase, requestId, deadline) {
      await joinOrStart(releasing, purchase.id, deadline, () => release(purchase, requestId, deadline));
    },
  };
}

/** Asks `products` until it answers. @param ask asks once; throws Unavailable where it may ask again */
async function askUntilDeadline<O>(deadline: Deadline, ask: (isFirst: boolean) => Promise<O>): Promise<O> {
  for (let waitMs = shortestPauseMs; ; waitMs = Math.min(2 * waitMs, longestPauseMs)) {
    try {
      return await ask(waitMs === shortestPauseMs);
    } catch (error) {
      if (!(error instanceof Unavailable) || remainingMs(deadline) <= waitMs) throw error;
    }
    await pause(waitMs * (0.5 + Math.random()), deadline);
  }
}

/** Joins the same work if this process has begun it already; does it when that fails. So 50 requests under one key call `products` once. */
async function joinOrStart<T>(
  running: Map<string, Promise<T>>,
  id: string,
  deadline: Deadline,
  work: () => Promise<T>,
): Promise<T> {
  const others = running.get(id)?.catch(() => undefined);
  const found = others && (await within(others, remainingMs(deadline)));
  if (found !== undefined) return found;
  const own = work().finally(() => {
    if (running.get(id) === own) running.delete(id);
  });
  running.set(id, own);
  return own;
}

/** Leaves time for the write that follows a call. */
function withMargin(deadline: Deadline): Deadline {
  return { atMs: deadline.atMs - settleMs };
}

type Refused = Extract<ReservationAnswer, { result: 'sold-out' | 'unknown-product' }>;

/** What a purchase says of why `products` refused it. */
export function failureOf(refused: Refused): Failure {
  switch (refused.result) {
    case 'sold-out':
      return { code: 'insufficient-stock', detail: failureDetails['insufficient-stock'], items: refused.items };
    case 'unknown-product': {
      const items = refused.productIds.map((productId) => ({ productId }));
      return { code: 'unknown-product', detail: failureDetails['unknown-product'], items };
    }
  }
}
