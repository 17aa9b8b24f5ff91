/** Turns: how many searches run and wait in this process, of all clients together and of each address. */
import { type Refusal, refuse } from '../core/outcome.ts';

/** How many searches may run and wait in this process. */
export type QueueBounds = {
  readonly running: number;
  readonly runningPerAddress: number;
  readonly waiting: number;
  readonly waitingPerAddress: number;
};

/** Each search costs some 10 ms, so the last of those that wait begins within a second. */
export const usualQueueBounds: QueueBounds = { running: 4, runningPerAddress: 1, waiting: 100, waitingPerAddress: 10 };

/** See {@link createTurns}. */
type Turns = {
  /**
   * Waits for a turn, which {@link leave} ends.
   * @returns `undefined` when it is there; the refusal when too many wait already; `'gone'` when the client went away meanwhile
   */
  enter(address: string, signal: AbortSignal): Promise<Refusal | 'gone' | undefined> | Refusal | undefined;
  leave(address: string): void;
  counts(): { readonly running: number; readonly waiting: number };
};

type Waiting = { readonly address: string; readonly begin: () => void };

/** Creates the turns. */
export function createTurns(bounds: QueueBounds): Turns {
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

  function begin(address: string): void {
    running.set(address, (running.get(address) ?? 0) + 1);
  }

  function wait(address: string, signal: AbortSignal): Promise<'gone' | undefined> {
    return new Promise((resolve) => {
      const waiting: Waiting = {
        address,
        begin() {
          signal.removeEventListener('abort', giveUp);
          begin(address);
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

  return {
    enter(address, signal) {
      if (mayBegin(address)) {
        begin(address);
        return undefined;
      }
      if (queue.filter((each) => each.address === address).length >= bounds.waitingPerAddress) return tooMany();
      if (queue.length >= bounds.waiting) {
        return refuse('temporarily-unavailable', 'Too many searches at once. Repeat this one in a second.');
      }
      return wait(address, signal);
    },
    leave(address) {
      const left = (running.get(address) ?? 1) - 1;
      if (left > 0) running.set(address, left);
      else running.delete(address);
      const next = queue.findIndex((each) => mayBegin(each.address));
      for (const waiting of next === -1 ? [] : queue.splice(next, 1)) waiting.begin();
    },
    counts: () => ({ running: runningInAll(), waiting: queue.length }),
  };
}

function tooMany(): Refusal {
  const refusal = refuse('rate-limited', 'Too many searches at once from this address; try again in 1 s.');
  return { ...refusal, headers: { 'Retry-After': '1' } };
}
