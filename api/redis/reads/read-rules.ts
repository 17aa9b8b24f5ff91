/**
 * The decisions of the read path, without Redis: which node is new enough, and what is known about the durability of what it shows.
 * A read index (Raft, section 6.4 of Ongaro's thesis) is a replication offset: a node of the same history that has reached it has
 * everything that was acknowledged before the index was taken.
 */
import { furthestOffset, type Role } from '../role.ts';
import { deliveryMs } from '../sentinels/durability.ts';
import type { Claim } from '../sentinels/proof.ts';
import type { View } from '../sentinels/view.ts';

/** How new a read must be, as a position in the replication stream. */
export type ReadIndex = {
  /** The master whose offset it is; `undefined` for an index taken from the replicas while no master answers. */
  readonly master?: string;
  /** The replication id of an index taken from the replicas. */
  readonly history?: string;
  readonly offset: number;
  /** When it was asked for, on the monotonic clock. */
  readonly atMs: number;
};

/** Evidence about the present master may be this old when a read without a token is answered. */
const maxStalenessMs = 1000;
/** An index this old is used again for reads without a token: the rest of the staleness is for the reply's way back. */
const reusableForMs = 500;

/** All nodes but the master. */
export function replicasOf(nodes: ReadonlySet<string>, master: string | undefined): string[] {
  return [...nodes].filter((address) => address !== master);
}

/**
 * The replicas in the order in which a read asks them: each turn begins at the next one, and leaves out those that a Sentinel considers
 * down.
 * @param turn counts the reads
 */
export function orderOfReplicas(nodes: ReadonlySet<string>, view: View | undefined, turn: number): string[] {
  const down = new Set(view?.replicas.filter(({ flags }) => flags.has('s_down')).map(({ address }) => address));
  const up = replicasOf(nodes, view?.master).filter((address) => !down.has(address));
  const first = turn % Math.max(1, up.length);
  return [...up.slice(first), ...up.slice(0, first)];
}

/** Whether an index still serves reads that may be a second old. */
export function isReusable(index: ReadIndex | undefined, nowMs: number): index is ReadIndex {
  return index !== undefined && nowMs - index.atMs < reusableForMs;
}

/** The index of a cluster without a master to ask. @returns `undefined` when {@link furthestOffset} is not known */
export function indexOfReplicas(
  master: string,
  replicas: readonly string[],
  roles: ReadonlyMap<string, Role>,
  history: string | undefined,
  nowMs: number,
): ReadIndex | undefined {
  const offset = furthestOffset(master, replicas, roles, history);
  return history === undefined || offset === undefined ? undefined : { history, offset, atMs: nowMs };
}

/** Whether a node in this role has everything up to the index. @param node given where the master itself may answer */
export function covers(role: Role, index: ReadIndex, node?: string): boolean {
  if (role.state === 'master') return node !== undefined && index.master === node;
  if (role.offset < index.offset) return false;
  if (index.master === undefined) return role.history === index.history && role.state !== 'sync';
  return role.follows === index.master && role.state === 'connected';
}

/** What is known about the durability of a snapshot. */
export type SnapshotVerdict =
  | 'durable'
  | 'not-durable'
  /** Some replicas are a moment behind, or have not reported yet how far they are: ask again. */
  | 'ask-again'
  /** Some replicas have it; the rest is to be proved with the Sentinels. */
  | {
      readonly claim: Claim;
      /** The others are connected to the master, so that they may have it in a moment. */
      readonly mayCatchUp: boolean;
    };

/**
 * Judges a snapshot that ends at `offset` by what the nodes reported after it was taken: all replicas have it, or the rest is to be proved
 * with the Sentinels by the rule that acknowledges writes.
 * @param replicas all nodes but the master
 * @param acknowledged what the replicas that are connected to the master have confirmed to it: also known of those that this service does not reach
 */
export function judgeSnapshot(
  offset: number,
  index: ReadIndex,
  replicas: readonly string[],
  roles: ReadonlyMap<string, Role>,
  acknowledged: ReadonlyMap<string, number>,
  nowMs: number,
): SnapshotVerdict {
  const hasReached = (least: number) => (replica: string) => {
    const role = roles.get(replica);
    return (
      (role !== undefined && covers(role, { ...index, offset: least })) || (acknowledged.get(replica) ?? -1) >= least
    );
  };
  const confirmed = new Set(replicas.filter(hasReached(offset)));
  if (replicas.length > 0 && confirmed.size === replicas.length) return 'durable';
  if (index.master === undefined) return 'not-durable';
  if (confirmed.size === 0 || replicas.every(hasReached(index.offset))) return 'ask-again';
  const isConnected = (replica: string) => acknowledged.has(replica) || hasReached(0)(replica);
  return {
    claim: { master: index.master, offset, confirmed, settledAtMs: nowMs + deliveryMs },
    mayCatchUp: replicas.every(isConnected),
  };
}

/**
 * Whether an answer given now is at most a second old: a master that was not replaced at `namedAtMs` acknowledged everything up to then.
 * @param namedAtMs when a majority of the Sentinels last named the index's master, or every other node last followed it
 */
export function isFreshEnough(index: ReadIndex, namedAtMs: number, nowMs: number): boolean {
  return nowMs - index.atMs <= maxStalenessMs && nowMs - namedAtMs <= maxStalenessMs;
}
