/** redis/cluster.sh, which decides during maintenance whether one more Redis node may be stopped: on real nodes. */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pause } from '../../api/core/clock.ts';
import { infoField } from '../../api/redis/info.ts';
import { redisSettingsOf } from '../support/own-redis.ts';
import { type RedisNodes, startRedisNodes } from '../support/redis-nodes.ts';
import { waitFor } from '../support/wait.ts';

const run = promisify(execFile);
let nodes: RedisNodes;
beforeAll(async () => {
  nodes = await startRedisNodes();
});
afterAll(() => nodes?.close());

/** Runs a command of the script. @returns what it printed; rejects when it exits with another code than 0 */
async function cluster(...words: string[]): Promise<string> {
  const { secrets } = nodes.shop.settings;
  const env = {
    PATH: nodes.shop.settings.inherited.PATH ?? '',
    PEERS: nodes.redisPorts.map((port) => `127.0.0.1:${port}`).join(' '),
    SENTINELS: nodes.sentinels.join(' '),
    SENTINEL_PASSWORD: secrets.SENTINEL_PASSWORD ?? '',
    REDIS_PASSWORD_SENTINEL: secrets.REDIS_PASSWORD_SENTINEL ?? '',
    REDIS_PASSWORD_OPERATOR: secrets.REDIS_PASSWORD_OPERATOR ?? '',
  };
  const { stdout, stderr } = await run('sh', ['redis/cluster.sh', ...words], { env });
  return stdout + stderr;
}

test('a whole cluster may lose a node; the master moves away from it; memory is raised on all nodes', async () => {
  await cluster('wait', '10');
  const first = (await cluster('master')).trim();
  await cluster('move', first);
  const second = (await cluster('master')).trim();
  expect(second).not.toBe(first);
  await cluster('check');
  expect(await cluster('move', first)).toBe(''); // not the master any more: nothing to do
  const printed = await cluster('memory', '600mb');
  expect(printed.match(/maxmemory 600mb/g)).toHaveLength(3);
});

/** The sum of a count that every node keeps since its start (`INFO stats`). */
async function sumOf(field: string): Promise<number> {
  const counts = await Promise.all(
    nodes.redisPorts.map(async (port) => {
      const redis = operatorAt(port);
      const info = await redis.info('stats').finally(() => redis.disconnect());
      return Number(infoField(info, field));
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

function operatorAt(port: number): Redis {
  return new Redis({ port, username: 'operator', password: nodes.password('operator'), protocol: 2 });
}

/** Moves the master while a client writes to it. @returns how many nodes copied all data anew */
async function fullCopiesOfMove(): Promise<number> {
  await cluster('wait', '20');
  const old = (await cluster('master')).trim();
  const before = await sumOf('sync_full');
  const client = operatorAt(Number(old.split(':')[1]));
  client.on('error', () => undefined); // a Sentinel closes the connections of a node that is to be a replica
  let isWriting = true;
  let written = 0;
  const writing = (async () => {
    while (isWriting) {
      const isAccepted = await client.incr('written').then(
        () => true,
        () => false, // a replica now
      );
      if (isAccepted) written += 1;
      else await pause(10);
    }
  })();
  await cluster('move', old);
  isWriting = false;
  await writing;
  client.disconnect();
  expect(written).toBeGreaterThan(10);
  return (await sumOf('sync_full')) - before;
}

test('the master moves while clients write to it, and no node copies everything', async () => {
  // Writes are held back for 0.8 s at most, which a busy machine may exceed: one move of four has to do.
  const copies: number[] = [];
  while (!copies.includes(0) && copies.length < 4) copies.push(await fullCopiesOfMove());
  expect(copies).toContain(0);
  await cluster('check');
}, 120_000);

/** The `replica-priority` of each replica, as the Sentinel at `address` knows it. */
async function prioritiesAt(address: string): Promise<string[]> {
  const sentinel = new Redis({ port: Number(address.split(':')[1]), password: nodes.sentinelPassword(), protocol: 2 });
  const replicas = await sentinel.call('SENTINEL', 'REPLICAS', nodes.masterName).finally(() => sentinel.disconnect());
  return (replicas as string[][]).map((fields) => fields[fields.indexOf('slave-priority') + 1] ?? '');
}

test('a move asks again for a failover that was refused', async () => {
  const old = (await cluster('master')).trim();
  const master = operatorAt(Number(old.split(':')[1]));
  const replicas = nodes.redisPorts.filter((port) => !old.endsWith(`:${port}`)).map(operatorAt);
  const setPriority = async (priority: number) => {
    await Promise.all(replicas.map((replica) => replica.config('SET', 'replica-priority', priority)));
    await waitFor(`all Sentinels to know the priority ${priority}`, async () =>
      (await Promise.all(nodes.sentinels.map(prioritiesAt))).flat().every((known) => known === `${priority}`),
    );
  };
  const releases = async () => /client.unpause:calls=\d+/.exec(await master.info('commandstats'))?.[0];
  await setPriority(0); // no Sentinel may promote a replica
  const before = await releases();
  const moving = cluster('move', old);
  await waitFor('the move to let writes go on', async () => (await releases()) !== before);
  await setPriority(100);
  await moving;
  for (const redis of [...replicas, master]) redis.disconnect();
  expect((await cluster('master')).trim()).not.toBe(old);
}, 60_000);

test('a running shop raises the memory of all nodes, and a node that restarts keeps it', async () => {
  await nodes.shop.setMemory('700mb');
  await nodes.shop.restart('redis-3');
  await cluster('wait', '20');
  const settings = redisSettingsOf(nodes, 'users');
  const redis = new Redis({
    port: nodes.redisPorts[2] ?? 0,
    username: 'users',
    password: settings.password,
    protocol: 2,
  });
  const memory = infoField(await redis.info('memory'), 'maxmemory');
  redis.disconnect();
  expect(Number(memory)).toBe(700 * 1024 * 1024);
  await expect(nodes.shop.setMemory('much')).rejects.toThrow('is not a size');
});

test('with a replica down, no other node may be stopped', async () => {
  const master = (await cluster('master')).trim();
  const replica = [1, 2, 3].find((number) => !master.endsWith(String(nodes.redisPorts[number - 1])));
  await nodes.shop.halt(`redis-${replica}`);
  await expect(cluster('check')).rejects.toThrow('is not a replica; its role is: none');
  nodes.shop.revive(`redis-${replica}`);
  await cluster('wait', '20');
});
