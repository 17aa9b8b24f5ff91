/**
 * A Redis node, as far as it decides what is lost: role, replication ids and offset, WAIT, min-replicas-to-write, and the Pub/Sub of
 * the Sentinels' hello messages. Follows replication.c of Redis 7.0; 7.2 to 8.0 do the same in all that is here.
 */
import { type Connection, clockMs, isHealthy, type Network, type Process } from './network.ts';
import { createLog, type Log } from './redis-log.ts';
import type { Simulator } from './simulator.ts';

/** What one Sentinel publishes about itself and the master it knows. */
export type Hello = {
  readonly from: string;
  readonly currentEpoch: number;
  readonly master: string;
  readonly configEpoch: number;
};

/** A Sentinel that listens on one connection. */
export type Subscriber = { isOldNews(hello: Hello): boolean; receive(hello: Hello): void };

export type RedisNode = {
  readonly sim: Simulator;
  readonly net: Network;
  readonly process: Process;
  readonly runId: string;
  /** All nodes, by name. */
  readonly nodes: ReadonlyMap<string, RedisNode>;
  log: Log;
  offset: number;
  replId: string;
  /** The id of the history before this node was promoted, which it can continue for others up to `secondOffset`. */
  replId2: string | undefined;
  secondOffset: number;
  /** The master that it follows; `undefined` on a master. */
  follows: string | undefined;
  linkState: 'none' | 'connect' | 'connecting' | 'sync' | 'connected';
  linkDownSinceMs: number;
  /** Whether it can ask to continue where it stopped; without it INFO shows offset 1. */
  canContinue: boolean;
  masterConnection: Connection | undefined;
  lastFromMasterMs: number;
  replicas: ReplicaLink[];
  goodReplicas: number;
  waiting: Wait[];
  /** Whether an event is planned for the first time-out of `waiting`. */
  isWaitTimed: boolean;
  /** The Sentinels' connections. */
  clients: Set<Connection>;
  subscribers: Map<Connection, Subscriber>;
};

/** A replica as its master sees it: one connection. */
export type ReplicaLink = {
  readonly name: string;
  readonly connection: Connection;
  isOnline: boolean;
  ackedOffset: number;
  ackedAtSeconds: number;
};

/** A piece of the replication stream: everything of the sender's log up to `count`, which brings the receiver to `offset`. */
export type Frame = {
  readonly log: Log;
  readonly count: number;
  readonly offset: number;
  /** The offset to acknowledge at once (REPLCONF GETACK). */
  readonly ack?: number;
  readonly hello?: Hello;
};

export type Wait = {
  readonly offset: number;
  readonly wanted: number;
  readonly untilMs: number;
  readonly done: (reply: WriteReply) => void;
};

/** What the client of a group of writes and a WAIT hears: an error of the scripts, a connection that was closed, or the replicas that ROLE names after WAIT. */
export type WriteReply =
  | { readonly error: string }
  | { readonly confirmed: ReadonlySet<string>; readonly connected: ReadonlySet<string>; readonly offset: number };

/** INFO, as a Sentinel reads it. */
export type Info = {
  readonly runId: string;
  readonly role: 'master' | 'slave';
  readonly replicas: readonly string[];
  readonly follows: string | undefined;
  readonly isLinkUp: boolean;
  /** master_link_down_since_seconds in ms; 0 where INFO has no such line. */
  readonly linkDownMs: number;
  readonly offset: number;
};

export function createRedisNode(
  sim: Simulator,
  net: Network,
  process: Process,
  runId: string,
  nodes: ReadonlyMap<string, RedisNode>,
): RedisNode {
  return {
    sim,
    net,
    process,
    runId,
    nodes,
    log: createLog(),
    offset: 1000,
    replId: 'first',
    replId2: undefined,
    secondOffset: -1,
    follows: undefined,
    linkState: 'none',
    linkDownSinceMs: 0,
    canContinue: true,
    masterConnection: undefined,
    lastFromMasterMs: 0,
    replicas: [],
    goodReplicas: 0,
    waiting: [],
    isWaitTimed: false,
    clients: new Set(),
    subscribers: new Map(),
  };
}

/** Unix time as Redis compares it: in whole seconds. */
export const unixSeconds = (node: RedisNode) => Math.floor(clockMs(node.sim, node.process) / 1000);

/** The offset that a replica shows in INFO and acknowledges. */
export const shownOffset = (node: RedisNode) => (node.canContinue && node.linkState !== 'sync' ? node.offset : 1);

/** WAIT counts connections of replicas. */
const countConfirmed = (node: RedisNode, offset: number) =>
  node.replicas.filter((replica) => replica.isOnline && replica.ackedOffset >= offset).length;

/** What ROLE says after the WAIT: it names the replicas. */
export function replyTo(node: RedisNode, offset: number): WriteReply {
  const online = node.replicas.filter(({ isOnline }) => isOnline);
  const confirmed = online.filter(({ ackedOffset }) => ackedOffset >= offset).map(({ name }) => name);
  return { confirmed: new Set(confirmed), connected: new Set(online.map(({ name }) => name)), offset };
}

/** To call when a replica acknowledged more. */
export function finishWaits(node: RedisNode): void {
  if (node.waiting.length === 0) return;
  const finished = node.waiting.filter(({ offset, wanted }) => countConfirmed(node, offset) >= wanted);
  if (finished.length === 0) return;
  node.waiting = node.waiting.filter((wait) => !finished.includes(wait));
  for (const { offset, done } of finished) done(replyTo(node, offset));
}

export function tellSubscribers(node: RedisNode, hello: Hello): void {
  for (const [connection, subscriber] of node.subscribers) {
    // Most messages tell nothing new: they need no event of their own while the network is well.
    if (subscriber.isOldNews(hello) && isHealthy(node.net, connection)) subscriber.receive(hello);
    else connection.toClient(() => subscriber.receive(hello));
  }
}
