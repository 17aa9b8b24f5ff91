/** Disks: full, emptied, with files cut short or corrupt; and a replica's whole copy anew. */

import { mkdirSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { infoField } from '../../../api/redis/info.ts';
import { waitFor } from '../../support/wait.ts';
import { type Cluster, dataDir } from '../cluster.ts';
import { operatorOn } from '../redis-nodes.ts';
import type { Fault, FaultContext, Promised } from './fault.ts';
import { smallDiskBytes } from './small-disk.ts';

const failover: Promised = { failedFirstTries: 'none', longestGapMs: 3000 };

/** Stops a node at once, does something to its folder, starts it, waits until it is whole. */
async function tamper(
  context: FaultContext,
  name: string,
  what: string,
  change: (dir: string) => unknown,
): Promise<void> {
  const { cluster, log } = context;
  log(`${name} is down; ${what}`);
  await cluster.shop.halt(name);
  await change(dataDir(cluster, name));
  await delay(1000);
  cluster.shop.revive(name);
  await cluster.shop.waitUntilHealthy([name], 40_000);
  if ((await cluster.master()) === name) throw new Error(`${name} became master again`);
}

/** The append-only file that is written now. */
function increment(dir: string): string {
  const folder = join(dir, 'appendonlydir');
  const name = readdirSync(folder).find((each) => each.endsWith('.incr.aof'));
  if (name === undefined) throw new Error(`no append-only file in ${folder}`);
  return join(folder, name);
}

function emptyFolder(dir: string): void {
  for (const name of readdirSync(dir)) rmSync(join(dir, name), { recursive: true });
}

function truncate(dir: string): void {
  const path = increment(dir);
  truncateSync(path, Math.max(0, statSync(path).size - 37));
}

/** Overwrites some bytes in the middle. */
async function corrupt(path: string): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(Buffer.alloc(64, 0xa5), 0, 64, Math.floor((await file.stat()).size / 2));
  await file.close();
}

function base(dir: string): string {
  const folder = join(dir, 'appendonlydir');
  const name = readdirSync(folder).find((each) => each.includes('.base.'));
  return name === undefined ? increment(dir) : join(folder, name);
}

function damaged(
  name: string,
  promise: Promised,
  what: string,
  who: (cluster: Cluster) => Promise<string | undefined>,
  change: (dir: string) => unknown,
): Fault {
  return {
    name,
    promise,
    needs: 'nothing',
    async run(context) {
      const node = await who(context.cluster);
      if (node !== undefined) await tamper(context, node, what, change);
    },
  };
}

const master = (cluster: Cluster) => cluster.master();
const replica = async (cluster: Cluster) => (await cluster.replicas())[0];
const replicaLost: Promised = { failedFirstTries: 'none', longestGapMs: 1000 };

/** See the names. */
export const diskFaults: readonly Fault[] = [
  damaged('master restarts with an empty disk', failover, 'its folder is emptied', master, emptyFolder),
  damaged('master restarts with its append-only file cut short', failover, 'its file is cut', master, truncate),
  damaged('master restarts with a corrupt append-only file', failover, 'its file is corrupted', master, (dir) =>
    corrupt(increment(dir)),
  ),
  damaged('replica copies everything anew', replicaLost, 'its folder is emptied', replica, emptyFolder),
  damaged('replica restarts with a corrupt snapshot', replicaLost, 'its snapshot is corrupted', replica, (dir) =>
    corrupt(base(dir)),
  ),
  {
    // The append-only file is fine: with `stop-writes-on-bgsave-error no` no client notices.
    name: 'snapshot fails on all Redis nodes',
    promise: { failedFirstTries: 'none', longestGapMs: 1000 },
    needs: 'nothing',
    async run({ cluster, log }) {
      const snapshots = ['redis-1', 'redis-2', 'redis-3'].map((name) => join(dataDir(cluster, name), 'dump.rdb'));
      for (const path of snapshots) {
        rmSync(path, { force: true });
        mkdirSync(join(path, 'in-the-way'), { recursive: true }); // the snapshot cannot be renamed to this name
      }
      log('a snapshot is begun on every node, and fails');
      await snapshotEverywhere(cluster, 'err');
      await delay(3000);
      for (const path of snapshots) rmSync(path, { recursive: true });
      log('snapshots succeed again');
      await snapshotEverywhere(cluster, 'ok');
    },
  },
  {
    name: 'disk of the master full',
    promise: { failedFirstTries: 'only 503', longestGapMs: 5000 },
    needs: 'small disk',
    async run({ cluster, log }) {
      const name = 'redis-1'; // whose disk is little
      if ((await cluster.master()) !== name) throw new Error(`${name} should be the master of a fresh shop`);
      const filler = join(dataDir(cluster, name), 'filler');
      log(`the disk of ${name} is full`);
      fillDisk(filler);
      await waitFor('another master', async () => (await cluster.master().catch(() => name)) !== name, 15_000).catch(
        () => log('no other node became master'),
      );
      await delay(4000);
      log('there is room again');
      rmSync(filler);
    },
  },
];

/** Takes a snapshot on every node, and waits until it has ended as expected. @throws where it has not within 10 s */
async function snapshotEverywhere({ nodes: { ports, password } }: Cluster, expected: 'ok' | 'err'): Promise<void> {
  for (const port of ports) {
    const node = operatorOn(port, password);
    try {
      await node.bgsave();
      await waitFor(`the snapshot on port ${port} to end with ${expected}`, async () => {
        const info = await node.info('persistence');
        return (
          infoField(info, 'rdb_bgsave_in_progress') === '0' && infoField(info, 'rdb_last_bgsave_status') === expected
        );
      });
    } finally {
      node.disconnect();
    }
  }
}

function fillDisk(path: string): void {
  for (let bytes = smallDiskBytes; bytes >= 512; bytes /= 2) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(bytes), { flag: 'a' });
    } catch {
      // this much does not fit: half of it may
    }
  }
}
