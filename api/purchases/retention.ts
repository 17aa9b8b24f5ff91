/** Retention: failed purchases are deleted when they are due. Several replicas may do so at once. */
import type { Logger } from 'pino';
import { deadlineIn, shopTimeMs } from '../core/clock.ts';
import { Unavailable } from '../core/outcome.ts';
import { repeat } from '../core/repeat.ts';
import type { PurchaseWrites } from './store.ts';
import type { PurchaseReads } from './store-reads.ts';

const intervalMs = 5000;
const attemptMs = 2500;
const batchSize = 100;

/** See {@link openRetention}. */
type Retention = {
  /** Deletes what is due. Never throws. @returns how many purchases were due */
  sweep(nowMs?: number): Promise<number>;
  /** Sweeps again and again until the returned function is called. */
  start(): () => void;
};

/** Opens retention. */
export function openRetention(
  store: Pick<PurchaseReads, 'ending' | 'get'> & Pick<PurchaseWrites, 'forget'>,
  log: Pick<Logger, 'warn' | 'error'>,
): Retention {
  async function sweep(nowMs = shopTimeMs()): Promise<number> {
    let deleted = 0;
    try {
      for (;;) {
        const ids = await store.ending(nowMs, batchSize, deadlineIn(attemptMs));
        await Promise.all(
          ids.map(async (id) => {
            const purchase = await store.get(id, 'bounded-staleness', deadlineIn(attemptMs));
            // Without the purchase only its entry in the index is left to delete.
            await store.forget(id, purchase?.userId ?? '', deadlineIn(attemptMs));
          }),
        );
        deleted += ids.length;
        // A read may be a second old and show the same ids again, so the next batch waits for the next sweep unless there are many.
        if (ids.length < batchSize || deleted >= 100 * batchSize) return deleted;
      }
    } catch (error) {
      if (error instanceof Unavailable)
        log.warn({ reason: error.message }, 'failed purchases could not be deleted yet');
      else log.error({ err: error }, 'a bug in the deletion of failed purchases');
      return deleted;
    }
  }

  return { sweep, start: () => repeat(intervalMs, sweep) };
}
