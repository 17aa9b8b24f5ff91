/** Optimistic locking: read, compute, write, and again when another request has written in between. */
import { type Deadline, pause, remainingMs } from '../core/clock.ts';
import { Unavailable } from '../core/outcome.ts';

/** Repeats an attempt while it finds that what it read is a `conflict`. @throws Unavailable at the deadline */
export async function retryOnConflict<T>(
  deadline: Deadline,
  attempt: () => Promise<T | { readonly kind: 'conflict' }>,
): Promise<Exclude<T, { readonly kind: 'conflict' }>> {
  while (remainingMs(deadline) > 0) {
    const result = await attempt();
    if (!isConflict(result)) return result as Exclude<T, { readonly kind: 'conflict' }>;
    await pause(Math.random() * 10, deadline);
  }
  throw new Unavailable('others changed the same user again and again');
}

function isConflict(result: unknown): boolean {
  return typeof result === 'object' && result !== null && 'kind' in result && result.kind === 'conflict';
}
