/** Reads while a master is being replaced. Real Redis nodes, moved by hand; what the Sentinels say meanwhile is said by the test. */
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deadlineIn } from '../../api/core/clock.ts';
import { type Address, connectNode } from '../../api/redis/node.ts';
import { type Nodes, openNodes } from '../../api/redis/nodes.ts';
import { openReads, type Reads } from '../../api/redis/reads.ts';
import type { SentinelAnswer, Sentinels } from '../../api/redis/sentinels.ts';
import { type RedisNodes, startRedisNodes } from '../../ops/local/redis-nodes.ts';
import { waitFor } from '../support/wait.ts';

const key = '{users}:test:deposed';

let nodes: RedisNodes;
let redis: Redis[]; // the first is the master at first
let said: SentinelAnswer;
let listeners: ((master: Address) => void)[];
let connections: Nodes;
let reads: Reads;

function address(number: number): Address {
  return { host: '127.0.0.1', port: nodes.redisPorts[number] ?? 0 };
}

function says(master: number, ...flags: string[]): SentinelAnswer {
  const replicas = [0, 1, 2].filter((number) => number !== master);
  return {
    master: address(master),
    epoch: 1,
    masterFlags: new Set(['master', ...flags]),
    replicas: replicas.map((number) => ({ address: address(number), flags: new Set(['slave']) })),
    sentinelsDown: 0,
  };
}

const own = (timeMs: number) => reads.query('own', (p) => p.get(key), deadlineIn(timeMs));
const node = (number: number) => redis[number] as Redis;

async function follows(number: number, master: number): Promise<void> {
  await node(number).replicaof('127.0.0.1', address(master).port);
  await waitFor('the replica to follow', async () => ((await node(number).role()) as unknown[])[3] === 'connected');
}

beforeEach(async () => {
  nodes = await startRedisNodes();
  for (const name of ['sentinel-1', 'sentinel-2', 'sentinel-3']) await nodes.shop.halt(name); // they would set right what we do
  redis = nodes.redisPorts.map(
    (port) => new Redis({ port, username: 'operator', password: nodes.password('operator'), protocol: 2 }),
  );
  for (const each of redis) each.on('error', () => undefined); // some are killed
  said = says(0);
  listeners = [];
  const sentinels: Sentinels = {
    view: () => said,
    ask: async () => [said, said, said],
    hurry: () => undefined,
    failover: () => Promise.reject(new Error('not asked for here')),
    onMaster(listener) {
      listeners.push(listener);
      listener(said.master);
      return () => undefined;
    },
    close: () => undefined,
  };
  const credentials = { username: 'users', password: nodes.password('users') };
  connections = openNodes(sentinels, (to) => connectNode(to, credentials));
  reads = openReads(sentinels, connections);
  await node(0).set(key, 'acknowledged');
  await node(0).wait(2, 5000);
  await waitFor('the first read', () => own(1000));
}, 30_000);

afterEach(async () => {
  reads.close();
  connections.close();
  for (const each of redis) each.disconnect();
  await nodes.close();
});

describe('what a master wrote after another was promoted', () => {
  beforeEach(async () => {
    await node(1).replicaof('NO', 'ONE');
    said = says(0, 'failover_in_progress'); // and the services have not heard of it
    await node(0).set(key, 'never acknowledged');
    await node(0).wait(1, 5000);
  });

  test('is shown to nobody, though a replica that follows it has it', async () => {
    await expect(own(500)).rejects.toThrow(/no Redis node/);
    said = says(1);
    for (const listener of listeners) listener(address(1));
    await follows(2, 1);
    expect(await own(2000)).toEqual(['acknowledged']);
  });
});

test('what a master has that its replicas never heard of is shown to nobody, though the Sentinels see nothing wrong', async () => {
  for (const number of [1, 2]) await node(number).replicaof('127.0.0.1', 1); // as good as cut off
  await node(0).config('SET', 'min-replicas-to-write', 0);
  await node(0).set(key, 'on the master alone');
  expect(await own(2000)).toEqual(['acknowledged']);
});

test('with both replicas down, the master is read', async () => {
  for (const name of ['redis-2', 'redis-3']) await nodes.shop.halt(name);
  expect(await own(2000)).toEqual(['acknowledged']);
});

describe('without a master', () => {
  test('reads go on while all replicas have the same', async () => {
    await nodes.shop.halt('redis-1');
    said = says(0, 's_down', 'o_down');
    expect(await own(2000)).toEqual(['acknowledged']);
  });

  test('what only one replica has is shown to nobody', async () => {
    await node(2).replicaof('127.0.0.1', 1); // cut off, so it misses the last write
    await node(0).set(key, 'on one replica');
    await node(0).wait(1, 5000);
    await nodes.shop.halt('redis-1');
    await node(2).replicaof('127.0.0.1', address(0).port);
    said = says(0, 's_down', 'o_down');
    await expect(own(500)).rejects.toThrow(/no Redis node/);
  });
});

test('one replica down: the Sentinels decide whether the other may be believed', async () => {
  await nodes.shop.halt('redis-3');
  expect(await own(2000)).toEqual(['acknowledged']);
  said = says(0, 'failover_in_progress');
  await expect(own(500)).rejects.toThrow(/no Redis node/);
});
