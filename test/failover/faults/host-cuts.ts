/** Cuts along hosts, laid out as in stack.yml: redis-N, sentinel-N, nginx-N and the Nth replica of each service on host N. */
import { cutFault, hostOf, partsOfHost, redisNames } from './cuts.ts';
import type { Fault, FaultContext, Promised } from './fault.ts';
import { linksBetween } from './network.ts';

const allHosts = [1, 2, 3];
const onlySafety: Promised = { failedFirstTries: 'only 503' };
const linkGapMs = 9000;

type Pick = (context: FaultContext) => Promise<number>;
const masterHost: Pick = async ({ cluster }) => hostOf(await cluster.master());
const replicaHost: Pick = async ({ cluster, random }) => hostOf(random.pick(await cluster.replicas()));

/**
 * One host cut off from the two others. Clients reach all three through both Nginx, which pass on to the next replica what a cut-off one
 * cannot answer. The host with a single Redis node acknowledges nothing; the others go on.
 */
function oneHost(name: string, lastsMs: number, pick: Pick): Fault {
  const title = `host of ${name} cut off, ${lastsMs / 1000} s`;
  return cutFault(title, onlySafety, lastsMs, async (context) => {
    const host = await pick(context);
    const others = allHosts.filter((each) => each !== host);
    const inside = storesAndServices(context, [host]);
    const outside = storesAndServices(context, others);
    return {
      what: `host ${host} from hosts ${others.join(' ')}`,
      links: linksBetween(inside, outside),
      writing: others,
      silent: [host],
    };
  });
}

/** The link between two hosts: all three go on, each of them reaches a majority. */
function link(
  name: string,
  lastsMs: number,
  pick: (context: FaultContext) => Promise<readonly [number, number]>,
): Fault {
  const title = `link between the hosts of ${name} cut, ${lastsMs / 1000} s`;
  return cutFault(title, onlySafety, lastsMs, async (context) => {
    const [first, second] = await pick(context);
    const { cluster } = context;
    return {
      what: `host ${first} from host ${second}`,
      links: linksBetween(partsOfHost(cluster, first), partsOfHost(cluster, second)),
      writing: allHosts,
      withinMs: linkGapMs,
    };
  });
}

function oneWayLink(name: string, isFromMaster: boolean): Fault {
  return cutFault(`link between two hosts cut one way: ${name}, 20 s`, onlySafety, 20_000, async (context) => {
    const [master, replica] = await masterAndReplica(context);
    const [from, to] = isFromMaster ? [master, replica] : [replica, master];
    const { cluster } = context;
    return {
      what: `what host ${from} sends to host ${to}`,
      links: linksBetween(partsOfHost(cluster, from), partsOfHost(cluster, to), 'one way'),
      writing: allHosts,
      withinMs: linkGapMs,
    };
  });
}

function storesAndServices({ cluster }: FaultContext, hosts: readonly number[]): string[] {
  return hosts.flatMap((host) => partsOfHost(cluster, host)).filter((name) => !name.startsWith('nginx-'));
}

async function masterAndReplica(context: FaultContext): Promise<readonly [number, number]> {
  return [await masterHost(context), await replicaHost(context)];
}

async function twoReplicas({ cluster }: FaultContext): Promise<readonly [number, number]> {
  const master = await cluster.master();
  const [first = 0, second = 0] = redisNames.filter((name) => name !== master).map(hostOf);
  return [first, second];
}

/** See the names. */
export const hostCuts: readonly Fault[] = [
  oneHost('the master', 20_000, masterHost),
  oneHost('a replica', 20_000, replicaHost),
  oneHost('the master', 60_000, masterHost),
  link('the master and a replica', 20_000, masterAndReplica),
  link('the master and a replica', 60_000, masterAndReplica),
  link('the replicas', 20_000, twoReplicas),
  oneWayLink('the replica hears nothing', true),
  oneWayLink('the master hears nothing', false),
];
