/**
 * Evidence about what a read has found, gathered after it was found: that no failover can undo it, or that it is at most a second old. The
 * decisions are in read-rules.ts.
 */
import { type Deadline, monotonicMs, pause, remainingMs } from '../../core/clock.ts';
import { singleFlight } from '../../core/single-flight.ts';
import type { Nodes } from '../nodes.ts';
import type { Role } from '../role.ts';
import type { Doubt } from '../sentinels/durability.ts';
import { proveDurable } from '../sentinels/proof.ts';
import type { Sentinels } from '../sentinels/sentinels.ts';
import type { Snapshot } from './read-batches.ts';
import { isFreshEnough, judgeSnapshot, type ReadIndex, replicasOf, type SnapshotVerdict } from './read-rules.ts';

/** See {@link openReadEvidence}. */
type ReadEvidence = {
  /** See `isFreshEnough`. Replicas that all share one history and have no master among them prove it by themselves. */
  isFresh(index: ReadIndex): Promise<boolean>;
  /** Of those of these nodes that answer; a question that begins after the call, shared by all callers. */
  rolesOf(addresses: readonly string[]): Promise<ReadonlyMap<string, Role>>;
  /** Whether all replicas have what was read, so that no failover can undo it. @param roles as they answered since the read began */
  isOnAll(found: Snapshot, index: ReadIndex, roles: ReadonlyMap<string, Role>): boolean;
  /**
   * Whether no failover can undo what was read. Without this, a master that was passed over and has not been demoted yet shows writes that
   * will never be acknowledged.
   */
  isDurable(found: Snapshot, index: ReadIndex, deadline: Deadline): Promise<boolean>;
  close(): void;
};

/** A replica reports its offset to its master every second. */
const confirmationTimeoutMs = 1200;
/** The Sentinels hear from each node every 250 ms; other doubts are left to another node or another round. */
const proofTimeoutMs = 800;
const passingDoubts: ReadonlySet<Doubt> = new Set<Doubt>([
  'switching',
  'winner-behind',
  'winner-not-heard',
  'master-not-heard',
]);

/** Opens the gathering of evidence from the nodes and from the Sentinels. */
export function openReadEvidence(sentinels: Sentinels, nodes: Nodes): ReadEvidence {
  /** When every other node last followed the present master. */
  let followedAtMs = Number.NEGATIVE_INFINITY;

  const askRoles = new Map<string, () => Promise<Role | undefined>>();
  function roleOf(address: string): Promise<Role | undefined> {
    const askRole = askRoles.get(address) ?? singleFlight(() => nodes.roleOf(address));
    askRoles.set(address, askRole);
    return askRole();
  }

  /** Judges by what the replicas report, and where that is not enough by what they have confirmed to the master. */
  async function judge(offset: number, index: ReadIndex): Promise<SnapshotVerdict> {
    const roles = await (index.master === undefined ? nodes.replicaInfos() : nodes.replicaRoles());
    const replicas = replicasOf(sentinels.nodes(), index.master ?? sentinels.view()?.master);
    const verdict = judgeSnapshot(offset, index, replicas, roles, new Map(), monotonicMs());
    if (verdict === 'durable' || index.master === undefined) return verdict;
    return judgeSnapshot(offset, index, replicas, roles, await nodes.acknowledgedBy(index.master), monotonicMs());
  }

  const close = sentinels.onMaster(() => {
    followedAtMs = Number.NEGATIVE_INFINITY;
  });

  return {
    close,

    async isFresh(index) {
      const { master } = index;
      if (master === undefined) return true;
      const isFreshNow = () => isFreshEnough(index, Math.max(sentinels.namedAtMs(master), followedAtMs), monotonicMs());
      if (isFreshNow()) return true;
      const atMs = monotonicMs();
      const roles = await nodes.replicaRoles();
      const replicas = replicasOf(sentinels.nodes(), master);
      const isFollowed = replicas.length > 0 && replicas.every((replica) => roles.get(replica)?.follows === master);
      if (isFollowed) followedAtMs = atMs;
      return isFreshNow();
    },

    async rolesOf(addresses) {
      const roles = await Promise.all(addresses.map(async (address) => [address, await roleOf(address)] as const));
      return new Map(roles.flatMap(([address, role]) => (role === undefined ? [] : [[address, role] as const])));
    },

    isOnAll({ after: role }, index, roles) {
      const replicas = replicasOf(sentinels.nodes(), index.master);
      return judgeSnapshot(role.offset, index, replicas, roles, new Map(), monotonicMs()) === 'durable';
    },

    async isDurable({ after: role }, index, deadline) {
      const untilMs = monotonicMs() + Math.min(confirmationTimeoutMs, remainingMs(deadline));
      for (let pauseMs = 1; ; pauseMs = Math.min(100, 3 * pauseMs)) {
        const verdict = await judge(role.offset, index);
        if (verdict === 'durable' || verdict === 'not-durable') return verdict === 'durable';
        if (typeof verdict === 'object') {
          const timeoutMs = Math.min(proofTimeoutMs, remainingMs(deadline));
          const hasFinalDoubt = (doubt: Doubt) => !passingDoubts.has(doubt);
          if (await proveDurable(sentinels, verdict.claim, timeoutMs, hasFinalDoubt)) return true;
          if (!verdict.mayCatchUp || sentinels.view()?.master !== index.master) return false;
        }
        if (monotonicMs() >= untilMs) return false;
        await pause(pauseMs, deadline);
      }
    },
  };
}
