/** What it costs to have every purchase on disk before it is acknowledged, in case the power fails everywhere at once. */
import { openBench } from './load.ts';
import { comparePairs } from './pairs.ts';

const seconds = 5;

/** Purchases with `appendfsync everysec` and with `always`, on all three Redis. */
export async function benchFsync(): Promise<void> {
  const everysec = await openBench({ redisAppendFsync: 'everysec' });
  const always = await openBench({ redisAppendFsync: 'always' });
  try {
    await comparePairs(
      'purchases by appendfsync',
      { name: 'everysec', measure: () => everysec.purchases(seconds) },
      { name: 'always', measure: () => always.purchases(seconds) },
    );
  } finally {
    await everysec.close();
    await always.close();
  }
}
