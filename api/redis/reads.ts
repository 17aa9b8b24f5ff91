/**
 * Reads, from replicas. How new they must be is said by a read index: the master's replication offset, asked for after the read began.
 * A replica that follows that master and has reached the offset has everything that was acknowledged before (read index, Raft §6.4 / Ongaro).
 */
import type { ChainableCommander, Redis } from 'ioredis';
import { type Deadline, monotonicMs, pause, remainingMs, within } from '../core/clock.ts';
import { Unavailable } from '../core/outcome.ts';
import type { Freshness } from '../core/request.ts';
import { type Address, addressText } from './node.ts';
import type { Sentinels } from './sentinels.ts';

/** See {@link openReads}. */
export type Reads = {
  /**
   * Runs read commands together on one node that is new enough.
   * @param fill adds the commands
   * @returns their replies, in order
   * @throws Unavailable when no such node answered before the deadline
   */
  query(freshness: Freshness, fill: (pipeline: ChainableCommander) => unknown, deadline: Deadline): Promise<unknown[]>;
  close(): void;
};

/** A master's offset; `master` is undefined where there was none to ask and `offset` is that of the furthest replica. */
type ReadIndex = { readonly master: Address | undefined; readonly offset: number; readonly atMs: number };
type Attempt = { readonly replies: unknown[] } | 'behind' | 'failed';

const recentMs = 500; // half of what the contract allows: the rest is the answer's way back
const masterAnswerMs = 300;
const suspectMs = 200;

/** Opens the read path over all nodes that the Sentinels know. */
export function openReads(sentinels: Sentinels, connect: (address: Address) => Redis): Reads {
  const connections = new Map<string, Redis>();
  let turn = 0;
  let latest: ReadIndex | undefined;
  let suspectUntilMs = 0;
  let asking: Promise<ReadIndex | undefined> | undefined;
  let nextAsking: Promise<ReadIndex | undefined> | undefined;

  function connection(address: Address): Redis {
    const key = addressText(address);
    let redis = connections.get(key);
    if (redis === undefined) {
      redis = connect(address);
      connections.set(key, redis);
    }
    return redis;
  }

  function replicas(): Address[] {
    const list = sentinels.view()?.replicas ?? [];
    const up = list.filter((replica) => !replica.flags.has('s_down')).map((replica) => replica.address);
    turn = (turn + 1) % Math.max(1, up.length);
    return [...up.slice(turn), ...up.slice(0, turn)];
  }

  async function role(address: Address): Promise<unknown[] | undefined> {
    const redis = connection(address);
    if (redis.status !== 'ready') return undefined;
    return within(redis.role() as Promise<unknown[]>, masterAnswerMs).catch(() => undefined);
  }

  async function askMaster(): Promise<ReadIndex | undefined> {
    const master = sentinels.view()?.master;
    const now = monotonicMs();
    if (master === undefined || now < suspectUntilMs) return undefined;
    const reply = await role(master);
    if (reply?.[0] === 'master') {
      latest = { master, offset: Number(reply[1]), atMs: now };
      return latest;
    }
    suspectUntilMs = monotonicMs() + suspectMs;
    return undefined;
  }

  /** One question for all reads that wait for it. A question already sent is too old for a read that begins now. */
  function masterIndex(): Promise<ReadIndex | undefined> {
    if (asking === undefined) {
      asking = askMaster().finally(() => {
        asking = undefined;
      });
      return asking;
    }
    nextAsking ??= asking.then(() => {
      nextAsking = undefined;
      return masterIndex();
    });
    return nextAsking;
  }

  /** Without a master: what is acknowledged is on at least one replica, so the furthest of all of them has it. All must answer. */
  async function furthestIndex(): Promise<ReadIndex | undefined> {
    const known = sentinels.view()?.replicas.map((replica) => replica.address) ?? [];
    const roles = await Promise.all(known.map(role));
    const offsets = roles.map((reply) => (reply?.[0] === 'slave' ? Number(reply[4]) : Number.NaN));
    if (known.length === 0 || offsets.some(Number.isNaN)) return undefined;
    return { master: undefined, offset: Math.max(...offsets), atMs: monotonicMs() };
  }

  async function indexFor(freshness: Freshness): Promise<ReadIndex | undefined> {
    if (freshness === 'recent' && latest !== undefined && monotonicMs() - latest.atMs < recentMs) return latest;
    return (await masterIndex()) ?? (await furthestIndex());
  }

  async function attempt(
    address: Address,
    index: ReadIndex,
    fill: (pipeline: ChainableCommander) => unknown,
  ): Promise<Attempt> {
    const redis = connection(address);
    if (redis.status !== 'ready') return 'failed';
    const pipeline = redis.pipeline().role();
    fill(pipeline);
    const results = await pipeline.exec().catch(() => null);
    if (results == null) return 'failed';
    const bug = results.find(
      ([error]) => error?.name === 'ReplyError' && /^(ERR|WRONGTYPE|NOPERM)/.test(error.message),
    );
    if (bug?.[0]) throw bug[0];
    if (results.some(([error]) => error)) return 'failed';
    const [own, ...replies] = results.map(([, reply]) => reply);
    return covers(own as unknown[], index, address) ? { replies } : 'behind';
  }

  async function query(freshness: Freshness, fill: (pipeline: ChainableCommander) => unknown, deadline: Deadline) {
    while (remainingMs(deadline) > 0) {
      const index = await indexFor(freshness);
      if (index !== undefined) {
        const found = await tryAll(index, fill);
        if (found !== undefined) return found;
      }
      await pause(20, deadline);
    }
    throw new Unavailable('no Redis node was new enough in time');
  }

  /** Every replica in turn; those that are behind by a moment a second and third time; then the master. */
  async function tryAll(
    index: ReadIndex,
    fill: (pipeline: ChainableCommander) => unknown,
  ): Promise<unknown[] | undefined> {
    let candidates = replicas();
    for (let round = 0; round < 3 && candidates.length > 0; round++) {
      const behind: Address[] = [];
      for (const address of candidates) {
        const result = await attempt(address, index, fill);
        if (typeof result === 'object') return result.replies;
        if (result === 'behind') behind.push(address);
      }
      candidates = behind;
      if (behind.length > 0) await pause(1 + 2 * round);
    }
    if (index.master === undefined) return undefined;
    const result = await attempt(index.master, index, fill);
    return typeof result === 'object' ? result.replies : undefined;
  }

  const stop = sentinels.onMaster((master) => {
    suspectUntilMs = 0;
    latest = undefined;
    connection(master);
    for (const replica of sentinels.view()?.replicas ?? []) connection(replica.address);
  });

  return {
    query,
    close() {
      stop();
      for (const redis of connections.values()) redis.disconnect();
    },
  };
}

/** Whether a node with this ROLE reply has everything up to the index. Offsets only compare along one master's history. */
function covers(role: unknown[], index: ReadIndex, node: Address): boolean {
  if (role[0] === 'master') return index.master !== undefined && addressText(index.master) === addressText(node);
  const [, host, port, state, offset] = role;
  if (Number(offset) < index.offset) return false;
  if (index.master === undefined) return true;
  return state === 'connected' && `${host}:${port}` === addressText(index.master);
}
