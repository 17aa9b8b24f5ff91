/**
 * The queue of searches. A few run at once in this process, and fewer for each address, so that purchases and reads never wait behind them. The same search asked for twice at once runs once, and one for which no client waits any more is ended.
 */

import { type Refusal, refuse } from '../core/outcome.ts';
import type { Caller } from '../core/request.ts';

/** How many searches may run and wait in this process. */
export type QueueBounds = {
  readonly running: number;
  readonly runningPerAddress: number;
  readonly waiting: number;
  readonly waitingPerAddress: number;
};

/** Each search costs some 10 ms, so the last of those that wait begins within a second. */
export const usualQueueBounds: QueueBounds = { running: 4, runningPerAddress: 1, waiting: 100, waitingPerAddress: 10 };

/** What the queue needs to know of a request. */
export type Asking = { readonly caller: Pick<Caller, 'address'>; readonly signal?: AbortSignal };

/** See {@link createSearchQueue}. */
export type SearchQueue<T> = ReturnType<typeof createSearchQueue<T>>;

type Flight<T> = { readonly result: Promise<T | Refusal>; readonly abort: AbortController; clients: number };
type Waiting = { readonly address: string; readonly begin: () => void };

/** Creates the queue. @param addressOf what of an address is counted as one client */
export function createSearchQueue<T>(
  bounds: QueueBounds = usualQueueBounds,
  addressOf: (address: string) => string = (address) => address,
) {
  const flights = new Map<string, Flight<T>>();
  const running = new Map<string, number>();
  const queue: Waiting[] = [];

  function runningInAll(): number {
    let sum = 0;
    for (const count of running.values()) sum += count;
    return sum;
  }

  function mayBegin(address: string): boolean {
    return runningInAll() < bounds.running && (running.get(address) ?? 0) < bounds.runningPerAddress;
  }

  function leave(address: string): void {
    const left = (running.get(address) ?? 1) - 1;
    if (left > 0) running.set(address, left);
    else running.delete(address);
    const next = queue.findIndex((each) => mayBegin(each.address));
    for (const { begin } of next === -1 ? [] : queue.splice(next, 1)) begin();
  }

  /** Waits for a turn. @returns the refusal when too many wait already; `'gone'` when the client went away meanwhile */
  function enter(address: string, signal: AbortSignal): Promise<Refusal | 'gone' | undefined> | Refusal | undefined {
    const begin = () => void running.set(address, (running.get(address) ?? 0) + 1);
    if (mayBegin(address)) {
      begin();
      return undefined;
    }
    if (queue.filter((each) => each.address === address).length >= bounds.waitingPerAddress) return tooMany();
    if (queue.length >= bounds.waiting) {
      return refuse('temporarily-unavailable', 'Too many searches at once. Repeat this one in a second.');
    }
    return new Promise((resolve) => {
      const waiting: Waiting = {
        address,
        begin() {
          signal.removeEventListener('abort', giveUp);
          begin();
          resolve(undefined);
        },
      };
      function giveUp() {
        const at = queue.indexOf(waiting);
        if (at !== -1) queue.splice(at, 1);
        resolve('gone');
      }
      signal.addEventListener('abort', giveUp, { once: true });
      queue.push(waiting);
    });
  }

  async function inTurn(address: string, signal: AbortSignal, search: (signal: AbortSignal) => Promise<T>) {
    const refusal = await enter(address, signal);
    if (refusal === 'gone') return refuse('temporarily-unavailable', 'The client closed the connection.');
    if (refusal !== undefined) return refusal;
    try {
      return await search(signal);
    } finally {
      leave(address);
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
    counts: () => ({ running: runningInAll(), waiting: queue.length }),
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

function tooMany(): Refusal {
  const refusal = refuse('rate-limited', 'Too many searches at once from this address; try again in 1 s.');
  return { ...refusal, headers: { 'Retry-After': '1' } };
}
