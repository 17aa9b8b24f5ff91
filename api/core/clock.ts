/** Time: deadlines on a monotonic clock, sleeping, RFC 3339. */
import { setTimeout as delay } from 'node:timers/promises';

/** A moment on the monotonic clock, in ms, after which nobody waits for the answer any more. */
export type Deadline = { readonly atMs: number };

/** Milliseconds on a clock that never jumps. */
export function monotonicMs(): number {
  return performance.now();
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

/**
 * The promise's value, or `undefined` when `ms` milliseconds have passed first; the promise goes on unobserved then.
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
