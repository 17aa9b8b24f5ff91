/**
 * The queue of searches. A few run at once in this process, and fewer for each address, so that purchases and reads never wait behind them
 * (search-turns.ts). Identical searches at the same time share one run (single-flight), and a run for which no client waits any more is aborted.
 */
import { type Deadline, remainingMs } from '../core/clock.ts';
import { type Refusal, refuse, Unavailable } from '../core/outcome.ts';
import type { Caller } from '../core/request.ts';
import { createTurns, type QueueBounds, usualQueueBounds } from './search-turns.ts';

/** The part of a request that the queue uses. */
type Asking = {
  readonly caller: Pick<Caller, 'address'>;
  readonly deadline: Deadline;
  readonly signal?: AbortSignal | undefined;
};

/** A search that runs or waits for the turn of the address that asked for it first. */
type Flight<T> = {
  readonly result: Promise<T | Refusal>;
  readonly abort: AbortController;
  readonly address: string;
  clients: number;
  isRunning: boolean;
};

/** Creates the queue. @param addressOf what of an address is counted as one client */
export function createSearchQueue<T>(
  bounds: QueueBounds = usualQueueBounds,
  addressOf: (address: string) => string = (address) => address,
) {
  const flights = new Map<string, Flight<T>>();
  const turns = createTurns(bounds);

  async function inTurn(flight: Omit<Flight<T>, 'result'>, search: (signal: AbortSignal) => Promise<T>) {
    const { address, abort } = flight;
    const entered = turns.enter(address, abort.signal);
    const refusal = entered instanceof Promise ? await entered : entered;
    if (refusal === 'gone') return refuse('temporarily-unavailable', 'The client closed the connection.');
    if (refusal !== undefined) return refusal;
    flight.isRunning = true;
    try {
      return await search(abort.signal);
    } finally {
      turns.leave(address);
    }
  }

  /** `run` of the result. */
  async function run(
    key: string | undefined,
    asking: Asking,
    search: (signal: AbortSignal) => Promise<T>,
  ): Promise<T | Refusal> {
    const { caller, deadline, signal } = asking;
    const address = addressOf(caller.address);
    const known = key === undefined ? undefined : flights.get(key);
    const joined = known?.isRunning === true || known?.address === address ? known : undefined;
    const flight = joined ?? begin(key, address, search);
    flight.clients += 1;
    const goAway = () => {
      flight.clients -= 1;
      if (flight.clients === 0) flight.abort.abort();
    };
    if (signal?.aborted) goAway();
    else signal?.addEventListener('abort', goAway, { once: true });
    try {
      return await flight.result;
    } catch (error) {
      const mayRunAgain = joined !== undefined && error instanceof Unavailable && signal?.aborted !== true;
      if (!mayRunAgain || remainingMs(deadline) <= 0) throw error;
    } finally {
      signal?.removeEventListener('abort', goAway);
    }
    return run(key, asking, search);
  }

  return {
    /**
     * Runs a search when it is its turn.
     * @param key searches with the same key that are asked for at once share one run, if it runs already or waits for the turn of the same
     *   address; `undefined` runs alone. A run has its first caller's deadline; if it ends by that, the others search again by their own
     * @param search what to run; its signal is aborted when all clients that wait for it have gone
     * @returns its result; 429 when this address has too many waiting, 503 when all together have
     * @throws what the search throws
     */
    run,
    /** How many run and wait, for tests and metrics. */
    counts: turns.counts,
  };

  function begin(key: string | undefined, address: string, search: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const begun = { abort: new AbortController(), address, clients: 0, isRunning: false };
    const forget = () => {
      if (key !== undefined && flights.get(key)?.abort === begun.abort) flights.delete(key);
    };
    // One that is ended must not be joined any more: its page is short.
    begun.abort.signal.addEventListener('abort', forget, { once: true });
    const flight: Flight<T> = Object.assign(begun, { result: inTurn(begun, search).finally(forget) });
    if (key !== undefined) flights.set(key, flight);
    return flight;
  }
}
