/** A connection to every Redis node, for reads, and the replication state of each. */
import type { Redis } from 'ioredis';
import { within } from '../core/clock.ts';
import { singleFlight } from '../core/single-flight.ts';
import { watchMasterHistory } from './master-history.ts';
import { type Address, addressText, parseAddress } from './node.ts';
import { parseInfo, parseMasterRole, parseRole, type Role } from './role.ts';
import type { Sentinels } from './sentinels/sentinels.ts';

/** See {@link openNodes}. A node that does not answer in time is absent. */
export type Nodes = {
  connection(address: string): Redis;
  /** By ROLE, which is cheap. */
  roleOf(address: string): Promise<Role | undefined>;
  /** By INFO, which also gives the replication id. */
  infoOf(address: string): Promise<Role | undefined>;
  /** All replicas by ROLE; callers share one question that begins after their call. */
  replicaRoles(): Promise<ReadonlyMap<string, Role>>;
  /** All replicas by INFO, which also gives the offset of one without a master; callers share one question. */
  replicaInfos(): Promise<ReadonlyMap<string, Role>>;
  /**
   * What each replica that is connected to this master has confirmed to it, by ROLE; empty when the master does not answer or another has
   * replaced it. Callers share one question.
   */
  acknowledgedBy(master: string): Promise<ReadonlyMap<string, number>>;
  /** The replication id of the present master, learned since it became master, from it or from a connected replica; `undefined` until then. */
  masterHistory(): string | undefined;
  close(): void;
};

const timeoutMs = 300;
/** Other questions to the master wait for so long, while one of its replicas is silent. */
const acknowledgedWithinMs = 20;

/** Opens connections as nodes become known. */
export function openNodes(
  sentinels: Pick<Sentinels, 'view' | 'nodes' | 'onMaster'>,
  connect: (address: Address) => Redis,
): Nodes {
  const connections = new Map<string, Redis>();

  function connection(address: string): Redis {
    let redis = connections.get(address);
    if (redis === undefined) {
      redis = connect(parseAddress(address));
      connections.set(address, redis);
    }
    return redis;
  }

  async function ask(address: string, question: (redis: Redis) => Promise<unknown>): Promise<unknown> {
    const redis = connection(address);
    if (redis.status !== 'ready') return undefined;
    return within(question(redis), timeoutMs).catch(() => undefined);
  }

  async function askReplicas(roleOf: (address: string) => Promise<Role | undefined>) {
    const master = sentinels.view()?.master;
    const replicas = [...sentinels.nodes()].filter((address) => address !== master);
    const roles = await Promise.all(replicas.map(async (address) => [address, await roleOf(address)] as const));
    return new Map(roles.flatMap(([address, role]) => (role === undefined ? [] : [[address, role] as const])));
  }

  const roleOf = async (address: string) => parseRole(await ask(address, (redis) => redis.role()));
  const infoOf = async (address: string) => parseInfo(await ask(address, (redis) => redis.info('replication')));

  const replicaInfos = singleFlight(() => askReplicas(infoOf));
  /** How many replicas are connected to the master, when one of them was behind at the last question; else 0. */
  let replicasToWaitFor = 0;
  const acknowledged = singleFlight(async () => {
    const master = sentinels.view()?.master;
    const reply = master === undefined ? undefined : await ask(master, askAcknowledged);
    const role = parseMasterRole(reply);
    const isBehind = role?.replicas.some(({ offset }) => offset < role.offset) ?? false;
    replicasToWaitFor = isBehind ? (role?.replicas.length ?? 0) : 0;
    return { master, offsets: new Map(role?.replicas.map(({ address, offset }) => [address, offset])) };
  });

  /** Replicas report their offset to the master once a second; WAIT makes it ask them. */
  async function askAcknowledged(redis: Redis): Promise<unknown> {
    if (replicasToWaitFor === 0) return redis.role();
    const replies = await redis.pipeline().role().wait(replicasToWaitFor, acknowledgedWithinMs).role().exec();
    return replies?.[2]?.[1];
  }

  const history = watchMasterHistory(sentinels, infoOf, replicaInfos);

  const stop = sentinels.onMaster((master) => {
    for (const address of [addressText(master), ...sentinels.nodes()]) connection(address);
  });

  return {
    connection,
    roleOf,
    infoOf,
    replicaRoles: singleFlight(() => askReplicas(roleOf)),
    replicaInfos,
    async acknowledgedBy(master) {
      const known = await acknowledged();
      return known.master === master ? known.offsets : new Map();
    },
    masterHistory: history.id,
    close() {
      history.close();
      stop();
      for (const redis of connections.values()) redis.disconnect();
    },
  };
}
