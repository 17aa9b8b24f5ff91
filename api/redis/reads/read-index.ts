/**
 * Takes read indexes: how new a read must be, as the master's replication offset, asked for after the read began. While no master answers,
 * the replicas' offsets are the index (see read-rules.ts).
 */
import { monotonicMs } from '../../core/clock.ts';
import type { Consistency } from '../../core/request.ts';
import { singleFlight } from '../../core/single-flight.ts';
import type { Nodes } from '../nodes.ts';
import type { Sentinels } from '../sentinels/sentinels.ts';
import { indexOfReplicas, isReusable, type ReadIndex, replicasOf } from './read-rules.ts';

/** See {@link openReadIndexes}. */
type ReadIndexes = {
  /** From the master; one that was taken before may serve `bounded-staleness`. `undefined` when the master does not answer. */
  ofMaster(consistency: Consistency): Promise<ReadIndex | undefined>;
  /** From all replicas; `undefined` when they are not known to have everything that was acknowledged. */
  ofReplicas(): Promise<ReadIndex | undefined>;
  close(): void;
};

/** For how long a master that did not answer is not asked again, in ms. */
const suspectMs = 200;

/** Opens the read indexes of the nodes that the Sentinels know. Reads that wait share one question to the master. */
export function openReadIndexes(sentinels: Sentinels, nodes: Nodes): ReadIndexes {
  let latest: ReadIndex | undefined;
  let suspectUntilMs = 0;

  const askMaster = singleFlight(async (): Promise<ReadIndex | undefined> => {
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
  });

  const close = sentinels.onMaster(() => {
    suspectUntilMs = 0;
    latest = undefined;
  });

  return {
    close,
    async ofMaster(consistency) {
      return consistency === 'bounded-staleness' && isReusable(latest, monotonicMs()) ? latest : askMaster();
    },
    async ofReplicas() {
      sentinels.hurry();
      const atMs = monotonicMs();
      const roles = await nodes.replicaInfos();
      const master = sentinels.view()?.master;
      if (master === undefined) return undefined;
      return indexOfReplicas(master, replicasOf(sentinels.nodes(), master), roles, nodes.masterHistory(), atMs);
    },
  };
}
