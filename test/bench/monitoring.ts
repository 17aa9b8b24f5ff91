/** What it costs to be watched: every process scraped each 5 s, every request counted, the rules evaluated, all on the same machine. */
import { topology } from '../../ops/local/topology.ts';
import { type Bench, openBench } from './load.ts';
import { comparePairs } from './pairs.ts';

// Many short turns rather than few long ones: the difference is smaller than what a machine does by itself from one minute to the next.
const seconds = 3;
const rounds = 14;

/** Reads and purchases with monitoring and without. */
export async function benchMonitoring(): Promise<void> {
  const without = await openBench({ monitoring: false });
  const watched = await openBench({ monitoring: true });
  const watchers = topology(watched.shop.settings).filter(({ isOptional }) => isOptional);
  try {
    await watched.shop.waitUntilHealthy();
    /** Monitoring is paused while the other shop is measured, which would otherwise lack the CPU time that it takes. */
    const unwatched = async (measure: (bench: Bench) => ReturnType<Bench['products']>) => {
      for (const { name } of watchers) watched.shop.pause(name);
      const measured = await measure(without);
      for (const { name } of watchers) watched.shop.resume(name);
      return measured;
    };
    for (const what of ['products', 'purchases'] as const) {
      await comparePairs(
        `${what} by monitoring`,
        { name: 'without', measure: () => unwatched((bench) => bench[what](seconds)) },
        { name: 'with', measure: () => watched[what](seconds) },
        rounds,
      );
    }
  } finally {
    await without.close();
    await watched.close();
  }
}
