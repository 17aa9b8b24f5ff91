/**
 * Reads, from replicas. How new they must be is said by a read index: the master's replication offset, asked for after the read began.
 * What a caller with a token sees must not be undone by a failover, so it is shown only when it is durable, by the rule that
 * acknowledges writes (durability.ts).
 */
import type { ChainableCommander } from 'ioredis';
import { type Deadline, monotonicMs, pause, remainingMs } from '../core/clock.ts';
import { Unavailable } from '../core/outcome.ts';
import type { Consistency } from '../core/request.ts';
import { singleFlight } from '../core/single-flight.ts';
import type { Doubt } from './durability.ts';
import type { Nodes } from './nodes.ts';
import { proveDurable } from './proof.ts';
import { openBatches, type Snapshot } from './read-batches.ts';
import { covers, indexOfReplicas, isFreshEnough, isReusable, judgeSnapshot, type ReadIndex } from './read-rules.ts';
import { isolatedAfterMs, type Sentinels } from './sentinels.ts';

/** See {@link openReads}. */
export type Reads = {
  /**
   * Runs read commands together on one node that is new enough.
   * @param consistency `read-your-writes`: everything acknowledged before, and nothing that a failover could take back; `bounded-staleness`: a second old at most
   * @param fill adds the commands
   * @returns their replies, in order
   * @throws Unavailable when no such node answered before the deadline
   */
  query(
    consistency: Consistency,
    fill: (pipeline: ChainableCommander) => unknown,
    deadline: Deadline,
  ): Promise<unknown[]>;
  close(): void;
};

const suspectMs = 200;
/** A replica tells its master every second how far it is. */
const confirmationTimeoutMs = 1200;
/** The Sentinels hear from each node every 250 ms; other doubts are left to another node or another round. */
const proofTimeoutMs = 800;
const passingDoubts: ReadonlySet<Doubt> = new Set<Doubt>([
  'switching',
  'winner-behind',
  'winner-not-heard',
  'master-not-heard',
]);

