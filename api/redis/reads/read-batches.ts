/** Queries that come together are sent together: one pipeline for each node, and one question about its role for all of them. */
import type { ChainableCommander, Redis } from 'ioredis';
import { endOfTurn } from '../../core/clock.ts';
import { parseInfo, parseRole, type Role } from '../role.ts';

/** A query's replies in order, and the role of the node before the first query of its batch and after the last. */
export type Snapshot = { readonly before: Role; readonly after: Role; readonly replies: unknown[] };

/** See {@link createReadBatches}. */
type Batches = {
  /**
   * Runs a query on a node.
   * @param asks how to ask for the node's role: `info` also gives the offset of a replica without a master, and takes longer
   * @returns `undefined` when the node did not answer @throws the error of a command that is wrong
   */
  query(
    address: string,
    asks: 'role' | 'info',
    fill: (pipeline: ChainableCommander) => unknown,
  ): Promise<Snapshot | undefined>;
};

type Results = [error: Error | null, reply: unknown][];
type Batch = {
  readonly pipeline: ChainableCommander;
  readonly results: Promise<Results | undefined>;
  readonly settle: (results: Results | undefined) => void;
};
/** The batches of one node that were not sent yet. */
type Queue = { readonly waiting: Batch[]; isSending: boolean };

/** More commands than these begin another batch, so that a node serves others in between. */
const maxCommands = 200;

/**
 * Creates batches over these connections. A node has one batch at a time to answer; queries that come meanwhile share the next one. The busier this process is, the
 * more queries share a batch, and the less each costs.
 */
export function createReadBatches(connection: (address: string) => Redis): Batches {
  const queues = new Map<string, Queue>();

  function queueOf(key: string): Queue {
    const queue = queues.get(key) ?? { waiting: [], isSending: false };
    queues.set(key, queue);
    return queue;
  }

  async function sendAll(queue: Queue, asks: 'role' | 'info'): Promise<void> {
    if (queue.isSending) return;
    queue.isSending = true;
    while (queue.waiting.length > 0) {
      await endOfTurn();
      const batch = queue.waiting.shift();
      if (batch === undefined) break;
      ask(batch.pipeline, asks);
      batch.settle((await batch.pipeline.exec().catch(() => undefined)) ?? undefined);
    }
    queue.isSending = false;
  }

  return {
    async query(address, asks, fill) {
      const redis = connection(address);
      if (redis.status !== 'ready') return undefined;
      const queue = queueOf(`${asks} ${address}`);
      const last = queue.waiting.at(-1);
      const batch = last !== undefined && last.pipeline.length < maxCommands ? last : begin(queue, redis, asks);
      const from = batch.pipeline.length;
      fill(batch.pipeline);
      const to = batch.pipeline.length;
      void sendAll(queue, asks);
      const results = await batch.results;
      if (results === undefined) return undefined;
      const own = results.slice(from, to);
      const bug = own.find(([error]) => error?.name === 'ReplyError' && /^(ERR|WRONGTYPE|NOPERM)/.test(error.message));
      if (bug?.[0]) throw bug[0];
      const [before, after] = [roleIn(results[0]), roleIn(results.at(-1))];
      if (before === undefined || after === undefined || own.some(([error]) => error)) return undefined;
      return { before, after, replies: own.map(([, reply]) => reply) };
    },
  };
}

function begin(queue: Queue, redis: Redis, asks: 'role' | 'info'): Batch {
  const pipeline = redis.pipeline();
  ask(pipeline, asks);
  let settle: Batch['settle'] = () => undefined;
  const results = new Promise<Results | undefined>((resolve) => {
    settle = resolve;
  });
  const batch = { pipeline, results, settle };
  queue.waiting.push(batch);
  return batch;
}

function ask(pipeline: ChainableCommander, asks: 'role' | 'info'): void {
  if (asks === 'info') pipeline.info('replication');
  else pipeline.role();
}

function roleIn(result: Results[number] | undefined): Role | undefined {
  const [error, reply] = result ?? [];
  return error ? undefined : (parseRole(reply) ?? parseInfo(reply));
}
