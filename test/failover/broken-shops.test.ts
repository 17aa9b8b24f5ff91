/** The checker can fail: a shop without one of the things that its promises rest on is found out. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { waitFor } from '../support/wait.ts';
import { type ClusterOptions, startCluster } from './cluster.ts';
import {
  checkThenTake,
  type Patch,
  patchApi,
  plainWait,
  untilNoticed,
  withoutDeduplication,
  withoutRevocation,
  withoutWait,
} from './faults/broken-shops.ts';
import { electionFaults } from './faults/elections.ts';
import type { Fault } from './faults/fault.ts';
import { electionWithoutTheNewest } from './faults/partial-cuts.ts';
import { complaints } from './report/table.ts';
import { type Run, runFaults, type Size, smallSize } from './run.ts';

/** Both replicas stand still while the master goes on for a second, and dies. */
const masterDiesAhead: Fault = {
  name: 'master dies with what its replicas do not have',
  promise: { failedFirstTries: 'some' },
  needs: 'nothing',
  async run({ cluster }) {
    const [master, replicas] = [await cluster.master(), await cluster.replicas()];
    for (const name of replicas) cluster.shop.pause(name);
    await delay(1000);
    await cluster.shop.halt(master);
    for (const name of replicas) cluster.shop.resume(name);
    await waitFor('another master', async () => (await cluster.master()) !== master, 15_000);
    cluster.shop.revive(master);
  },
};

/** Between the promotion and the word of it the old master, which lives, still has a replica to confirm what will be thrown away. */
const replacedAlive: Fault = {
  name: 'master replaced while it lives, three times',
  promise: { failedFirstTries: 'some' },
  needs: 'nothing',
  async run(context) {
    const [failover] = electionFaults;
    for (let time = 0; time < 3; time++) {
      await failover?.run(context);
      await context.cluster.shop.waitUntilHealthy(undefined, 30_000);
    }
  },
};

async function runBroken(
  patches: readonly Patch[],
  faults: readonly Fault[],
  size: Partial<Size> = {},
  options: ClusterOptions = {},
): Promise<Run> {
  const api = await patchApi(patches);
  try {
    const cluster = await startCluster({ ...options, rewire: api.rewire });
    try {
      return await runFaults(cluster, faults, 7, undefined, { ...smallSize, buyers: 12, ...size });
    } finally {
      await cluster.close();
    }
  } finally {
    api.remove();
  }
}

const rules = ({ violations }: Run) => new Set(violations.map(({ rule }) => rule));
const lostIn = ({ violations }: Run) => violations.filter(({ kind }) => kind === 'lost');

const timeoutMs = 180_000;

test(
  'without WAIT, what was acknowledged is found to be lost, whole or in part',
  async () => {
    const run = await runBroken(withoutWait, [masterDiesAhead]);
    // A purchase is not stored, or pending again; or only a step of one that was not yet answered is lost, and stock and history differ.
    expect(run.violations, complaints(run).join('\n')).not.toHaveLength(0);
  },
  timeoutMs,
);

test(
  'with a plain WAIT and no question to the Sentinels, acknowledged writes are found to be lost',
  async () => {
    const run = await runBroken(plainWait, [replacedAlive]);
    expect(lostIn(run), complaints(run).join('\n')).not.toHaveLength(0);
  },
  timeoutMs,
);

test(
  'with the earlier rule of acknowledgement, the HD1 cut is found to lose acknowledged writes',
  async () => {
    const run = await runBroken(untilNoticed, [electionWithoutTheNewest('both ways', 4000)], {}, { proxied: true });
    expect(lostIn(run), complaints(run).join('\n')).not.toHaveLength(0);
  },
  timeoutMs,
);

// On one shop, because a start takes longer than the load: each breaks another rule.
test(
  'without deduplication, with the stock checked before it is taken, and with no token ever revoked, each of them is found',
  async () => {
    // Long enough for what is scarce (20 to 60 of a product) to be bought up.
    const patches = [...withoutDeduplication, ...checkThenTake, ...withoutRevocation];
    const run = await runBroken(patches, [], { products: 4, afterMs: 8000 });
    const broken = ['the same answer for the same key', 'stock is never negative', 'a token that was ended is refused'];
    expect([...rules(run)], complaints(run).join('\n')).toEqual(expect.arrayContaining(broken));
  },
  timeoutMs,
);
