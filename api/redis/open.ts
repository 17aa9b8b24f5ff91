/** A service's way to Redis: writes on the master, reads on replicas, other services' events; all found through the Sentinels. */
import type { Redis } from 'ioredis';
import { type ClockSync, syncClock } from './clock-sync.ts';
import { openFailoverRequest } from './failover-request.ts';
import { type Followed, type FollowOptions, followStream } from './follow.ts';
import { followMaster } from './master-link.ts';
import { watchMemory } from './memory.ts';
import { type Address, closedNode, connectNode } from './node.ts';
import { createNodeList } from './node-list.ts';
import { openNodes } from './nodes.ts';
import { openReads, type Reads } from './reads/reads.ts';
import type { Script } from './script.ts';
import { isIsolated, watchSentinels } from './sentinels/sentinels.ts';
import { openWrites, type Writes } from './writes/writes.ts';

/** See {@link openRedis}. */
export type ShopRedis = {
  readonly writes: Writes;
  readonly reads: Reads;
  /** See {@link followStream}. */
  follow<State>(options: FollowOptions<State>): Followed<State>;
  /** A connection to the present master for what may be lost (counters of the rate limits); `undefined` while there is none. */
  scratch(): Redis | undefined;
  /** How far each Redis node's clock is ahead of ours. */
  readonly clockDifferences: ClockSync['differences'];
  /** Whether no Sentinel answers this process, so that it refuses what it cannot do and another replica of the service is asked. */
  isIsolated(): boolean;
  /** Whether Redis has room for what makes the shop larger. */
  mayGrow(): boolean;
  close(): void;
};

/** Where Redis is, and this service's credentials. */
export type RedisSettings = {
  readonly sentinels: readonly string[];
  /** `host:port` of every Redis node: a service connects, and so sends its password, to no other. */
  readonly nodes: readonly string[];
  readonly masterName: string;
  /** Of the Sentinel user called `username`, too. */
  readonly sentinelPassword: string;
  readonly username: string;
  readonly password: string;
};

/** What a service needs of the Redis of another one: its events. */
export type EventSource = Pick<ShopRedis, 'follow' | 'isIsolated' | 'close'>;

/** Called with how long a caller waited: for a script by its name until it could not be lost, for a query of a replica (`read`). */
type Observe = (command: string, seconds: number) => void;

/**
 * Opens everything; returns at once. What is asked before a master is found waits until its own deadline.
 * @param log called with what an operator should find in the log
 */
export function openRedis(
  settings: RedisSettings,
  observe: Observe = () => undefined,
  log: (event: string) => void = () => undefined,
): ShopRedis {
  const readPath = openReadPath(settings, log);
  const { sentinels, connect, nodes, reads } = readPath;
  const forWrites = followMaster(sentinels, connect);
  const forScratch = followMaster(sentinels, connect);
  const failover = openFailoverRequest(sentinels, nodes, log);
  const writes = openWrites(forWrites.link, sentinels, failover, `{${settings.username}}:padding`);
  const clock = syncClock(sentinels, nodes.connection);
  const scratch = () => {
    const redis = forScratch.link()?.redis;
    return redis?.status === 'ready' ? redis : undefined;
  };
  const memory = watchMemory(scratch);
  return {
    writes: { ...writes, run: timed(writes.run, nameOfScript, observe) },
    reads: { ...reads, query: timed(reads.query, () => 'read', observe) },
    follow: readPath.follow,
    scratch,
    clockDifferences: clock.differences,
    isIsolated: readPath.isIsolated,
    mayGrow: memory.mayGrow,
    close() {
      memory.close();
      clock.close();
      forWrites.close();
      forScratch.close();
      readPath.close();
    },
  };
}

/** Opens the Redis of another service for its events alone; returns at once. @param log as in {@link openRedis} */
export function openEvents(settings: RedisSettings, log: (event: string) => void): EventSource {
  const { follow, isIsolated, close } = openReadPath(settings, log);
  return { follow, isIsolated, close };
}

/** The Sentinels, and reads of all nodes that they know. */
function openReadPath(settings: RedisSettings, log: (event: string) => void) {
  const nodeList = createNodeList(settings.nodes, log);
  const sentinels = watchSentinels(
    settings.sentinels,
    { username: settings.username, password: settings.sentinelPassword },
    settings.masterName,
    nodeList,
  );
  const connect = (address: Address) => (nodeList.includes(address) ? connectNode(address, settings) : closedNode());
  const nodes = openNodes(sentinels, connect);
  const reads = openReads(sentinels, nodes);
  const followed: Followed<unknown>[] = [];
  return {
    sentinels,
    connect,
    nodes,
    reads,
    isIsolated: () => isIsolated(sentinels),
    follow<State>(options: FollowOptions<State>): Followed<State> {
      const state = followStream(options, reads, sentinels, log);
      followed.push(state);
      return state;
    },
    close() {
      for (const each of followed) each.close();
      reads.close();
      nodes.close();
      sentinels.close();
    },
  };
}

/** The same function, timed from its call until it settles, whether well or not. */
function timed<A extends readonly unknown[], R>(
  run: (...args: A) => Promise<R>,
  nameOf: (...args: A) => string,
  observe: Observe,
): (...args: A) => Promise<R> {
  return async (...args) => {
    const startedMs = performance.now();
    try {
      return await run(...args);
    } finally {
      observe(nameOf(...args), (performance.now() - startedMs) / 1000);
    }
  };
}

/** The name of a script in metrics: `products/reserve` of `products/lua/reserve.lua`. */
function nameOfScript(script: Script): string {
  return script.name.replace('/lua/', '/').replace(/\.lua$/, '');
}
