/** The way to Redis itself: acknowledgements, repetition, read indexes, the bus. Scripts of its own, under the keys of `users`. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { deadlineIn } from '../../api/core/clock.ts';
import { newId } from '../../api/core/ids.ts';
import { Unavailable } from '../../api/core/outcome.ts';
import { runKeyed } from '../../api/redis/keyed.ts';
import type { ShopRedis } from '../../api/redis/open.ts';
import type { Script } from '../../api/redis/script.ts';
import { contextOf, repetitionOf, userCaller } from '../support/context.ts';
import { openTestRedis, operator } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';

const prelude = readFileSync(new URL('../../api/redis/prelude.lua', import.meta.url), 'utf8');

function script(body: string): Script {
  const source = `${prelude}\n${body}`;
  return { name: 'test', source, sha: createHash('sha1').update(source).digest('hex') };
}

const count = script(`
local before = find_reply(KEYS[1], ARGV[1], ARGV[2])
if before then return before end
local n = redis.call('INCR', KEYS[3])
emit(KEYS[2], 'test.counted', ARGV[4], '{}')
return store_reply(KEYS[1], ARGV[1], ARGV[2], ARGV[3], { 'counted', int(n) })`);
const put = script("redis.call('SET', KEYS[1], ARGV[1]) return { 'done' }");

let users: ShopRedis;
let products: ShopRedis;
beforeAll(() => {
  users = openTestRedis('users');
  products = openTestRedis('products');
});
afterAll(() => {
  users.close();
  products.close();
});

test.each([
  ['*', '3', 'yes'],
  [',3,', '3', 'yes'],
  [',2,3,', '3', 'yes'],
  [',2,33,', '3', 'no'],
  [',2,', '3', 'no'],
  [',,', '3', 'no'],
  [',5-a.b,', '5-a.b', 'yes'],
  [',5-a.b,', '5-aXb', 'no'],
])('of If-Match %s, a resource with the tag %s is wanted: %s', async (tags, tag, expected) => {
  const asked = script("return { is_wanted(ARGV[1], ARGV[2]) and 'yes' or 'no' }");
  expect(await users.writes.run(asked, [`{users}:test:${newId()}`], [tags, tag], deadlineIn(5000))).toEqual([expected]);
});

describe('a write under a key', () => {
  test('repeated, has one effect and the same reply, and says that it is a replay', async () => {
    const key = `{users}:test:${newId()}`;
    const context = contextOf(userCaller());
    const first = await runKeyed(users.writes, 'users', count, [key], [], context);
    const repeat = await runKeyed(users.writes, 'users', count, [key], [], repetitionOf(context));
    expect(first).toEqual({ replayed: false, result: 'counted', fields: ['1'] });
    expect(repeat).toEqual({ replayed: true, result: 'counted', fields: ['1'] });
  });

  test('repeated by the same attempt is no replay to the client', async () => {
    const key = `{users}:test:${newId()}`;
    const context = contextOf(userCaller());
    const all = await Promise.all(
      Array.from({ length: 50 }, () => runKeyed(users.writes, 'users', count, [key], [], context)),
    );
    for (const reply of all) expect(reply).toEqual({ replayed: false, result: 'counted', fields: ['1'] });
  });

  test('takes its time from Redis, not from a process whose clock is an hour ahead', async () => {
    const startedMs = Date.now();
    vi.useFakeTimers({ toFake: ['Date'], now: startedMs + 3_600_000 });
    const context = contextOf(userCaller());
    await runKeyed(users.writes, 'users', count, [`{users}:test:${newId()}`], [], context).finally(vi.useRealTimers);
    const master = await operator();
    const entries = await master.xrevrange('{users}:events', '+', '-');
    await master.quit();
    const at = entries.map(([, fields]) => fields).find((fields) => fields.includes(context.requestId))?.[3];
    expect(Math.abs(Number(at) - startedMs)).toBeLessThan(60_000);
  });

  test('lives as long as its identity says', async () => {
    const context = contextOf(userCaller());
    const write = { ...context.write, id: newId(), fingerprint: 'x', nonce: newId(), lifetimeMs: 60_000 };
    await runKeyed(users.writes, 'users', count, [`{users}:test:${newId()}`], [], { ...context, write });
    const master = await operator();
    const keptMs = await master.pttl(`{users}:idempotency:${write.id}`);
    await master.quit();
    expect(keptMs).toBeGreaterThan(50_000);
    expect(keptMs).toBeLessThanOrEqual(60_000);
  });

  test('with another body is refused', async () => {
    const key = `{users}:test:${newId()}`;
    const context = contextOf(userCaller());
    await runKeyed(users.writes, 'users', count, [key], [], context);
    const other = repetitionOf(context, { fingerprint: 'another' });
    expect(await runKeyed(users.writes, 'users', count, [key], [], other)).toMatchObject({
      code: 'idempotency-key-reused',
    });
  });
});

describe('reads', () => {
  test('see what was written before, from whichever node they come', async () => {
    const key = `{users}:test:${newId()}`;
    for (let i = 0; i < 50; i++) {
      await users.writes.run(put, [key], [i], deadlineIn(5000));
      const [value] = await users.reads.query('read-your-writes', (p) => p.get(key), deadlineIn(5000));
      expect(value).toBe(String(i));
    }
  });

  test('come from replicas, not from the master', async () => {
    const key = `{users}:test:${newId()}`;
    await users.writes.run(put, [key], ['x'], deadlineIn(5000));
    const master = await operator();
    const strlen = async () => Number(/cmdstat_strlen:calls=(\d+)/.exec(await master.info('commandstats'))?.[1] ?? 0);
    const before = await strlen();
    for (let i = 0; i < 100; i++) await users.reads.query('read-your-writes', (p) => p.strlen(key), deadlineIn(5000));
    expect((await strlen()) - before).toBeLessThanOrEqual(10);
    await master.quit();
  });
});

describe('whose it is', () => {
  test('a service cannot read or write foreign keys, nor from inside a script that declares others', async () => {
    const foreign = `{products}:test:${newId()}`;
    await expect(users.reads.query('bounded-staleness', (p) => p.get(foreign), deadlineIn(2000))).rejects.toThrow(
      /NOPERM/,
    );
    await expect(users.writes.run(put, [foreign], ['x'], deadlineIn(2000))).rejects.toThrow(/NOPERM|No permissions/i);
    const sly = script(`redis.call('SET', '${foreign}', 'x') return { 'done' }`);
    await expect(users.writes.run(sly, ['{users}:test:x'], [], deadlineIn(2000))).rejects.toThrow(
      /NOPERM|permission|can.t access/i,
    );
  });

  test('a service reads the event streams of others, and cannot write to them', async () => {
    await runKeyed(users.writes, 'users', count, [`{users}:test:${newId()}`], [], contextOf(userCaller()));
    const [entries] = await products.reads.query(
      'read-your-writes',
      (p) => p.xrange('{users}:events', '-', '+'),
      deadlineIn(2000),
    );
    expect(entries).not.toHaveLength(0);
    const forge = script("redis.call('XADD', KEYS[1], '*', 'type', 'x') return { 'done' }");
    await expect(products.writes.run(forge, ['{users}:events'], [], deadlineIn(2000))).rejects.toThrow(
      /NOPERM|permission|can.t access/i,
    );
  });
});

test('a follower of the bus hears every event and knows that its view is fresh', async () => {
  const events = products.follow({
    stream: '{users}:events',
    historyMs: 60_000,
    initial: () => [] as string[],
    apply: (heard, { fields }) => void heard.push(fields.request ?? ''),
  });
  const context = contextOf(userCaller());
  await runKeyed(users.writes, 'users', count, [`{users}:test:${newId()}`], [], context);
  await waitFor('the event to be heard', () => events.state().includes(context.requestId));
  await waitFor('the view to be fresh', () => events.ageMs() < 1000);
});

test('a write whose deadline has passed is refused as unavailable', async () => {
  await expect(users.writes.run(put, ['{users}:test:late'], ['x'], deadlineIn(0))).rejects.toBeInstanceOf(Unavailable);
});

test('no port answers without a password, and the default user is off', async () => {
  const { redisPorts, sentinels } = inject('redis');
  const { Redis } = await import('ioredis');
  for (const port of [...redisPorts, ...sentinels.map((s) => Number(s.split(':')[1]))]) {
    const redis = new Redis({
      port,
      protocol: 2,
      disableClientInfo: true,
      enableReadyCheck: false,
      retryStrategy: () => null,
    });
    redis.on('error', () => undefined);
    await expect(redis.ping()).rejects.toThrow(/NOAUTH/);
    redis.disconnect();
  }
});
