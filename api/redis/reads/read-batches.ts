/** Queries that come together are sent together: one pipeline for each node, and one question about its role for all of them. */
import type { ChainableCommander, Redis } from 'ioredis';
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
type Batch = { readonly pipeline: ChainableCommander; readonly results: Promise<Results | undefined> };

/** More commands than these begin another batch, so that a node serves others in between. */
const maxCommands = 200;

/** Creates batches over these connections. A batch is sent when the event loop has handled all input that has arrived. */
export function createReadBatches(connection: (address: string) => Redis): Batches {
  const open = new Map<string, Batch>();

  function begin(key: string, redis: Redis, asks: 'role' | 'info'): Batch {
    const pipeline = redis.pipeline();
    ask(pipeline, asks);
    const results = new Promise<Results | undefined>((resolve) => {
      setImmediate(() => {
        if (open.get(key)?.pipeline === pipeline) open.delete(key);
        ask(pipeline, asks);
        pipeline.exec().then(
          (found) => resolve(found ?? undefined),
          () => resolve(undefined),
        );
      });
    });
    const batch = { pipeline, results };
    open.set(key, batch);
    return batch;
  }

  return {
    async query(address, asks, fill) {
      const redis = connection(address);
      if (redis.status !== 'ready') return undefined;
      const key = `${asks} ${address}`;
      const found = open.get(key);
      const batch = found !== undefined && found.pipeline.length < maxCommands ? found : begin(key, redis, asks);
      const from = batch.pipeline.length;
      fill(batch.pipeline);
      const to = batch.pipeline.length;
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

function ask(pipeline: ChainableCommander, asks: 'role' | 'info'): void {
  if (asks === 'info') pipeline.info('replication');
  else pipeline.role();
}

function roleIn(result: Results[number] | undefined): Role | undefined {
  const [error, reply] = result ?? [];
  return error ? undefined : (parseRole(reply) ?? parseInfo(reply));
}
