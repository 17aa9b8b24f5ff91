/** A failover that its leader would never finish: the new master dies before the leading Sentinel has switched to it. Real nodes. */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, test } from 'vitest';
import { type RedisNodes, startRedisNodes } from '../support/redis-nodes.ts';
import { waitFor } from '../support/wait.ts';

let nodes: RedisNodes;
const open: Redis[] = [];
function connect(port: number, username: string, password: string): Redis {
  const redis = new Redis({ port, username, password, protocol: 2, enableReadyCheck: false });
  redis.on('error', () => undefined); // a node is killed
  open.push(redis);
  return redis;
}
const sentinelAt = (address: string) => connect(Number(address.split(':')[1]), 'default', nodes.sentinelPassword());
const namedBy = async (sentinel: Redis) =>
  Number(((await sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', nodes.masterName)) as string[])[1]);

beforeAll(async () => {
  nodes = await startRedisNodes();
}, 30_000);
afterAll(async () => {
  for (const each of open) each.disconnect();
  await nodes?.close();
});

test('the Sentinel that led it names the same master as the others soon after', async () => {
  const [former = 0, promoted = 0, other = 0] = nodes.redisPorts;
  const [leader, ...others] = nodes.sentinels.map(sentinelAt);
  if (leader === undefined) throw new Error('no Sentinel');
  // The leader waits for this one before it switches: it cannot follow the new master, and is not chosen itself.
  const slow = connect(other, 'operator', nodes.password('operator'));
  await slow.config('SET', 'replica-priority', 0);
  await waitFor('the Sentinels to know the priority', async () =>
    String(await leader.call('SENTINEL', 'REPLICAS', nodes.masterName)).includes('slave-priority,0'),
  );
  await slow.config('SET', 'masterauth', 'wrong');

  await leader.call('SENTINEL', 'FAILOVER', nodes.masterName);
  await waitFor('the promotion', async () => (await namedBy(leader)) === promoted, 10_000, 5);
  await nodes.shop.halt('redis-2');
  await slow.config('SET', 'masterauth', nodes.password('replication'));
  await waitFor(
    'the others to elect the former master',
    async () => (await Promise.all(others.map(namedBy))).every((port) => port === former),
    30_000,
  );
  await waitFor('the leader to name it as well', async () => (await namedBy(leader)) === former, 30_000);
}, 90_000);
