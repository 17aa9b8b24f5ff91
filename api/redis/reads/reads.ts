/**
 * Reads, from replicas. How new they must be is said by a read index (read-index.ts). What a caller with a token sees must not be undone by
 * a failover, so it is shown only when it is durable, by the rule that acknowledges writes (read-evidence.ts).
 */
import type { ChainableCommander } from 'ioredis';
import { type Deadline, pause, remainingMs } from '../../core/clock.ts';
import { Unavailable } from '../../core/outcome.ts';
import type { Consistency } from '../../core/request.ts';
import type { Nodes } from '../nodes.ts';
import { isIsolated, type Sentinels } from '../sentinels/sentinels.ts';
import { createReadBatches, type Snapshot } from './read-batches.ts';
import { openReadEvidence } from './read-evidence.ts';
import { openReadIndexes } from './read-index.ts';
import { covers, orderOfReplicas, type ReadIndex } from './read-rules.ts';
import { createRetryGate } from './retry-gate.ts';

type ReadBatches = ReturnType<typeof createReadBatches>;

/** Adds a query's commands to a pipeline. */
type Fill = (pipeline: ChainableCommander) => unknown;

/** See {@link openReads}. */
export type Reads = {
  /**
   * Runs read commands together on one node that is new enough.
   * @param consistency `read-your-writes`: everything acknowledged before, and nothing that a failover could take back; `bounded-staleness`: a second old at most
   * @param fill adds the commands
   * @returns their replies, in order
   * @throws Unavailable when no such node answered before the deadline
   */
  query(consistency: Consistency, fill: Fill, deadline: Deadline): Promise<unknown[]>;
  close(): void;
};

/** How many reads are tried at the same time while reads fail. More than one, because one may meet a node that is behind. */
const maxTries = 8;
const retryMs = 20;
/** How often the replicas are asked that are behind by a moment. */
const maxRounds = 3;

/** Opens the read path over all nodes that the Sentinels know. */
export function openReads(sentinels: Sentinels, nodes: Nodes): Reads {
  const turns = countTurns();
  const gates = { 'read-your-writes': createRetryGate(maxTries), 'bounded-staleness': createRetryGate(maxTries) };
  const batches = createReadBatches(nodes.connection);
  const indexes = openReadIndexes(sentinels, nodes);
  const evidence = openReadEvidence(sentinels, nodes);
  const replicasInOrder = () => orderOfReplicas(sentinels.nodes(), sentinels.view(), turns.current());

  async function query(consistency: Consistency, fill: Fill, deadline: Deadline) {
    const gate = gates[consistency];
    while (await gate.enter(deadline)) {
      let found: Snapshot | undefined;
      try {
        found =
          (await queryByMaster(consistency, fill, deadline)) ??
          (await queryBy(await indexes.ofReplicas(), consistency, fill, deadline));
      } finally {
        if (found === undefined) await pause(retryMs, deadline);
        gate.leave(found !== undefined);
      }
      if (found !== undefined) return found.replies;
      if (isIsolated(sentinels)) throw new Unavailable('no Sentinel answers this service');
      if (remainingMs(deadline) === 0) break;
    }
    throw new Unavailable('no Redis node was new enough in time');
  }

  /**
   * By an index of the master. A read with a token sends all of its questions together: for the index, to a replica, and to the others how far they are.
   * Mostly the replicas are equally far, and that answers it; otherwise what is missing is asked for again, one after the other.
   */
  async function queryByMaster(
    consistency: Consistency,
    fill: Fill,
    deadline: Deadline,
  ): Promise<Snapshot | undefined> {
    const [first, ...others] = replicasInOrder();
    if (consistency === 'bounded-staleness' || first === undefined) {
      return queryBy(await indexes.ofMaster(consistency), consistency, fill, deadline);
    }
    const [index, snapshot, roles] = await Promise.all([
      indexes.ofMaster(consistency),
      batches.query(first, 'role', fill),
      evidence.rolesOf(others),
    ]);
    if (index !== undefined && snapshot !== undefined && isCovered(snapshot, index, first)) {
      if (evidence.isOnAll(snapshot, index, new Map([...roles, [first, snapshot.after]]))) return snapshot;
      if (await evidence.isDurable(snapshot, index, deadline)) return snapshot;
      return undefined;
    }
    return queryBy(index, consistency, fill, deadline);
  }

  async function queryBy(
    index: ReadIndex | undefined,
    consistency: Consistency,
    fill: Fill,
    deadline: Deadline,
  ): Promise<Snapshot | undefined> {
    const found = index && (await queryEach(batches, replicasInOrder(), index, fill));
    if (index === undefined || found === undefined) return undefined;
    const isGood =
      consistency === 'bounded-staleness'
        ? await evidence.isFresh(index)
        : await evidence.isDurable(found, index, deadline);
    return isGood ? found : undefined;
  }

  return {
    query,
    close() {
      indexes.close();
      evidence.close();
    },
  };
}

/** Asks every replica in turn; those that are behind by a moment a second and third time; then the master. */
async function queryEach(
  batches: ReadBatches,
  replicas: readonly string[],
  index: ReadIndex,
  fill: Fill,
): Promise<Snapshot | undefined> {
  let next = replicas;
  for (let round = 0; round < maxRounds && next.length > 0; round++) {
    const behind: string[] = [];
    for (const address of next) {
      const result = await queryOne(batches, address, index, fill);
      if (typeof result === 'object') return result;
      if (result === 'behind') behind.push(address);
    }
    next = behind;
    if (behind.length > 0) await pause(1 + 2 * round);
  }
  if (index.master === undefined) return undefined;
  const result = await queryOne(batches, index.master, index, fill);
  return typeof result === 'object' ? result : undefined;
}

async function queryOne(
  batches: ReadBatches,
  address: string,
  index: ReadIndex,
  fill: Fill,
): Promise<Snapshot | 'behind' | 'failed'> {
  const snapshot = await batches.query(address, index.master === undefined ? 'info' : 'role', fill);
  if (snapshot === undefined) return 'failed';
  return isCovered(snapshot, index, address) ? snapshot : 'behind';
}

/** Whether the node had everything up to the index during the whole snapshot. */
function isCovered({ before, after }: Snapshot, index: ReadIndex, address: string): boolean {
  return covers(before, index, address) && covers(after, index, address);
}

/** Counts the turns of the event loop in which reads begin: those of one turn ask the same replica first, in one batch. */
function countTurns() {
  let turn = 0;
  let hasEnded = true;
  return {
    current() {
      if (hasEnded) {
        turn += 1;
        hasEnded = false;
        setImmediate(() => {
          hasEnded = true;
        });
      }
      return turn;
    },
  };
}
