/** Writes under an Idempotency-Key: the part that all their scripts begin with. */
import type { Deadline } from '../core/clock.ts';
import { NoFirstAnswer, type Refusal, refuse } from '../core/outcome.ts';
import type { RequestContext, WriteIdentity } from '../core/request.ts';
import { decodeReply, type ScriptReply } from './define-script.ts';
import type { Reads } from './reads/reads.ts';
import type { Script } from './script.ts';
import { scripts } from './scripts.ts';
import type { Writes } from './writes/writes.ts';

/**
 * Runs a script whose KEYS begin with the idempotency record and the service's event stream, and whose ARGV begin with
 * fingerprint, nonce, lifetime of the record (ms) and request id; `keys` and `args` follow them.
 * @param part distinguishes several writes of one request from each other
 * @returns the reply, or the refusal when the Idempotency-Key was used for another body
 * @throws Unavailable when it is not certain in time; NoFirstAnswer when the context says `onlyRepeat` and there is nothing to repeat
 */
export async function runKeyed(
  writes: Writes,
  service: string,
  script: Script,
  keys: readonly string[],
  args: readonly (string | number)[],
  context: RequestContext,
  part = '',
): Promise<ScriptReply | Refusal> {
  const { write, requestId, deadline, onlyRepeat } = context;
  if (write === undefined) throw new Error(`${script.name} needs an idempotent route`);
  const record = recordKey(service, write, part);
  const own = [write.fingerprint, write.nonce, write.lifetimeMs, requestId];
  const stream = `{${service}}:events`;
  const reply =
    onlyRepeat === undefined
      ? await writes.run(script, [record, stream, ...keys], [...own, ...args], deadline)
      : await writes.run(scripts.lookup, [record, stream], [...own, onlyRepeat], deadline);
  if (onlyRepeat !== undefined && reply[1] === 'no-record') throw new NoFirstAnswer();
  return decodeReply(reply) ?? keyReused();
}

/** The refusal of a repetition with another body. */
export function keyReused(): Refusal {
  return refuse(
    'idempotency-key-reused',
    'This Idempotency-Key was sent before with another body. Use a new one for a new request.',
  );
}

/** What the first answer under a key revoked of its own caller's rights (`<problem>:<session>`). @throws Unavailable when that is not known in time */
export async function revokedByRecord(
  reads: Reads,
  service: string,
  write: WriteIdentity,
  deadline: Deadline,
): Promise<string | undefined> {
  const [revoked] = await reads.query(
    'read-your-writes',
    (pipeline) => pipeline.hget(recordKey(service, write), 'revoked'),
    deadline,
  );
  return typeof revoked === 'string' ? revoked : undefined;
}

/** Whether there is a record of the write's first script, so that the request repeats one. @throws Unavailable when that is not known in time */
export async function hasRecord(
  reads: Reads,
  service: string,
  write: WriteIdentity,
  deadline: Deadline,
): Promise<boolean> {
  const [found] = await reads.query(
    'read-your-writes',
    (pipeline) => pipeline.exists(recordKey(service, write)),
    deadline,
  );
  return found === 1;
}

/** The key of the idempotency record. @param part see {@link runKeyed} */
export function recordKey(service: string, write: WriteIdentity, part = ''): string {
  return `{${service}}:idempotency:${write.id}${part}`;
}
