/** A connection to every node that the Sentinels know, for reads, and where each of them stands. */
import type { Redis } from 'ioredis';
import { within } from '../core/clock.ts';
import { shared } from '../core/shared.ts';
import { type Address, addressText } from './node.ts';
import { parseInfo, parseRole, type Role } from './role.ts';
import type { Sentinels } from './sentinels.ts';

/** See {@link openNodes}. Who does not answer stands nowhere: `undefined`. */
export type Nodes = {
  connection(address: Address): Redis;
  /** By ROLE, which is cheap. */
  roleOf(address: Address): Promise<Role | undefined>;
  /** All replicas by ROLE; one question for all who wait for it. */
  replicaRoles(): Promise<readonly (Role | undefined)[]>;
  /** All replicas by INFO, which also tells the offset of one without a master; one question for all who wait for it. */
  replicaInfos(): Promise<readonly (Role | undefined)[]>;
  close(): void;
};

const answerMs = 300;

/** Opens connections as nodes become known. */
export function openNodes(sentinels: Sentinels, connect: (address: Address) => Redis): Nodes {
  const connections = new Map<string, Redis>();

  function connection(address: Address): Redis {
    const key = addressText(address);
    let redis = connections.get(key);
    if (redis === undefined) {
      redis = connect(address);
      connections.set(key, redis);
    }
    return redis;
  }

  async function ask(address: Address, question: (redis: Redis) => Promise<unknown>): Promise<unknown> {
    const redis = connection(address);
    if (redis.status !== 'ready') return undefined;
    return within(question(redis), answerMs).catch(() => undefined);
  }

  const replicas = () => (sentinels.view()?.replicas ?? []).map((replica) => replica.address);
  const roleOf = async (address: Address) => parseRole(await ask(address, (redis) => redis.role()));
  const infoOf = async (address: Address) => parseInfo(await ask(address, (redis) => redis.info('replication')));

  const stop = sentinels.onMaster((master) => {
    for (const address of [master, ...replicas()]) connection(address);
  });

  return {
    connection,
    roleOf,
    replicaRoles: shared(() => Promise.all(replicas().map(roleOf))),
    replicaInfos: shared(() => Promise.all(replicas().map(infoOf))),
    close() {
      stop();
      for (const redis of connections.values()) redis.disconnect();
    },
  };
}
