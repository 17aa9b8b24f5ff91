/**
 * What a credential opens at the Sentinels: these are this file's own, and it points them at a listener of its own. A Sentinel that names
 * another host as the master could make every service send its Redis password there.
 */
import { type AddressInfo, createServer, type Server } from 'node:net';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deadlineIn } from '../../api/core/clock.ts';
import { openRedis, type ShopRedis } from '../../api/redis/open.ts';
import { serviceNames } from '../../api/services.ts';
import { sentinelUsers } from '../../ops/credentials.ts';
import { redisSettingsOf } from '../support/own-redis.ts';
import { type RedisNodes, startRedisNodes } from '../support/redis-nodes.ts';
import { waitFor } from '../support/wait.ts';

let nodes: RedisNodes;
let services: ShopRedis[];
let listener: Server;
let calls = 0;
/** The users whose AUTH arrived at the listener. */
const authenticated = new Set<string>();
/** What each service logged. */
const logged: string[] = [];

beforeAll(async () => {
  nodes = await startRedisNodes();
  listener = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      calls += 1;
      for (const [, user = ''] of data.toString().matchAll(/AUTH\r\n\$\d+\r\n([^\r]+)\r\n/gi)) authenticated.add(user);
      socket.write('+OK\r\n');
    });
  });
  await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done));
  services = serviceNames.map((service) =>
    openRedis(redisSettingsOf(nodes, service), undefined, (event) => void logged.push(event)),
  );
}, 60_000);
afterAll(async () => {
  for (const service of services) service.close();
  listener.close();
  await nodes.close();
});

/** A connection to a Sentinel. @param user none: the default user */
function sentinel(address: string, user?: string): Redis {
  const [host = '', port] = address.split(':');
  const password = nodes.sentinelPassword(user);
  return new Redis({
    host,
    port: Number(port),
    ...(user === undefined ? {} : { username: user }),
    password,
    protocol: 2,
    disableClientInfo: true,
    enableReadyCheck: false,
  });
}

/** The commands that point a Sentinel at another master. */
function repoint(port: number): string[][] {
  return [
    ['SENTINEL', 'REMOVE', nodes.masterName],
    ['SENTINEL', 'MONITOR', nodes.masterName, '127.0.0.1', String(port), '2'],
  ];
}

describe.each(sentinelUsers)('the Sentinel user %s', (user) => {
  test('cannot point a Sentinel elsewhere, change it, vote, or speak as a Sentinel', async () => {
    const { port } = listener.address() as AddressInfo;
    const forbidden = [
      ...repoint(port),
      ['SENTINEL', 'SET', nodes.masterName, 'auth-pass', 'x'],
      ['SENTINEL', 'RESET', '*'],
      ['SENTINEL', 'CONFIG', 'SET', 'announce-ip', '127.0.0.9'],
      ['SENTINEL', 'DEBUG'],
      ['SENTINEL', 'FLUSHCONFIG'],
      ['SENTINEL', 'SIMULATE-FAILURE', 'HELP'],
      ['SENTINEL', 'IS-MASTER-DOWN-BY-ADDR', '127.0.0.1', String(port), '9', 'x'],
      ['PUBLISH', '__sentinel__:hello', 'x'],
      ['ACL', 'LIST'],
      ['CLIENT', 'KILL', 'TYPE', 'normal'],
      ['SHUTDOWN'],
    ];
    const asked = sentinel(nodes.sentinels[0] ?? '', user);
    for (const [name = '', ...rest] of forbidden) {
      await expect.soft(asked.call(name, ...rest), [name, ...rest].join(' ')).rejects.toThrow(/^NOPERM/);
    }
    asked.disconnect();
  });
});

test.each(sentinelUsers.filter((user) => !(serviceNames as readonly string[]).includes(user)))(
  'the Sentinel user %s cannot ask for a failover',
  async (user) => {
    const asked = sentinel(nodes.sentinels[0] ?? '', user);
    await expect(asked.call('SENTINEL', 'FAILOVER', nodes.masterName)).rejects.toThrow(/^NOPERM/);
    asked.disconnect();
  },
);

test('a service whose Sentinels all name a host that is not in REDIS_NODES does not send its password there', async () => {
  for (const service of services) {
    await waitFor('reads to work', () => service.reads.query('bounded-staleness', (p) => p.ping(), deadlineIn(2000)));
  }
  const { port } = listener.address() as AddressInfo;
  for (const address of nodes.sentinels) {
    const asked = sentinel(address);
    for (const [name = '', ...rest] of repoint(port)) await asked.call(name, ...rest);
    asked.disconnect();
  }
  await waitFor('the services to have been told of the listener', () => logged.length >= services.length);
  for (const event of logged) expect(event).toContain(`127.0.0.1:${port}`);
  await waitFor('a Sentinel to call the listener', () => calls > 0);
  // Those nodes that are listed go on answering.
  for (const service of services) {
    await waitFor('reads to work', () => service.reads.query('bounded-staleness', (p) => p.ping(), deadlineIn(2000)));
  }
  expect([...authenticated]).toEqual([]);
});
