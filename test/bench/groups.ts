/** What three groups of Redis, one for each service, carry beside one group for all. */
import { infoField } from '../../api/redis/info.ts';
import type { Shop } from '../../ops/local/shop.ts';
import type { ProcessSpec } from '../../ops/local/spec.ts';
import { environmentOf } from '../support/own-redis.ts';
import { type RedisNodes, startRedisNodes } from '../support/redis-nodes.ts';
import { openBench } from './load.ts';
import { comparePairs } from './pairs.ts';
import { operatorOf } from './subjects.ts';

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
    await showCpu('one group', new Map([['all', one.shop]]), () => one.purchases(seconds));
    const shops = new Map([['users', three.shop], ...[...groups].map(([name, { shop }]) => [name, shop] as const)]);
    await showCpu('three groups', shops, () => three.purchases(seconds));
  } finally {
    await one.close();
    await three.close();
    for (const group of groups.values()) await group.close();
  }
}

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

/** Prints the CPU time of each Redis master for one purchase. @param shops those that run the masters, by the name of the group */
async function showCpu(
  what: string,
  shops: ReadonlyMap<string, Shop>,
  measure: () => Promise<{ readonly perSecond: number }>,
): Promise<void> {
  const cpuSeconds = () => Promise.all([...shops.values()].map(masterCpuSeconds));
  const before = await cpuSeconds();
  const { perSecond } = await measure();
  const after = await cpuSeconds();
  const shares = [...shops.keys()].map((name, i) => {
    const ms = (1000 * ((after[i] ?? 0) - (before[i] ?? 0))) / (perSecond * seconds);
    return `${name} ${ms.toFixed(2)} ms`;
  });
  console.log(`  CPU time of the masters for a purchase, ${what}: ${shares.join(', ')}`);
}

async function masterCpuSeconds(shop: Shop): Promise<number> {
  const nodes = await operatorOf(shop);
  try {
    const info = await nodes[0].info('cpu');
    return Number(infoField(info, 'used_cpu_user')) + Number(infoField(info, 'used_cpu_sys'));
  } finally {
    for (const node of nodes) node.disconnect();
  }
}
