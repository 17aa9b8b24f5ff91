/**
 * Reads, from replicas. How new they must be is said by a read index: the master's replication offset, asked for after the read began.
 * A replica that follows that master and has reached the offset has everything that was acknowledged before (read index, Raft §6.4 / Ongaro).
 * What the reader may act on must not go away again: it is shown when it is durable, by the rule that acknowledges writes.
 */
import type { ChainableCommander } from 'ioredis';
import { type Deadline, monotonicMs, pause, remainingMs } from '../core/clock.ts';
import { Unavailable } from '../core/outcome.ts';
import type { Freshness } from '../core/request.ts';
import { shared } from '../core/shared.ts';
import { fenceHolds } from './fence.ts';
import { type Address, addressText, parseAddress } from './node.ts';
import type { Nodes } from './nodes.ts';
import { parseInfo, parseRole, type Role } from './role.ts';
import type { Sentinels } from './sentinels.ts';

/** See {@link openReads}. */
export type Reads = {
  /**
   * Runs read commands together on one node that is new enough.
   * @param freshness `own`: everything acknowledged before, and nothing that a failover could take back; `recent`: a second old at most
   * @param fill adds the commands
   * @returns their replies, in order
   * @throws Unavailable when no such node answered before the deadline
   */
  query(freshness: Freshness, fill: (pipeline: ChainableCommander) => unknown, deadline: Deadline): Promise<unknown[]>;
  close(): void;
};

/** The offset of a master; without one to ask, that of the furthest replica in the history that they all share. */
type ReadIndex = {
  readonly master?: string;
  readonly history?: string;
  readonly offset: number;
  readonly atMs: number;
};
/** Replies, and where the node stood that gave them. */
type Found = { readonly role: Role; readonly replies: unknown[] };

const recentMs = 500; // half of what the contract allows: the rest is the answer's way back
const suspectMs = 200;

