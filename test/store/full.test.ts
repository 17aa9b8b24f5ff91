/** Redis at `maxmemory`, and Redis without room for a snapshot: on nodes of its own, since other tests could not write meanwhile. */

import { createHash } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { deadlineIn } from '../../api/core/clock.ts';
import { Unavailable } from '../../api/core/outcome.ts';
import { infoField } from '../../api/redis/info.ts';
import type { ShopRedis } from '../../api/redis/open.ts';
import type { Script } from '../../api/redis/script.ts';
import { type OwnRedis, startOwnRedis } from '../support/own-redis.ts';
import { waitFor } from '../support/wait.ts';

function script(source: string): Script {
  return { name: 'test', source, sha: createHash('sha1').update(source).digest('hex') };
}
const put = script("redis.call('SET', KEYS[1], ARGV[1]) return { 'done' }");
const finish = script(`#!lua flags=allow-oom\n${put.source}`);

let own: OwnRedis;
let users: ShopRedis;
let master: Redis;
beforeAll(async () => {
  own = await startOwnRedis('users');
  ({ redis: users, master } = own);
});
afterAll(() => own?.close());

test('a full Redis refuses at once what adds to it, accepts what finishes something, and reports that it has no headroom', async () => {
  await users.writes.run(put, ['{users}:test:a'], ['x'], deadlineIn(5000));
  expect(users.mayGrow()).toBe(true);
  await master.config('SET', 'maxmemory', '1mb');
  await expect(users.writes.run(put, ['{users}:test:a'], ['y'], deadlineIn(5000))).rejects.toBeInstanceOf(Unavailable);
  expect(await users.writes.run(finish, ['{users}:test:a'], ['z'], deadlineIn(5000))).toEqual(['done']);
  await waitFor('the service to know that Redis is full', () => !users.mayGrow());
  await master.config('SET', 'maxmemory', '512mb');
  await waitFor('the service to know that there is room again', () => users.mayGrow());
  expect(await users.writes.run(put, ['{users}:test:a'], ['y'], deadlineIn(5000))).toEqual(['done']);
});

test('a failed snapshot does not stop writes: the append-only file has them', async () => {
  const lastSnapshot = async () => infoField(await master.info('persistence'), 'rdb_last_bgsave_status');
  // A folder in its place: the snapshot cannot be renamed to this name.
  for (const dir of own.dataDirs) {
    rmSync(join(dir, 'dump.rdb'), { force: true });
    mkdirSync(join(dir, 'dump.rdb', 'in-the-way'), { recursive: true });
  }
  await master.bgsave();
  await waitFor('the snapshot to fail', async () => (await lastSnapshot()) === 'err');
  expect(await users.writes.run(put, ['{users}:test:a'], ['after'], deadlineIn(3000))).toEqual(['done']);
});
