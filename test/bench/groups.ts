/** What three groups of Redis, one for each service, carry beside one group for all. */
import { Redis } from 'ioredis';
import { infoField } from '../../api/redis/info.ts';
import type { ProcessSpec } from '../../ops/local/spec.ts';
import { environmentOf } from '../support/own-redis.ts';
import { type RedisNodes, startRedisNodes } from '../support/redis-nodes.ts';
import { openBench } from './load.ts';
import { comparePairs } from './pairs.ts';
import { redisPortsOf } from './subjects.ts';

const seconds = 5;

/** Purchases with one group and with three, and the CPU time that each master takes for one. */
export async function benchGroups(): Promise<void> {
  const one = await openBench({});
  const groups = new Map<string, RedisNodes>();
  for (const service of ['products', 'purchases']) groups.set(service, await startRedisNodes());
  const three = await openBench({}, (specs) => specs.map((spec) => inGroup(spec, groups)));
  try {
    await comparePairs(
      'purchases by groups of Redis',
      { name: 'one group', measure: () => one.purchases(seconds) },
      { name: 'three groups', measure: () => three.purchases(seconds) },
    );
    const masterOf = async ({ shop }: Pick<RedisNodes, 'shop'>) => {
      const [port = 0] = await redisPortsOf(shop);
      return { port, password: shop.settings.secrets.REDIS_PASSWORD_OPERATOR ?? '' };
    };
    await showCpu('one group', { all: await masterOf(one) }, () => one.purchases(seconds));
    const masters: Record<string, Master> = { users: await masterOf(three) };
    for (const [service, group] of groups) masters[service] = await masterOf(group);
    await showCpu('three groups', masters, () => three.purchases(seconds));
  } finally {
    await one.close();
    await three.close();
    for (const group of groups.values()) await group.close();
  }
}

type Master = { readonly port: number; readonly password: string };

/** The same process, on the group of its service if that has one; it hears the events of `users` from the shop's first group. */
function inGroup(spec: ProcessSpec, groups: ReadonlyMap<string, RedisNodes>): ProcessSpec {
  const service = spec.name.replace(/-\d+$/, '');
  const group = groups.get(service);
  if (group === undefined) return spec;
  const { REDIS_SENTINELS, REDIS_NODES, REDIS_PASSWORD, SENTINEL_PASSWORD } = spec.env;
  const ofUsers = {
    USERS_REDIS_SENTINELS: REDIS_SENTINELS ?? '',
    USERS_REDIS_NODES: REDIS_NODES ?? '',
    USERS_REDIS_PASSWORD: REDIS_PASSWORD ?? '',
    USERS_SENTINEL_PASSWORD: SENTINEL_PASSWORD ?? '',
  };
  return { ...spec, env: { ...spec.env, ...environmentOf(group, service), ...ofUsers } };
}

/** Prints the CPU time of each master for one purchase. */
async function showCpu(
  what: string,
  masters: Readonly<Record<string, Master>>,
  measure: () => Promise<{ readonly perSecond: number }>,
): Promise<void> {
  const cpuSeconds = ({ port, password }: Master) => cpuSecondsOf(port, password);
  const before = await Promise.all(Object.values(masters).map(cpuSeconds));
  const { perSecond } = await measure();
  const after = await Promise.all(Object.values(masters).map(cpuSeconds));
  const shares = Object.keys(masters).map((name, i) => {
    const ms = (1000 * ((after[i] ?? 0) - (before[i] ?? 0))) / (perSecond * seconds);
    return `${name} ${ms.toFixed(2)} ms`;
  });
  console.log(`  CPU time of the masters for a purchase, ${what}: ${shares.join(', ')}`);
}

async function cpuSecondsOf(port: number, password: string): Promise<number> {
  const redis = new Redis({ port, username: 'operator', password, protocol: 2, disableClientInfo: true });
  try {
    const info = await redis.info('cpu');
    return Number(infoField(info, 'used_cpu_user')) + Number(infoField(info, 'used_cpu_sys'));
  } finally {
    redis.disconnect();
  }
}