/** Opens the read path over all nodes that the Sentinels know. */
export function openReads(sentinels: Sentinels, nodes: Nodes): Reads {
  let turn = 0;
  let latest: ReadIndex | undefined;
  let suspectUntilMs = 0;

  const masterIndex = shared(askMaster);
  const askSentinels = shared(() => sentinels.ask());

  function candidates(): Address[] {
    const list = sentinels.view()?.replicas ?? [];
    const up = list.filter((replica) => !replica.flags.has('s_down')).map((replica) => replica.address);
    turn = (turn + 1) % Math.max(1, up.length);
    return [...up.slice(turn), ...up.slice(0, turn)];
  }

  async function askMaster(): Promise<ReadIndex | undefined> {
    const master = sentinels.view()?.master;
    const now = monotonicMs();
    if (master === undefined || now < suspectUntilMs) return undefined;
    const role = await nodes.roleOf(master);
    if (role?.state === 'master') {
      latest = { master: addressText(master), offset: role.offset, atMs: now };
      return latest;
    }
    suspectUntilMs = monotonicMs() + suspectMs;
    return undefined;
  }

  /**
   * Without a master, or with one that has what no replica has: what is acknowledged is on at least one replica, so the furthest of all of
   * them has it. All must answer.
   */
  async function furthestIndex(): Promise<ReadIndex | undefined> {
    sentinels.hurry();
    const roles = await nodes.replicaInfos();
    const history = roles[0]?.history;
    if (history === undefined || !roles.every((role) => role?.history === history)) return undefined;
    const offset = Math.max(...roles.map((role) => role?.offset ?? 0));
    return { history, offset, atMs: monotonicMs() };
  }

  async function indexFor(freshness: Freshness): Promise<ReadIndex | undefined> {
    if (freshness === 'recent' && latest !== undefined && monotonicMs() - latest.atMs < recentMs) return latest;
    return masterIndex();
  }

  async function attempt(
    address: Address,
    index: ReadIndex,
    fill: (pipeline: ChainableCommander) => unknown,
  ): Promise<Found | 'behind' | 'failed'> {
    const redis = nodes.connection(address);
    if (redis.status !== 'ready') return 'failed';
    const pipeline = redis.pipeline();
    if (index.master === undefined) pipeline.info('replication');
    else pipeline.role();
    fill(pipeline);
    const results = await pipeline.exec().catch(() => null);
    if (results == null) return 'failed';
    const bug = results.find(
      ([error]) => error?.name === 'ReplyError' && /^(ERR|WRONGTYPE|NOPERM)/.test(error.message),
    );
    if (bug?.[0]) throw bug[0];
    if (results.some(([error]) => error)) return 'failed';
    const [own, ...replies] = results.map(([, reply]) => reply);
    const role = parseRole(own) ?? parseInfo(own);
    return role !== undefined && covers(role, index, address) ? { role, replies } : 'behind';
  }

  async function query(freshness: Freshness, fill: (pipeline: ChainableCommander) => unknown, deadline: Deadline) {
    while (remainingMs(deadline) > 0) {
      const found = (await attemptBy(await indexFor(freshness))) ?? (await attemptBy(await furthestIndex()));
      if (found !== undefined) return found.replies;
      await pause(20, deadline);
    }
    throw new Unavailable('no Redis node was new enough in time');

    async function attemptBy(index: ReadIndex | undefined): Promise<Found | undefined> {
      const found = index && (await tryAll(index, fill));
      return found && (freshness === 'recent' || (await isDurable(found, index))) ? found : undefined;
    }
  }

  /** Every replica in turn; those that are behind by a moment a second and third time; then the master. */
  async function tryAll(index: ReadIndex, fill: (pipeline: ChainableCommander) => unknown): Promise<Found | undefined> {
    let next = candidates();
    for (let round = 0; round < 3 && next.length > 0; round++) {
      const behind: Address[] = [];
      for (const address of next) {
        const result = await attempt(address, index, fill);
        if (typeof result === 'object') return result;
        if (result === 'behind') behind.push(address);
      }
      next = behind;
      if (behind.length > 0) await pause(1 + 2 * round);
    }
    if (index.master === undefined) return undefined;
    const result = await attempt(parseAddress(index.master), index, fill);
    return typeof result === 'object' ? result : undefined;
  }

  /**
   * Whether no failover can take back what was read: every replica has it, or one has and the Sentinels are not about to pass over it.
   * Without this, a master that was passed over and does not know it yet shows writes that nobody will ever acknowledge. Replicas that
   * do not answer us at all do not count against a master that was read: if they are dead, nobody can take its place.
   */
  async function isDurable({ role }: Found, index: ReadIndex): Promise<boolean> {
    const has = (other: Role | undefined) => other !== undefined && covers(other, { ...index, offset: role.offset });
    let others: readonly (Role | undefined)[] = [];
    for (let round = 0; round < 3; round++) {
      others = await (index.master === undefined ? nodes.replicaInfos() : nodes.replicaRoles());
      if (others.length > 0 && others.every(has)) return true;
      if (index.master === undefined) return false;
      if (!others.every((other) => other && covers(other, index))) break; // it is not only a moment behind
      await pause(1 + 2 * round);
    }
    const isConfirmed = role.state !== 'master' || others.some(has) || others.every((other) => other === undefined);
    return isConfirmed && index.master !== undefined && fenceHolds(await askSentinels(), parseAddress(index.master));
  }

  const close = sentinels.onMaster(() => {
    suspectUntilMs = 0;
    latest = undefined;
  });

  return { query, close };
}

/** Whether a node in this role has everything up to the index. `node` is given where the master itself may answer. */
function covers(role: Role, index: ReadIndex, node?: Address): boolean {
  if (role.state === 'master') return node !== undefined && index.master === addressText(node);
  if (role.offset < index.offset) return false;
  if (index.master === undefined) return role.history === index.history && role.state !== 'sync';
  return role.follows === index.master && role.state === 'connected';
}
