/** A Redis for one test file alone, with replicas and Sentinels: for tests that would disturb the others on the shared one. */
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { openRedis, type RedisSettings, type ShopRedis } from '../../api/redis/open.ts';
import { type RedisNodes, startRedisNodes } from './redis-nodes.ts';

/** The settings with which a service opens these nodes. */
export function redisSettingsOf(nodes: RedisNodes, service: string): RedisSettings {
  const { sentinels, masterName, redisPorts } = nodes;
  return {
    sentinels,
    nodes: redisPorts.map((port) => `127.0.0.1:${port}`),
    masterName,
    sentinelPassword: nodes.sentinelPassword(service),
    username: service,
    password: nodes.password(service),
  };
}

/** The environment that opens a service on these nodes in place of the shared ones: for `startTestService`. */
export function environmentOf(nodes: RedisNodes, service: string): Record<string, string> {
  const settings = redisSettingsOf(nodes, service);
  return {
    REDIS_SENTINELS: settings.sentinels.join(','),
    REDIS_NODES: settings.nodes.join(','),
    REDIS_MASTER_NAME: settings.masterName,
    REDIS_PASSWORD: settings.password,
    SENTINEL_PASSWORD: settings.sentinelPassword,
  };
}

/** Redis as a service sees it, and a plain connection to its master as the operator. */
export type OwnRedis = {
  readonly redis: ShopRedis;
  readonly master: Redis;
  /** What `startTestService` needs in the environment to use it. */
  readonly settings: Record<string, string>;
  /** The data folder of each node. */
  readonly dataDirs: readonly string[];
  close(): Promise<void>;
};

/** Starts it, in about 3 s. @param service as whom `redis` is opened */
export async function startOwnRedis(service: string): Promise<OwnRedis> {
  const nodes = await startRedisNodes();
  const redis = openRedis(redisSettingsOf(nodes, service));
  const master = new Redis({
    port: nodes.redisPorts[0] ?? 0, // the first start: no other node was elected
    username: 'operator',
    password: nodes.password('operator'),
    protocol: 2,
    disableClientInfo: true,
  });
  return {
    redis,
    master,
    settings: environmentOf(nodes, service),
    dataDirs: [1, 2, 3].map((number) => join(nodes.shop.settings.dir, `redis-${number}`)),
    async close() {
      redis.close();
      master.disconnect();
      await nodes.close();
    },
  };
}
