/** Counts, from the logs of the Sentinels, how often they elected a leader and how often the vote was split. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from './cluster.ts';

/** Since the count began: changes of master, and elections that ended without a winner. */
export type Elections = { readonly masterChanges: number; readonly split: number };

/** Begins to count; the result tells how many there were since. */
export function countElections(cluster: Cluster): () => Elections {
  const paths = [1, 2, 3].map((number) => join(cluster.settings.dir, 'logs', `sentinel-${number}.log`));
  const before = paths.map((path) => statSync(path).size);
  return () => {
    const lines = paths.flatMap((path, i) => {
      const all = readFileSync(path);
      const from = before[i] ?? 0;
      return (all.length >= from ? all.subarray(from) : all).toString().split('\n'); // shorter: it was rotated
    });
    return {
      masterChanges: lines.filter((line) => line.includes('+promoted-slave')).length,
      split: lines.filter((line) => line.includes('-failover-abort-not-elected')).length,
    };
  };
}
