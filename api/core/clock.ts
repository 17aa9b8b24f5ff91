/** Time: deadlines on a monotonic clock, the shop's time of day, sleeping, RFC 3339. */
import { setTimeout as delay, setImmediate as immediate } from 'node:timers/promises';

/** A moment on the monotonic clock, in ms. The caller does not wait for the answer after it. */
export type Deadline = { readonly atMs: number };

/** Milliseconds on a clock that never jumps. */
export function monotonicMs(): number {
  return performance.now();
}

/** The shop's time minus the monotonic clock, in ms; `undefined` until `redis/clock-sync.ts` has compared this host with others. */
let shopOffsetMs: number | undefined;

/**
 * The shop's time of day, in ms since 1970: that of most clocks among this host and the Redis nodes, so that one wrong clock, ours too,
 * changes nothing. This host's own time until the others have been asked, which takes a moment after the start.
 */
export function shopTimeMs(): number {
  return shopOffsetMs === undefined ? Date.now() : Math.round(monotonicMs() + shopOffsetMs);
}

/** {@link shopTimeMs} in whole seconds, as tokens have it. */
export function shopTimeSeconds(): number {
  return Math.floor(shopTimeMs() / 1000);
}

/** Sets the shop's time; `undefined` goes back to this host's own. Only for `redis/clock-sync.ts` and tests. */
export function setShopOffset(offsetMs: number | undefined): void {
  shopOffsetMs = offsetMs;
}

/** The deadline that is `ms` milliseconds away. */
export function deadlineIn(ms: number): Deadline {
  return { atMs: monotonicMs() + ms };
}

/** Milliseconds left, never below 0. */
export function remainingMs(deadline: Deadline): number {
  return Math.max(0, deadline.atMs - monotonicMs());
}

/** Waits `ms` milliseconds, at most until the deadline. */
export async function pause(ms: number, deadline?: Deadline): Promise<void> {
  await delay(deadline === undefined ? ms : Math.min(ms, remainingMs(deadline)));
}

/** Resolves when the event loop has handled all input that has arrived. */
export function endOfTurn(): Promise<void> {
  return immediate();
}

/**
 * The promise's value, or `undefined` when `ms` milliseconds have passed first; the promise is then no longer observed.
 * A rejection before that is passed on.
 */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    // An answer that has arrived while this process was too busy to look is not late: it is looked at before `setImmediate`.
    timer = setTimeout(() => setImmediate(resolve, undefined), ms);
  });
  promise.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** RFC 3339 in UTC, from milliseconds since 1970. */
export function rfc3339(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
