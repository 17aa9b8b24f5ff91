/** Which users add most: counted while there is no master, written once there is one. */
import type { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createGrowth, estimatedBytes } from '../../../api/http/growth.ts';
import type { Reads } from '../../../api/redis/reads/reads.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

test('without a master the count waits; with one it is written once', async () => {
  const written: unknown[][] = [];
  const redis = {
    async evalsha(...words: unknown[]) {
      written.push(words);
      return ['fresh', 'done'];
    },
  } as unknown as Redis;
  let master: Redis | undefined;
  const growth = createGrowth('users', () => master, {} as Reads);
  growth.note('ann', {}, undefined);
  growth.note('ann', { limit: 'purchase' }, undefined);
  await vi.advanceTimersByTimeAsync(3000);
  expect(written).toHaveLength(0);
  master = redis;
  await vi.advanceTimersByTimeAsync(3000);
  expect(written).toHaveLength(1);
  expect(written[0]?.slice(-2)).toEqual([
    'ann',
    estimatedBytes(undefined, undefined) + estimatedBytes('purchase', undefined),
  ]);
});
