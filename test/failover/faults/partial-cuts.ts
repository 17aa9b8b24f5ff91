/** Cuts that leave both sides with something to go on with: every node still reaches some of the others, but not all see the same. */
import type { Cluster } from '../cluster.ts';
import { type CutPlan, cutFault, hostOf, nginxNames, sentinelNames, serviceReplicas } from './cuts.ts';
import { askSentinel } from './elections.ts';
import type { Fault, FaultContext, Promised } from './fault.ts';
import { linksBetween } from './network.ts';

const onlySafety: Promised = { failedFirstTries: 'only 503' };
const writesGoOn: Promised = { failedFirstTries: 'only 503', longestGapMs: 6000 };
/** A link between two hosts: services on one of them see another part of the cluster than those on the other. */
const hostLink: Promised = { failedFirstTries: 'only 503', longestGapMs: 9000 };

/** The nodes by their present role. */
async function rolesIn({ cluster, random }: FaultContext) {
  const master = await cluster.master();
  const replicas = await cluster.replicas();
  const lost = random.pick(replicas);
  const kept = replicas.find((name) => name !== lost) ?? '';
  const sentinelOf = (name: string) => `sentinel-${hostOf(name)}`;
  return { master, lost, kept, sentinelOf };
}

/** The cut that lost acknowledged writes: the master and one replica confirm writes that the side with the Sentinels has never seen. */
export function electionWithoutTheNewest(ways: 'both ways' | 'one way' | 'the other way', lastsMs = 6000): Fault {
  const suffix = { 'both ways': '', 'one way': ', what these send', 'the other way': ', what these hear' }[ways];
  const length = lastsMs === 6000 ? '' : `, ${lastsMs / 1000} s`;
  const name = `HD1: master and one replica cut from the other replica and all Sentinels${suffix}${length}`;
  return cutFault(name, onlySafety, lastsMs, async (context) => {
    const { master, kept, lost } = await rolesIn(context);
    const [here, there] = [
      [master, kept],
      [lost, ...sentinelNames],
    ] as const;
    const what = `${here.join(' ')} from ${there.join(' ')}${suffix}`;
    if (ways === 'both ways') return { what, links: linksBetween(here, there) };
    const [from, to] = ways === 'one way' ? [here, there] : [there, here];
    return { what, links: linksBetween(from, to, 'one way') };
  });
}

/** The link between two hosts, with the services where the name says. */
function hostPair(where: 'elsewhere' | "on the master's host" | "on the replica's host"): Fault {
  const name = `HD3: master and its Sentinel cut from one replica and its Sentinel, services ${where}, 20 s`;
  return cutFault(name, where === 'elsewhere' ? writesGoOn : hostLink, 20_000, async (context) => {
    const { master, lost, sentinelOf } = await rolesIn(context);
    const services = serviceReplicas(context.cluster);
    const here = [master, sentinelOf(master), ...(where === "on the master's host" ? services : [])];
    const there = [lost, sentinelOf(lost), ...(where === "on the replica's host" ? services : [])];
    return { what: `${here.join(' ')} from ${there.join(' ')}`, links: linksBetween(here, there) };
  });
}

/** Two racks of the given Redis nodes and Sentinels; services and Nginx reach both. */
function racks(
  name: string,
  promise: Promised,
  first: (roles: Awaited<ReturnType<typeof rolesIn>>) => string[],
): Fault {
  return cutFault(`racks: ${name}, 20 s`, promise, 20_000, async (context): Promise<CutPlan> => {
    const roles = await rolesIn(context);
    const here = first(roles);
    const there = [roles.master, roles.kept, roles.lost, ...sentinelNames].filter((part) => !here.includes(part));
    return { what: `${here.join(' ')} from ${there.join(' ')}`, links: linksBetween(here, there) };
  });
}

async function configEpoch(cluster: Cluster): Promise<number> {
  const fields = (await askSentinel(cluster, 1, 'MASTER')) as string[];
  return Number(fields[fields.indexOf('config-epoch') + 1]);
}

const flapping = cutFault(
  'FLAP: one service replica cut from the master and a replica, 20 s',
  { failedFirstTries: 'none', longestGapMs: 6000 },
  20_000,
  async (context) => {
    const { master, lost } = await rolesIn(context);
    const replica = `products-${context.random.int(1, 2)}`;
    return { what: `${replica} from ${master} ${lost}`, links: linksBetween([replica], [master, lost]) };
  },
);

/** A service that is cut off may ask for a failover once, and again after 15 s: not every few seconds. */
const withoutFlapping: Fault = {
  ...flapping,
  async run(context) {
    const before = await configEpoch(context.cluster);
    await flapping.run(context);
    const changes = (await configEpoch(context.cluster)) - before;
    context.log(`${changes} epochs later`);
    if (changes > 2) throw new Error(`${changes} failovers in 20 s`);
  },
};

/** Everything that runs beside the Sentinels on one side, all Redis nodes on the other. */
const sentinelsAndNginx = cutFault('Nginx cut from half of the services', onlySafety, 6000, async ({ cluster }) => ({
  what: 'nginx-1 from the first replicas, nginx-2 from the second ones',
  links: nginxNames(cluster).flatMap((nginx) =>
    linksBetween(
      [nginx],
      serviceReplicas(cluster).filter((name) => hostOf(name) === hostOf(nginx)),
    ),
  ),
}));

/** See the names. */
export const partialCuts: readonly Fault[] = [
  electionWithoutTheNewest('both ways'),
  electionWithoutTheNewest('one way'),
  electionWithoutTheNewest('the other way'),
  electionWithoutTheNewest('both ways', 20_000),
  cutFault('HD2: master cut from one replica and all Sentinels, 20 s', writesGoOn, 20_000, async (context) => {
    const { master, lost } = await rolesIn(context);
    const others = [lost, ...sentinelNames];
    return { what: `${master} from ${others.join(' ')}`, links: linksBetween([master], others) };
  }),
  hostPair('elsewhere'),
  hostPair("on the master's host"),
  hostPair("on the replica's host"),
  withoutFlapping,
  racks('master, one replica and two Sentinels / one replica, one Sentinel', writesGoOn, (roles) => [
    roles.lost,
    roles.sentinelOf(roles.lost),
  ]),
  racks('master and one Sentinel / two replicas, two Sentinels', writesGoOn, ({ master, sentinelOf }) => [
    master,
    sentinelOf(master),
  ]),
  racks('master and two Sentinels / two replicas, one Sentinel', onlySafety, ({ master, kept, sentinelOf }) => [
    master,
    sentinelOf(master),
    sentinelOf(kept),
  ]),
  racks(
    'master, one replica, one Sentinel / one replica, two Sentinels',
    onlySafety,
    ({ master, kept, sentinelOf }) => [master, kept, sentinelOf(master)],
  ),
  racks('all Redis nodes / all Sentinels', onlySafety, ({ master, kept, lost }) => [master, kept, lost]),
  sentinelsAndNginx,
];
