/** The master cut off from one kind of its peers, one way or both; and one process cut off from everything. */
import { type CutPlan, cutFault, nginxNames, redisNames, sentinelNames, serviceReplicas } from './cuts.ts';
import type { Fault, FaultContext, Promised } from './fault.ts';
import { linksBetween } from './network.ts';

const shortMs = 6000;
const longMs = 20_000;
const writesGoOn: Promised = { failedFirstTries: 'only 503', longestGapMs: 6000 };
const hardlyNoticed: Promised = { failedFirstTries: 'none', longestGapMs: 1500 };

type Peers = (context: FaultContext) => Promise<readonly string[]>;
const replicas: Peers = ({ cluster }) => cluster.replicas();
const sentinels: Peers = async () => sentinelNames;
const services: Peers = async ({ cluster }) => serviceReplicas(cluster);
const replicasAndSentinels: Peers = async ({ cluster }) => [...sentinelNames, ...(await cluster.replicas())];

/** The master from its peers: `to them` cuts what it sends, `from them` what it hears. */
function masterCut(
  from: string,
  peers: Peers,
  direction: 'both ways' | 'to them' | 'from them' = 'both ways',
  lastsMs = shortMs,
): Fault {
  const way = {
    'both ways': '',
    'to them': ', one way: they do not hear it',
    'from them': ', one way: it does not hear them',
  }[direction];
  const name = `master cut from ${from}${way}${lastsMs === shortMs ? '' : `, ${lastsMs / 1000} s`}`;
  return cutFault(name, writesGoOn, lastsMs, async (context): Promise<CutPlan> => {
    const master = await context.cluster.master();
    const others = await peers(context);
    const what = `${master} from ${others.join(' ')}${way}`;
    if (direction === 'both ways') return { what, links: linksBetween([master], others) };
    const links =
      direction === 'to them' ? linksBetween([master], others, 'one way') : linksBetween(others, [master], 'one way');
    return { what, links };
  });
}

/** One process cut off from all others, for 20 s. */
function isolated(name: string, promise: Promised, pick: (context: FaultContext) => Promise<string>): Fault {
  return cutFault(name, promise, longMs, async (context) => {
    const one = await pick(context);
    return { what: `${one} from everything`, links: linksBetween([one], context.cluster.shop.names()) };
  });
}

/** See the names. */
export const masterCuts: readonly Fault[] = [
  masterCut('its replicas', replicas),
  masterCut('its replicas', replicas, 'to them'),
  masterCut('its replicas', replicas, 'from them'),
  masterCut('its replicas', replicas, 'both ways', longMs),
  masterCut('its replicas', replicas, 'both ways', 60_000),
  cutFault('master cut from one replica', hardlyNoticed, shortMs, async ({ cluster, random }) => {
    const [master, replica] = [await cluster.master(), random.pick(await cluster.replicas())];
    return { what: `${master} from ${replica}`, links: linksBetween([master], [replica]) };
  }),
  masterCut('the Sentinels', sentinels),
  masterCut('the Sentinels', sentinels, 'to them'),
  masterCut('the Sentinels', sentinels, 'from them'),
  masterCut('the services', services),
  masterCut('the services', services, 'to them'),
  masterCut('the services', services, 'from them'),
  masterCut('Sentinels and replicas', replicasAndSentinels),
  cutFault(
    'services cut from the Sentinels',
    { failedFirstTries: 'none', longestGapMs: 1000 },
    shortMs,
    async ({ cluster }) => ({
      what: 'all services from all Sentinels',
      links: linksBetween(serviceReplicas(cluster), sentinelNames),
    }),
  ),
  isolated('one Sentinel cut off from everything', hardlyNoticed, async ({ random }) => random.pick(sentinelNames)),
  isolated('one Redis replica cut off from everything', hardlyNoticed, async ({ random, cluster }) =>
    random.pick(await cluster.replicas()),
  ),
  cutFault(
    'one replica of each service reaches neither Redis nor Sentinels',
    { failedFirstTries: 'none', longestGapMs: 1500, slowestWriteMs: 1500 },
    longMs,
    async ({ random }) => {
      const number = random.int(1, 2);
      const cutOff = ['users', 'products', 'purchases'].map((service) => `${service}-${number}`);
      return {
        what: `${cutOff.join(' ')} from Redis and Sentinels`,
        links: linksBetween(cutOff, [...redisNames, ...sentinelNames]),
      };
    },
  ),
  cutFault(
    'purchases cut from Nginx',
    { failedFirstTries: 'none', longestGapMs: 6000 },
    shortMs,
    async ({ cluster, random }) => {
      const replica = `purchases-${random.int(1, 2)}`;
      const ways = random.pick(['both ways', 'one way'] as const);
      return { what: `${replica} from Nginx, ${ways}`, links: linksBetween([replica], nginxNames(cluster), ways) };
    },
  ),
  cutFault('one replica of products cut from the master', writesGoOn, shortMs, async ({ cluster, random }) => {
    const replica = `products-${random.int(1, 2)}`;
    return { what: `${replica} from the master`, links: linksBetween([replica], [await cluster.master()]) };
  }),
];