/** Opens the read path over all nodes that the Sentinels know. */
export function openReads(sentinels: Sentinels, nodes: Nodes): Reads {
  let turn = 0;
  let latest: ReadIndex | undefined;
  let followedAtMs = Number.NEGATIVE_INFINITY;
  let suspectUntilMs = 0;

  const batches = openBatches(nodes.connection);
  const masterIndex = singleFlight(askMaster);

  function replicasOf(master: string | undefined): string[] {
    return [...sentinels.nodes()].filter((address) => address !== master);
  }

  function candidates(): string[] {
    const view = sentinels.view();
    const down = new Set(view?.replicas.filter((r) => r.flags.has('s_down')).map((r) => r.address));
    const up = replicasOf(view?.master).filter((address) => !down.has(address));
    turn = (turn + 1) % Math.max(1, up.length);
    return [...up.slice(turn), ...up.slice(0, turn)];
  }

  async function askMaster(): Promise<ReadIndex | undefined> {
    const master = sentinels.view()?.master;
    const atMs = monotonicMs();
    if (master === undefined || atMs < suspectUntilMs) return undefined;
    const role = await nodes.roleOf(master);
    if (role?.state === 'master') {
      latest = { master, offset: role.offset, atMs };
      return latest;
    }
    suspectUntilMs = monotonicMs() + suspectMs;
    return undefined;
  }

  async function replicasIndex(): Promise<ReadIndex | undefined> {
    sentinels.hurry();
    const atMs = monotonicMs();
    const roles = await nodes.replicaInfos();
    const master = sentinels.view()?.master;
    if (master === undefined) return undefined;
    return indexOfReplicas(master, replicasOf(master), roles, nodes.masterHistory(), atMs);
  }

  async function indexFor(consistency: Consistency): Promise<ReadIndex | undefined> {
    return consistency === 'bounded-staleness' && isReusable(latest, monotonicMs()) ? latest : masterIndex();
  }

  async function attempt(
    address: string,
    index: ReadIndex,
    fill: (pipeline: ChainableCommander) => unknown,
  ): Promise<Snapshot | 'behind' | 'failed'> {
    const snapshot = await batches.query(address, index.master === undefined ? 'info' : 'role', fill);
    if (snapshot === undefined) return 'failed';
    return covers(snapshot.before, index, address) && covers(snapshot.after, index, address) ? snapshot : 'behind';
  }

  async function query(consistency: Consistency, fill: (pipeline: ChainableCommander) => unknown, deadline: Deadline) {
    while (remainingMs(deadline) > 0) {
      const found = (await attemptBy(await indexFor(consistency))) ?? (await attemptBy(await replicasIndex()));
      if (found !== undefined) return found.replies;
      if (sentinels.silentForMs() > isolatedAfterMs) throw new Unavailable('no Sentinel answers this service');
      await pause(20, deadline);
    }
    throw new Unavailable('no Redis node was new enough in time');

    async function attemptBy(index: ReadIndex | undefined): Promise<Snapshot | undefined> {
      const found = index && (await attemptAll(index, fill));
      if (index === undefined || found === undefined) return undefined;
      const isGood =
        consistency === 'bounded-staleness' ? await isFresh(index) : await isDurable(found, index, deadline);
      return isGood ? found : undefined;
    }
  }

  /** Every replica in turn; those that are behind by a moment a second and third time; then the master. */
  async function attemptAll(
    index: ReadIndex,
    fill: (pipeline: ChainableCommander) => unknown,
  ): Promise<Snapshot | undefined> {
    let next = candidates();
    for (let round = 0; round < 3 && next.length > 0; round++) {
      const behind: string[] = [];
      for (const address of next) {
        const result = await attempt(address, index, fill);
        if (typeof result === 'object') return result;
        if (result === 'behind') behind.push(address);
      }
      next = behind;
      if (behind.length > 0) await pause(1 + 2 * round);
    }
    if (index.master === undefined) return undefined;
    const result = await attempt(index.master, index, fill);
    return typeof result === 'object' ? result : undefined;
  }

  /** See {@link isFreshEnough}. Replicas that all share one history and have no master among them prove it by themselves. */
  async function isFresh(index: ReadIndex): Promise<boolean> {
    const { master } = index;
    if (master === undefined) return true;
    const namedAtMs = () => Math.max(sentinels.namedAtMs(master), followedAtMs);
    if (isFreshEnough(index, namedAtMs(), monotonicMs())) return true;
    const atMs = monotonicMs();
    const roles = await nodes.replicaRoles();
    const replicas = replicasOf(master);
    if (replicas.length > 0 && replicas.every((replica) => roles.get(replica)?.follows === master)) followedAtMs = atMs;
    return isFreshEnough(index, namedAtMs(), monotonicMs());
  }

  /**
   * Whether no failover can undo what was read. Without this, a master that was passed over and has not been demoted yet shows writes that
   * will never be acknowledged.
   */
  async function isDurable({ after: role }: Snapshot, index: ReadIndex, deadline: Deadline): Promise<boolean> {
    const untilMs = monotonicMs() + Math.min(confirmationTimeoutMs, remainingMs(deadline));
    for (let pauseMs = 1; ; pauseMs = Math.min(100, 3 * pauseMs)) {
      const roles = await (index.master === undefined ? nodes.replicaInfos() : nodes.replicaRoles());
      const replicas = replicasOf(index.master ?? sentinels.view()?.master);
      let verdict = judgeSnapshot(role.offset, index, replicas, roles, new Map(), monotonicMs());
      if (verdict !== 'durable' && index.master !== undefined) {
        const acknowledged = await nodes.acknowledgedBy(index.master);
        verdict = judgeSnapshot(role.offset, index, replicas, roles, acknowledged, monotonicMs());
      }
      if (verdict === 'durable' || verdict === 'not-durable') return verdict === 'durable';
      if (typeof verdict === 'object') {
        const timeoutMs = Math.min(proofTimeoutMs, remainingMs(deadline));
        if (await proveDurable(sentinels, verdict.claim, timeoutMs, (doubt) => !passingDoubts.has(doubt))) return true;
        if (!verdict.mayCatchUp || sentinels.view()?.master !== index.master) return false;
      }
      if (monotonicMs() >= untilMs) return false;
      await pause(pauseMs, deadline);
    }
  }

  const close = sentinels.onMaster(() => {
    suspectUntilMs = 0;
    latest = undefined;
    followedAtMs = Number.NEGATIVE_INFINITY;
  });

  return { query, close };
}
