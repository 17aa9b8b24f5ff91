// Only the Redis of a shop: three nodes and three Sentinels on free ports in a folder that goes with them, for tests of what is above Redis.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { redisPasswordName, sentinelPasswordName } from '../../ops/credentials.ts';
import { readSettings, type Settings } from '../../ops/local/settings.ts';
import { createShop, type Shop, type ShopEvent } from '../../ops/local/shop.ts';
import { masterName, portsFrom } from '../../ops/local/spec.ts';
import { reservePorts } from './reserve-ports.ts';
import { makeSecrets } from './secrets.ts';

/** Redis as the services know it, and the shop that runs it (`shop.kill('redis-1')`, `shop.status()`, …). */
export type RedisNodes = {
  shop: Shop;
  /** `host:port` of each Sentinel. */
  sentinels: string[];
  masterName: string;
  /** Of a Sentinel user: a service's name, `redis`, `backup` or `health`; of the default user, who may do everything, without a name. */
  sentinelPassword(user?: string): string;
  redisPorts: number[];
  /** Of a Redis user: a service's name, `operator`, `sentinel` or `replication`. */
  password(user: string): string;
  /** Stops all and removes the folder. */
  close(): Promise<void>;
};

type NodesOptions = { changes?: Partial<Settings>; onEvent?: (event: ShopEvent) => void };

/**
 * Settings of a throw-away shop: a temporary folder, free ports, fresh secrets, no rate limits.
 * @param changes what shall be otherwise
 * @returns the settings, and what gives folder and ports back
 */
export async function temporarySettings(
  changes: Partial<Settings> = {},
): Promise<{ settings: Settings; remove: () => Promise<void> }> {
  const dir = mkdtempSync(join(tmpdir(), 'shop-'));
  const { portBase, release } = await reservePorts();
  const { PATH, HOME } = process.env;
  const projectDir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
  const read = readSettings({ PATH, HOME, SHOP_DIR: dir, ...makeSecrets() }, projectDir);
  if (read.kind === 'faulty') throw new Error(read.faults.join('\n'));
  return {
    settings: {
      ...read.settings,
      portBase,
      httpPort: portBase + 80,
      httpsPort: portBase + 443,
      rateLimits: 'off',
      backups: undefined,
      monitoring: false,
      ...changes,
    },
    async remove() {
      rmSync(dir, { recursive: true, force: true });
      await release();
    },
  };
}

/**
 * Starts three Redis nodes and three Sentinels, with the configuration files and users of the real shop, and resolves when there is a
 * master, both replicas are in step, and the Sentinels could replace it. Takes about 3 s.
 */
export async function startRedisNodes(options: NodesOptions = {}): Promise<RedisNodes> {
  const nodes = await createRedisNodes(options);
  try {
    await nodes.shop.start();
  } catch (error) {
    await nodes.close();
    throw error;
  }
  return nodes;
}

/** The same nodes with their ports and passwords, before `shop.start()`. */
export async function createRedisNodes({ changes, onEvent }: NodesOptions = {}): Promise<RedisNodes> {
  const { settings, remove } = await temporarySettings(changes);
  const ports = portsFrom(settings.portBase);
  const secret = (name: string) => settings.secrets[name] ?? '';
  const shop = createShop(settings, { kinds: ['redis', 'sentinel'], ...(onEvent ? { onEvent } : {}) });
  return {
    shop,
    sentinels: [1, 2, 3].map((number) => `127.0.0.1:${ports.sentinel(number)}`),
    masterName,
    sentinelPassword: (user) => secret(user === undefined ? 'SENTINEL_PASSWORD' : sentinelPasswordName(user)),
    redisPorts: [1, 2, 3].map(ports.redis),
    password: (user) => secret(redisPasswordName(user)),
    async close() {
      await shop.killAll(); // the data go anyway
      await remove();
    },
  };
}
