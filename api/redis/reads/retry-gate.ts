/**
 * Bounds the work of reads that cannot succeed for a while. In a failover or a cut of the network all reads wait for the same event. If each
 * tried again for itself, hundreds of them would keep the process busy, so that no Redis node is heard in time even after the cut has healed.
 */
import { type Deadline, remainingMs, within } from '../../core/clock.ts';

/** See {@link createRetryGate}. */
type RetryGate = {
  /**
   * Waits for a turn. While tries fail, few have one at the same time; after one has succeeded, all do.
   * @returns `false` when the deadline came first; otherwise `leave` must follow
   */
  enter(deadline: Deadline): Promise<boolean>;
  /** Ends a turn. @param hasSucceeded whether the try did */
  leave(hasSucceeded: boolean): void;
};

/** @param maxTries how many may try at the same time since the last one failed */
export function createRetryGate(maxTries: number): RetryGate {
  let isFailing = false;
  let trying = 0;
  const waiting = new Set<() => void>();

  function admit(next: () => void): void {
    waiting.delete(next);
    trying += 1;
    next();
  }

  function leave(hasSucceeded: boolean): void {
    trying -= 1;
    isFailing = !hasSucceeded;
    for (const next of waiting) {
      if (isFailing && trying >= maxTries) return;
      admit(next);
    }
  }

  return {
    leave,
    async enter(deadline) {
      if (!isFailing || trying < maxTries) {
        trying += 1;
        return true;
      }
      let turn = () => {};
      const admitted = new Promise<true>((resolve) => {
        turn = () => resolve(true);
      });
      waiting.add(turn);
      if (await within(admitted, remainingMs(deadline))) return true;
      // The turn may have come at the same moment as the deadline; it says nothing about tries.
      if (!waiting.delete(turn)) leave(!isFailing);
      return false;
    },
  };
}
