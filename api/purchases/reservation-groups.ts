/**
 * Reservations of one turn of the event loop go to `products` in one call. Under load most calls have several: the purchases that one group of
 * writes has begun are confirmed together. `products` then writes the reservations of a call in one group as well.
 *
 * Each reservation is independent of the others: it is asked for after its own purchase is durable, runs as a script of its own under its
 * purchase's id, and has its own answer. After a call without a proper answer each of its purchases asks again, alone.
 */
import type { z } from 'zod';
import { reserveStock, reserveStockOfGroup } from '../contracts/calls.ts';
import type { Deadline } from '../core/clock.ts';
import { newId } from '../core/ids.ts';
import { Unavailable } from '../core/outcome.ts';
import { type SliceBounds, slicesOf } from '../core/slices.ts';
import type { InternalClient } from '../http/client.ts';

/** What to take. */
export type ReservationInput = z.infer<typeof reserveStock.input>;
/** What `products` answered. */
export type ReservationAnswer = z.infer<typeof reserveStock.output>;

/**
 * Asks for a reservation once, together with others of the same turn.
 * @throws Unavailable when there is no proper answer before the deadline: ask again, alone
 */
type ReserveInGroup = (input: ReservationInput, requestId: string, deadline: Deadline) => Promise<ReservationAnswer>;

/** A reservation that waits for the end of the turn. */
type Waiting = {
  readonly input: ReservationInput;
  readonly requestId: string;
  readonly deadline: Deadline;
  readonly resolve: (answer: ReservationAnswer) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * How many reservations one call has, and how many items (a purchase has at most 100): its body stays far below 100 kB and its answer below
 * what Nginx keeps in memory.
 */
const inOneCall: SliceBounds = { count: 32, weight: 250 };

/** Creates the function that gathers reservations. */
export function createReserveInGroup(client: Pick<InternalClient, 'call'>): ReserveInGroup {
  let waiting: Waiting[] = [];

  function sendAll() {
    const all = waiting;
    waiting = [];
    for (const group of slicesOf(all, ({ input }) => input.items.length, inOneCall)) void send(group);
  }

  async function send(group: readonly Waiting[]): Promise<void> {
    const [first, second] = group;
    if (first !== undefined && second === undefined) {
      await client.call(reserveStock, first.input, first.requestId, first.deadline).then(first.resolve, first.reject);
      return;
    }
    const reservations = group.map(({ input, requestId }) => ({ ...input, requestId }));
    // Those with more time ask again.
    const deadline = { atMs: Math.min(...group.map((each) => each.deadline.atMs)) };
    try {
      const { answers } = await client.call(reserveStockOfGroup, { reservations }, newId(), deadline);
      for (const [i, { resolve, reject }] of group.entries()) {
        const answer = answers[i];
        if (answer === undefined) reject(new Unavailable('products left a reservation of a group unanswered'));
        else resolve(answer);
      }
    } catch (error) {
      // Also a bug: it may concern one purchase of the group, which shows when each asks alone. An older `products` does not know the call.
      const reason = error instanceof Error ? error.message : String(error);
      for (const { reject } of group) reject(new Unavailable(reason));
    }
  }

  return (input, requestId, deadline) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(sendAll);
      waiting.push({ input, requestId, deadline, resolve, reject });
    });
}
