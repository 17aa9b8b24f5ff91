/** Runs declared scripts (see define-script.ts), as acknowledged writes or as reads: named values in, a reply by name out. */
import type { Deadline } from '../core/clock.ts';
import { isRefusal, type Refusal } from '../core/outcome.ts';
import type { RequestContext } from '../core/request.ts';
import {
  type Call,
  type DeclaredScript,
  type Names,
  parseRawReply,
  parseReadReply,
  parseReply,
  positionsOf,
  type ReadScript,
  type Replies,
  type Reply,
} from './define-script.ts';
import { runKeyed } from './keyed.ts';
import type { Reads } from './reads/reads.ts';
import { scripts } from './scripts.ts';
import { addReadScript } from './send-script.ts';
import type { Writes } from './writes/writes.ts';

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
  return parseRawReply(script, await writes.run(script, keys, args, deadline));
}

/**
 * Runs a read-only script on a replica.
 * @returns its reply by name; the caller knows the types of the values
 * @throws Unavailable when no node that is new enough answers before the deadline
 */
export async function runReadScript<K extends Names, A extends Names, R extends Names>(
  reads: Pick<Reads, 'query'>,
  script: ReadScript<K, A, R>,
  call: Call<K, A>,
  { consistency, deadline }: Pick<RequestContext, 'consistency' | 'deadline'>,
) {
  const [reply] = await reads.query(consistency, (pipeline) => addReadScript(pipeline, script, call), deadline);
  return parseReadReply(script, reply);
}
