/** Sends declared scripts (see define-script.ts) to one node, without waiting for a replica. */
import type { ChainableCommander, Redis } from 'ioredis';
import {
  type Call,
  type DeclaredScript,
  type Names,
  parseRawReply,
  positionsOf,
  type ReadScript,
  type Replies,
  type Reply,
} from './define-script.ts';

/**
 * Runs a script on the master without waiting for replicas: for what may be lost in a failover.
 * @throws when the connection or the script fails
 */
export async function runUnconfirmed<K extends Names, A extends Names, R extends Replies>(
  redis: Redis,
  script: DeclaredScript<K, A, R>,
  call: Call<K, A>,
): Promise<Reply<R>> {
  const { keys, args } = positionsOf(script, call);
  const reply = await redis.evalsha(script.sha, keys.length, ...keys, ...args).catch((error: Error) => {
    if (!/NOSCRIPT/.test(error.message)) throw error;
    return redis.eval(script.source, keys.length, ...keys, ...args);
  });
  return parseRawReply(script, reply as string[]);
}

/** Adds a read-only script to a pipeline; its reply is for `parseReadReply`. @see https://redis.io/docs/latest/commands/eval_ro/ */
export function addReadScript<K extends Names, A extends Names>(
  pipeline: ChainableCommander,
  script: ReadScript<K, A>,
  call: Call<K, A>,
): void {
  const { keys, args } = positionsOf(script, call);
  pipeline.eval_ro(script.source, keys.length, ...keys, ...args);
}
