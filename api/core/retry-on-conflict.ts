/** Optimistic locking: read, compute, write, and again when another request has written in between. */
import { type Deadline, pause, remainingMs } from './clock.ts';
import { Unavailable } from './outcome.ts';

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
  throw new Unavailable('other requests kept changing the same thing');
}

function isConflict(result: unknown): boolean {
  return typeof result === 'object' && result !== null && 'kind' in result && result.kind === 'conflict';
}
