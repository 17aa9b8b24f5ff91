/** What a write costs while all replicas confirm: counted, on a Redis of this file alone. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { deadlineIn } from '../../api/core/clock.ts';
import { openRedis, type ShopRedis } from '../../api/redis/open.ts';
import { redisSettingsOf } from '../support/own-redis.ts';
import { type RedisNodes, startRedisNodes } from '../support/redis-nodes.ts';
import { waitFor } from '../support/wait.ts';

const source = "redis.call('SET', KEYS[1], ARGV[1]) return { 'fresh', 'done' }";
const put = { name: 'put', source, sha: createHash('sha1').update(source).digest('hex') };

let nodes: RedisNodes;
let service: ShopRedis;
let connections: Redis[];

beforeAll(async () => {
  nodes = await startRedisNodes();
  service = openRedis(redisSettingsOf(nodes, 'users'));
  const password = nodes.password('operator');
  connections = [
    ...nodes.redisPorts.map((port) => new Redis({ port, username: 'operator', password, protocol: 2 })),
    ...nodes.sentinels.map((address) => {
      const port = Number(address.split(':')[1]);
      return new Redis({ port, password: nodes.sentinelPassword(), protocol: 2, enableReadyCheck: false });
    }),
  ];
});
afterAll(async () => {
  service.close();
  for (const connection of connections) connection.disconnect();
  await nodes.close();
});

/** Commands on all Sentinels together, by all that ask them: a Sentinel does not count them one by one. */
const onSentinels = 'on Sentinels';

/** How often each command was called on all nodes together, and {@link onSentinels}. */
async function calls(): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const connection of connections) {
    const text = (await connection.info('commandstats')) || (await connection.info('stats'));
    const processed = Number(/^total_commands_processed:(\d+)/m.exec(text)?.[1] ?? 0);
    counts.set(onSentinels, (counts.get(onSentinels) ?? 0) + processed);
    for (const [, command = '', count] of text.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)) {
      counts.set(command, (counts.get(command) ?? 0) + Number(count));
    }
  }
  return counts;
}

/** Commands that were called while `work` ran, and how long it took. */
async function during(work: () => Promise<void>) {
  const before = await calls();
  const fromMs = performance.now();
  await work();
  const passedMs = performance.now() - fromMs;
  const after = await calls();
  return { passedMs, called: (command: string) => (after.get(command) ?? 0) - (before.get(command) ?? 0) };
}

/** 60 writes one after the other. A replica that takes longer than 50 ms to confirm, as on a busy machine, makes other commands necessary. */
async function costOfWrites() {
  const count = 60;
  const { passedMs, called } = await during(async () => {
    for (let number = 1; number <= count; number++) {
      await service.writes.run(put, ['{users}:cost'], [number], deadlineIn(5000));
    }
  });
  const commands = { evalsha: called('evalsha') / count, wait: called('wait') / count, role: called('role') };
  // The Sentinels are polled, and ask each other, whether there are writes or not.
  const polls = 0.3 * passedMs;
  return { ...commands, asksSentinels: called(onSentinels) > polls + 3 * count };
}

test('a write is one script and one WAIT; no ROLE and no Sentinel is asked for it', async () => {
  await service.writes.run(put, ['{users}:cost'], [0], deadlineIn(5000));
  const rounds = [];
  for (let round = 0; round < 5; round++) rounds.push(await costOfWrites());
  expect(rounds).toContainEqual({ evalsha: 1, wait: 1, role: 0, asksSentinels: false });
});

test('writes of one turn of the event loop are one group: one WAIT for all', async () => {
  const count = 20;
  const rounds = [];
  for (let round = 0; round < 5; round++) {
    const { called } = await during(async () => {
      const keys = Array.from({ length: count }, (_, i) => `{users}:cost:${i}`);
      await Promise.all(keys.map((key) => service.writes.run(put, [key], [round], deadlineIn(5000))));
    });
    rounds.push({ evalsha: called('evalsha'), wait: called('wait') });
  }
  expect(rounds).toContainEqual({ evalsha: count, wait: 1 });
});

/** Copies the master's data as a backup does, until all Sentinels list that connection as a replica: `redis-cli --rdb` announces no port. */
async function copyFromMaster() {
  const sentinels = connections.slice(nodes.redisPorts.length);
  const copy = connect(nodes.redisPorts[0] ?? 0, '127.0.0.1'); // the first one is the master of a new shop
  copy.write(`AUTH backup ${nodes.password('backup')}\r\n`);
  await once(copy, 'data'); // SYNC is refused while an answer is due
  copy.resume().write('SYNC\r\n');
  await waitFor('all Sentinels to list it', async () => {
    const lists = sentinels.map((sentinel) => sentinel.call('SENTINEL', 'REPLICAS', nodes.masterName));
    return (await Promise.all(lists)).every((replicas) => JSON.stringify(replicas).includes('127.0.0.1:0'));
  });
  copy.destroy();
}

test('a copy of the data that was taken from the master, which Sentinels go on listing as a replica, changes nothing of that', async () => {
  await copyFromMaster();
  const before = (await calls()).get(onSentinels) ?? 0;
  await waitFor(
    'the service to have asked the Sentinels',
    async () => ((await calls()).get(onSentinels) ?? 0) > before + 150,
  );
  const rounds = [];
  for (let round = 0; round < 5; round++) rounds.push(await costOfWrites());
  expect(rounds).toContainEqual({ evalsha: 1, wait: 1, role: 0, asksSentinels: false });
});
