/** Runs declared scripts (see define-script.ts): named values in, a reply by name out. */
import type { ChainableCommander, Redis } from 'ioredis';
import type { Deadline } from '../core/clock.ts';
import { isRefusal, type Refusal } from '../core/outcome.ts';
import type { RequestContext } from '../core/request.ts';
import {
  type Call,
  type DeclaredScript,
  decodeReply,
  type Names,
  parseReply,
  positionsOf,
  type ReadScript,
  type Reply,
} from './define-script.ts';
import { keyReused, runKeyed } from './keyed.ts';
import { scripts } from './scripts.ts';
import type { Writes } from './writes.ts';

type Replies = Readonly<Record<string, Names>>;

/**
 * Runs a script of a write under the request's Idempotency-Key; see {@link runKeyed}.
 * @returns its reply, or the refusal of a key that was used for another body
 * @throws Unavailable when it is not certain before the deadline
 */
export async function runKeyedScript<K extends Names, A extends Names, R extends Replies>(
  writes: Writes,
  service: string,
  script: DeclaredScript<K, A, R>,
  call: Call<K, A>,
  context: RequestContext,
  part = '',
): Promise<Reply<R> | Refusal> {
  const { keys, args } = positionsOf(script, call);
  const reply = await runKeyed(writes, service, script, keys, args, context, part);
  return isRefusal(reply) ? reply : parseReply(script, reply);
}

/**
 * What a script replied under the request's Idempotency-Key before; `no-record` if it never ran under it.
 * @throws Unavailable when it is not certain before the deadline
 */
export async function findReply<K extends Names, A extends Names, R extends Replies>(
  writes: Writes,
  service: string,
  script: DeclaredScript<K, A, R>,
  context: RequestContext,
  part = '',
): Promise<Reply<R> | Reply<(typeof scripts.lookup)['replies']> | Refusal> {
  const { keys, args } = positionsOf(scripts.lookup, { keys: {}, args: { revoked: '' } });
  const reply = await runKeyed(writes, service, scripts.lookup, keys, args, context, part);
  if (isRefusal(reply)) return reply;
  return reply.result === 'no-record' ? parseReply(scripts.lookup, reply) : parseReply(script, reply);
}

/** Runs a script that stands alone. @throws Unavailable when it is not certain before the deadline */
export async function runScript<K extends Names, A extends Names, R extends Replies>(
  writes: Writes,
  script: DeclaredScript<K, A, R>,
  call: Call<K, A>,
  deadline: Deadline,
): Promise<Reply<R>> {
  const { keys, args } = positionsOf(script, call);
  return replyOf(script, await writes.run(script, keys, args, deadline));
}

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
  return replyOf(script, reply as string[]);
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

function replyOf<K extends Names, A extends Names, R extends Replies>(
  script: DeclaredScript<K, A, R>,
  reply: readonly string[],
): Reply<R> {
  const decoded = decodeReply(reply);
  if (decoded === undefined) throw new Error(`${script.name}: ${keyReused().detail}`);
  return parseReply(script, decoded);
}
