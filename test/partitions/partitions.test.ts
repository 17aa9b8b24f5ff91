/** Cuts of the network, on real Redis nodes and Sentinels whose links all go through proxies. More of them: `test/partitions/main.ts`. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { deadlineIn } from '../../api/core/clock.ts';
import { Unavailable } from '../../api/core/outcome.ts';
import type { Consistency } from '../../api/core/request.ts';
import type { ShopRedis } from '../../api/redis/open.ts';
import { reservePorts } from '../support/reserve-ports.ts';
import { waitFor } from '../support/wait.ts';
import { type Cluster, startCluster } from './cluster.ts';
import type { Member } from './members.ts';
import { between } from './scenarios.ts';
import { lostWrites, putKey, startWriter } from './writer.ts';

let cluster: Cluster;
let releasePorts: () => Promise<void>;
let redis: ShopRedis;
let firstNumber = 0;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

beforeAll(async () => {
  const { portBase, release } = await reservePorts();
  releasePorts = release;
  cluster = await startCluster(portBase);
  redis = cluster.openService();
});
afterEach(async () => {
  cluster.heal();
  await cluster.settled();
});
afterAll(async () => {
  redis.close();
  await cluster.close();
  await releasePorts();
});

/** The nodes by their present roles; the Sentinels with the same numbers are on their hosts. */
async function byRole(): Promise<{ master: Member; replicas: [Member, Member] }> {
  const master = await cluster.settled();
  await cluster.allHeard();
  const replicas = (['r1', 'r2', 'r3'] as const).filter((node) => node !== master) as unknown as [Member, Member];
  await waitFor('a write to be acknowledged', () => putKey(redis, 0).then(() => true));
  return { master, replicas };
}
const sentinelOf = (node: Member) => `s${node[1]}` as Member;

function write() {
  firstNumber += 1000;
  return startWriter(redis, 25, firstNumber);
}

const read = (consistency: Consistency) =>
  redis.reads.query(consistency, (pipeline) => pipeline.get('{users}:written:1'), deadlineIn(3700));

/**
 * No write is acknowledged then before the service has asked for a failover: it does not hear the Sentinel on the other host. This comes first,
 * because no failover is asked for within 15 s of a change of master.
 */
test('writes go on within 9 s while two hosts of three are cut off from each other, one of them with the service', async () => {
  const { master, replicas } = await byRole();
  const writer = write();
  await waitFor('a write before the cut', () => writer.acknowledged.length > 0);
  const fromMs = performance.now();
  cluster.cut(between([master, sentinelOf(master), 'service'], [replicas[0], sentinelOf(replicas[0])]));
  // By then the replica that is cut off has confirmed nothing for a second.
  const isAfterCut = ({ atMs }: { atMs: number }) => atMs > fromMs + 1500;
  await waitFor('writes to be acknowledged during the cut', () => writer.acknowledged.filter(isAfterCut)[20], 9000, 20);
  cluster.heal();
  await cluster.settled();
  await writer.stop();
  expect(await lostWrites(cluster, writer.acknowledged)).toEqual([]);
});

test('nothing is lost when the master and one replica are cut off from the other replica and the Sentinels', async () => {
  const { master, replicas } = await byRole();
  const writer = write();
  await waitFor('a write before the cut', () => writer.acknowledged.length > 0);
  cluster.cut(between([master, replicas[0]], [replicas[1], 's1', 's2', 's3']));
  await waitFor('the Sentinels to elect the other replica', async () => (await cluster.master()) === replicas[1], 8000);
  await pause(500);
  cluster.heal();
  await cluster.settled();
  await writer.stop();
  expect(writer.acknowledged.length).toBeGreaterThan(0);
  expect(await lostWrites(cluster, writer.acknowledged)).toEqual([]);
});

describe('a service that reaches neither Redis nor Sentinels', () => {
  test('refuses writes and reads within a second, and works again when the cut heals', async () => {
    await byRole();
    cluster.cut((from, to) => from === 'service' || to === 'service');
    for (const attempt of [() => putKey(redis, 1), () => read('read-your-writes'), () => read('bounded-staleness')]) {
      const fromMs = performance.now();
      await pause(1000).then(() => expect(attempt()).rejects.toBeInstanceOf(Unavailable));
      expect(performance.now() - fromMs).toBeLessThan(2000);
    }
    cluster.heal();
    await waitFor('a write to be acknowledged', () =>
      putKey(redis, 1).then(
        () => true,
        () => undefined,
      ),
    );
  });

  test('refuses also the first write and the first reads of the cut at once, not at their deadlines', async () => {
    await byRole();
    cluster.cut((from, to) => from === 'service' || to === 'service');
    const fromMs = performance.now();
    const refusedWithin = async (ms: number, attempt: Promise<unknown>) => {
      await expect(attempt).rejects.toBeInstanceOf(Unavailable);
      expect(performance.now() - fromMs).toBeLessThan(ms); // 0.7 s where the machine has nothing else to do
    };
    await Promise.all([
      refusedWithin(1100, putKey(redis, 2)),
      refusedWithin(1500, read('read-your-writes')),
      refusedWithin(1500, read('bounded-staleness')),
    ]);
  });
});

test('a running service follows Sentinels that have lost their memory', async () => {
  for (const epoch of [1, 2]) {
    await byRole();
    await waitFor(`a failover with epoch ${epoch} or above`, async () => {
      if ((await cluster.epoch()) >= epoch) return true;
      await cluster.failover();
      return undefined;
    });
  }
  const { master } = await byRole();
  for (const each of ['s1', 's2', 's3'] as const) cluster.kill(each);
  await pause(300);
  for (const each of ['s1', 's2', 's3'] as const) cluster.restart(each, master);
  await cluster.settled();
  expect(await cluster.epoch()).toBe(0);
  await cluster.allHeard();
  cluster.kill(master);
  const fromMs = performance.now();
  await waitFor(
    'a write on the new master',
    () =>
      putKey(redis, 3, 1000).then(
        () => true,
        () => undefined,
      ),
    15_000,
  );
  expect(performance.now() - fromMs).toBeLessThan(10_000);
  cluster.restart(master, await cluster.master());
}, 60_000);
