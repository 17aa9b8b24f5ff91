/** What is closed leaves nothing behind: no timer, and no listener at the Sentinels. */
import { expect, test, vi } from 'vitest';
import { endOfTurn } from '../../../api/core/clock.ts';
import { followStream } from '../../../api/redis/follow.ts';
import { openRedis } from '../../../api/redis/open.ts';

test('a service that closes its way to Redis has no timer left', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  try {
    const nothing = '127.0.0.1:1';
    const settings = { sentinels: [nothing], nodes: [nothing], masterName: 'shop', sentinelPassword: 'x' };
    const redis = openRedis({ ...settings, username: 'users', password: 'x' });
    expect(vi.getTimerCount()).toBeGreaterThan(0);
    redis.close();
    await endOfTurn();
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test('a follower of a stream that is closed hears of no new master', () => {
  const listeners = new Set<() => void>();
  const sentinels = {
    onMaster(listener: () => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const reads = { query: () => new Promise<never>(() => undefined) };
  const options = { stream: 'stream', historyMs: 1000, initial: () => [], apply: () => undefined };
  const followed = followStream(options, reads as never, sentinels as never);
  expect(listeners.size).toBe(1);
  followed.close();
  expect(listeners.size).toBe(0);
});
