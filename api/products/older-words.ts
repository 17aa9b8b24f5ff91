/**
 * Moves what a release before 2026-11-23 left in its word index into the present one, a few entries at a time. Searches look into both as long as
 * there is anything in the older one. Several replicas may do so at once.
 */
import type { Logger } from 'pino';
import { deadlineIn, monotonicMs, pause } from '../core/clock.ts';
import { Unavailable } from '../core/outcome.ts';
import { repeat } from '../core/repeat.ts';
import type { ShopRedis } from '../redis/open.ts';
import { runScript } from '../redis/run-script.ts';
import { olderWordsKey, productKey, wordKeys } from './keys.ts';
import { scripts } from './scripts.ts';

/** A replica of the older release that still runs during an update searches the older index alone, so nothing is moved before it has been replaced. */
const intervalMs = 600_000;
const attemptMs = 5000;
/** So many hold Redis for about 2 ms. */
const entriesInOneScript = 300;
/** A rest after each script leaves Redis to customers for most of the time. */
const rests = 2;

/**
 * Moves all entries.
 * @returns how many scripts it took
 * @throws Unavailable when Redis does not answer in time; what was moved until then stays moved
 */
export async function moveOlderWords(redis: Pick<ShopRedis, 'reads' | 'writes'>): Promise<number> {
  const [exists] = await redis.reads.query(
    'bounded-staleness',
    (pipeline) => pipeline.exists(olderWordsKey),
    deadlineIn(attemptMs),
  );
  if (exists === 0) return 0;
  const keys = { product: productKey(''), ...wordKeys, olderWords: olderWordsKey };
  for (let runs = 1; ; runs++) {
    const startedMs = monotonicMs();
    const call = { keys, args: { most: entriesInOneScript } };
    const { left } = await runScript(redis.writes, scripts.moveOlderWords, call, deadlineIn(attemptMs));
    if (left === '0') return runs;
    await pause(rests * (monotonicMs() - startedMs));
  }
}

/** Moves them ten minutes after the start, and again every ten minutes; the returned function stops that. */
export function startMovingOlderWords(
  redis: Pick<ShopRedis, 'reads' | 'writes'>,
  log: Pick<Logger, 'info' | 'warn' | 'error'>,
): () => void {
  return repeat(intervalMs, async () => {
    try {
      const runs = await moveOlderWords(redis);
      if (runs > 0) log.info({ runs }, 'the word index of the earlier release is in the present one now');
    } catch (error) {
      if (error instanceof Unavailable)
        log.warn({ reason: error.message }, 'the older word index could not be moved yet');
      else log.error({ err: error }, 'a bug in the move of the older word index');
    }
  });
}
