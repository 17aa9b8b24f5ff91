/** The tests' way to the shared Redis: as a service, or as the operator, which may read everything. */
import { Redis } from 'ioredis';
import { inject } from 'vitest';
import { deadlineIn } from '../../api/core/clock.ts';
import { openRedis, type RedisSettings, type ShopRedis } from '../../api/redis/open.ts';
import { waitFor } from './wait.ts';

/** What the set-up hands to the test files. */
export type TestRedis = {
  readonly sentinels: string[];
  readonly masterName: string;
  readonly sentinelPasswords: Record<string, string>;
  readonly redisPorts: number[];
  readonly passwords: Record<string, string>;
};

declare module 'vitest' {
  export interface ProvidedContext {
    redis: TestRedis;
  }
}

/** The settings with which a service opens the shared Redis. */
export function redisSettings(service: string): RedisSettings {
  const { sentinels, masterName, sentinelPasswords, redisPorts, passwords } = inject('redis');
  return {
    sentinels,
    nodes: redisPorts.map((port) => `127.0.0.1:${port}`),
    masterName,
    sentinelPassword: sentinelPasswords[service] ?? '',
    username: service,
    password: passwords[service] ?? '',
  };
}

/** The shared Redis, opened as a service; close it in `afterAll`. */
export function openTestRedis(service: string): ShopRedis {
  return openRedis(redisSettings(service));
}

/** The same, once it answers: on a busy machine the Sentinels may be silent for the first second. */
export async function openReachableRedis(service: string): Promise<ShopRedis> {
  const redis = openTestRedis(service);
  await waitFor(`${service} to reach Redis`, () =>
    redis.reads
      .query('read-your-writes', (pipeline) => pipeline.exists(`{${service}}:events`), deadlineIn(2000))
      .then(
        () => true,
        () => false,
      ),
  );
  return redis;
}

/** A plain connection as the operator to the master, to look at what no service may see. Quit it afterwards. */
export async function operator(): Promise<Redis> {
  const { redisPorts, passwords } = inject('redis');
  return waitFor('one of the Redis nodes to be master', async () => {
    for (const port of redisPorts) {
      const redis = new Redis({
        port,
        username: 'operator',
        password: passwords.operator ?? '',
        protocol: 2,
        disableClientInfo: true,
      });
      const [role] = (await redis.role()) as unknown[];
      if (role === 'master') return redis;
      redis.disconnect();
    }
    return undefined;
  });
}
