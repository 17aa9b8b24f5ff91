/** Reads while a master is being replaced. Real Redis nodes, moved by hand; what the Sentinels say meanwhile is said by the test. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deadlineIn } from '../../api/core/clock.ts';
import { type MovedRedis, startMovedRedis } from '../support/moved-redis.ts';
import { waitFor } from '../support/wait.ts';

const key = '{users}:test:deposed';

let redis: MovedRedis;

const own = (timeMs: number) => redis.reads.query('read-your-writes', (p) => p.get(key), deadlineIn(timeMs));
const node = (number: number) => redis.node(number);

beforeEach(async () => {
  redis = await startMovedRedis();
  await node(0).set(key, 'acknowledged');
  await node(0).wait(2, 5000);
  await waitFor('the first read', () => own(1000));
}, 30_000);

afterEach(() => redis.close());

describe('what a master wrote after another was promoted', () => {
  beforeEach(async () => {
    await node(1).replicaof('NO', 'ONE');
    redis.say(0, { flags: ['failover_in_progress'] }); // and the services do not know yet
    await node(0).set(key, 'never acknowledged');
    await node(0).wait(1, 5000);
  });

  test('is never read, though a replica that follows it has it', async () => {
    await expect(own(500)).rejects.toThrow(/no Redis node/);
    redis.say(1, { behind: [0] });
    await redis.follow(2, 1);
    expect(await own(2000)).toEqual(['acknowledged']);
  });
});

test('what a master has that its replicas never heard of is never read, though the Sentinels see nothing wrong', async () => {
  // As good as cut off: the replicas go on following a master that does not let them in any more.
  await Promise.all(
    [1, 2].map(async (number) => {
      await node(number).config('SET', 'masterauth', 'wrong');
      await node(number).call('CLIENT', 'KILL', 'TYPE', 'master');
    }),
  );
  await node(0).config('SET', 'min-replicas-to-write', 0);
  await node(0).set(key, 'on the master alone');
  expect(await own(2000)).toEqual(['acknowledged']);
});

test('with both replicas down, the master answers reads without a token', async () => {
  for (const name of ['redis-2', 'redis-3']) await redis.nodes.shop.halt(name);
  redis.say(0, { down: [1, 2] });
  const recent = () => redis.reads.query('bounded-staleness', (p) => p.get(key), deadlineIn(2000));
  expect(await recent()).toEqual(['acknowledged']);
  // What only the master has can be undone: when a cut heals, a replica may be elected in its place.
  await expect(own(500)).rejects.toThrow(/no Redis node/);
});

describe('without a master', () => {
  test('reads go on while all replicas have the same', async () => {
    await redis.knowsHistory();
    await redis.nodes.shop.halt('redis-1');
    redis.say(0, { flags: ['s_down', 'o_down'] });
    expect(await own(2000)).toEqual(['acknowledged']);
  });

  test('what only one replica has is never read', async () => {
    await node(2).replicaof('127.0.0.1', 1); // cut off, so it misses the last write
    await node(0).set(key, 'on one replica');
    await node(0).wait(1, 5000);
    await redis.nodes.shop.halt('redis-1');
    await node(2).replicaof('127.0.0.1', redis.address(0).port);
    redis.say(0, { flags: ['s_down', 'o_down'] });
    await expect(own(500)).rejects.toThrow(/no Redis node/);
  });
});

test('one replica down: the Sentinels decide whether the other may be believed', async () => {
  await redis.nodes.shop.halt('redis-3');
  redis.say(0, { down: [2] });
  expect(await own(2000)).toEqual(['acknowledged']);
  redis.say(0, { flags: ['failover_in_progress'], down: [2] });
  await expect(own(500)).rejects.toThrow(/no Redis node/);
});

test('a replica that this service does not reach has what it confirms to the master: no Sentinel is needed for that', async () => {
  // A service on another host than that replica, with the link between the two cut: it cannot be asked, and its host's Sentinel is silent.
  await node(2).call('ACL', 'SETUSER', 'users', 'off');
  await node(2).call('CLIENT', 'KILL', 'USER', 'users');
  redis.say(0, { flags: ['failover_in_progress'] });
  const writing = setInterval(
    () =>
      void node(0)
        .incr('{users}:test:other')
        .catch(() => undefined),
    5,
  );
  try {
    // It confirms once a second by itself.
    for (let read = 0; read < 3; read++) expect(await own(3000)).toEqual(['acknowledged']);
  } finally {
    clearInterval(writing);
  }
});
