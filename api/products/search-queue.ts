/**
 * The queue of searches. A few run at once in this process, and fewer for each address, so that purchases and reads never wait behind them
 * (search-turns.ts). Identical searches at the same time share one run (single-flight), and a run for which no client waits any more is aborted.
 */
import { type Refusal, refuse } from '../core/outcome.ts';
import type { Caller } from '../core/request.ts';
import { createTurns, type QueueBounds, usualQueueBounds } from './search-turns.ts';

/** The part of a request that the queue uses. */
type Asking = { readonly caller: Pick<Caller, 'address'>; readonly signal?: AbortSignal };

type Flight<T> = { readonly result: Promise<T | Refusal>; readonly abort: AbortController; clients: number };

/** Creates the queue. @param addressOf what of an address is counted as one client */
export function createSearchQueue<T>(
  bounds: QueueBounds = usualQueueBounds,
  addressOf: (address: string) => string = (address) => address,
) {
  const flights = new Map<string, Flight<T>>();
  const turns = createTurns(bounds);

  async function inTurn(address: string, signal: AbortSignal, search: (signal: AbortSignal) => Promise<T>) {
    const refusal = await turns.enter(address, signal);
    if (refusal === 'gone') return refuse('temporarily-unavailable', 'The client closed the connection.');
    if (refusal !== undefined) return refusal;
    try {
      return await search(signal);
    } finally {
      turns.leave(address);
    }
  }

  return {
    /**
     * Runs a search when it is its turn.
     * @param key searches with the same key that are asked for at once share one run; `undefined` runs alone
     * @param search what to run; its signal is aborted when all clients that wait for it have gone
     * @returns its result; 429 when this address has too many waiting, 503 when all together have
     * @throws what the search throws
     */
    async run(
      key: string | undefined,
      { caller, signal }: Asking,
      search: (signal: AbortSignal) => Promise<T>,
    ): Promise<T | Refusal> {
      const known = key === undefined ? undefined : flights.get(key);
      const flight = known ?? begin(key, addressOf(caller.address), search);
      flight.clients += 1;
      const goAway = () => {
        flight.clients -= 1;
        if (flight.clients === 0) flight.abort.abort();
      };
      if (signal?.aborted) goAway();
      else signal?.addEventListener('abort', goAway, { once: true });
      try {
        return await flight.result;
      } finally {
        signal?.removeEventListener('abort', goAway);
      }
    },
    /** How many run and wait, for tests and metrics. */
    counts: turns.counts,
  };

  function begin(key: string | undefined, address: string, search: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const abort = new AbortController();
    const forget = () => {
      if (key !== undefined && flights.get(key) === flight) flights.delete(key);
    };
    // One that is ended must not be joined any more: its page is short.
    abort.signal.addEventListener('abort', forget, { once: true });
    const result = inTurn(address, abort.signal, search).finally(forget);
    const flight: Flight<T> = { result, abort, clients: 0 };
    if (key !== undefined) flights.set(key, flight);
    return flight;
  }
}
