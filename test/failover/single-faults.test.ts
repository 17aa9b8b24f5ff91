/**
 * The main single faults, one after the other, on one shop under load. Safety is asserted for each, and that no first try fails where the
 * row of the table promises it. Times are not: `npm run chaos` shows them, on a machine that has nothing else to do.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, startCluster } from './cluster.ts';
import { catalogue } from './faults/catalogue.ts';
import { electionWithoutTheNewest } from './faults/partial-cuts.ts';
import { complaints } from './report/table.ts';
import { runFaults, smallSize } from './run.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ proxied: true });
}, 120_000);
afterAll(() => cluster.close());

const names = [
  'purchases: one replica killed',
  'purchases: both replicas killed',
  'master killed',
  'master frozen for 1.1 s, then back',
  'SENTINEL FAILOVER with the master alive',
  'one Sentinel killed',
  'one Nginx killed',
  'one Nginx frozen',
];

test('HD1: a cut that hides the newest replica from the Sentinels loses nothing', async () => {
  const run = await runFaults(cluster, [electionWithoutTheNewest('both ways', 4000)], 11, undefined, smallSize);
  expect(run.violations).toEqual([]);
}, 150_000);

test.each(names)(
  '%s: nothing is lost, nothing doubled, clients see what is promised',
  async (name) => {
    const fault = catalogue.find((each) => each.name === name);
    if (fault === undefined) throw new Error(`no fault is called '${name}'`);
    const { longestGapMs: _, ...promise } = fault.promise;
    const run = await runFaults(cluster, [{ ...fault, promise }], 11, undefined, smallSize);
    expect(complaints(run)).toEqual([]);
    expect(run.clientView.unknown).toBe(0);
  },
  150_000,
);
