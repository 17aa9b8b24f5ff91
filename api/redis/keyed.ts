/** Writes under an Idempotency-Key: the part that all their scripts begin with. */
import { type Refusal, refuse } from '../core/outcome.ts';
import type { RequestContext } from '../core/request.ts';
import { decodeReply, loadScript, type Script, type ScriptReply } from './script.ts';
import type { Writes } from './writes.ts';

/** Finds the reply that was stored under an idempotency key; `no-record` when there is none. For {@link runKeyed}. */
export const lookupScript = loadScript(new URL('./lua/lookup.lua', import.meta.url), 'go-on');

/**
 * Runs a script whose KEYS begin with the idempotency record and the service's event stream, and whose ARGV begin with
 * fingerprint, nonce, lifetime of the record (ms) and request id; `keys` and `args` follow them.
 * @param part distinguishes several writes of one request from each other
 * @returns the reply, or the refusal when the Idempotency-Key was used for another body
 * @throws Unavailable when it is not certain in time
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
  const { write, requestId, deadline } = context;
  if (write === undefined) throw new Error(`${script.name} needs an idempotent route`);
  const record = `{${service}}:idempotency:${write.id}${part}`;
  const reply = await writes.run(
    script,
    [record, `{${service}}:events`, ...keys],
    [write.fingerprint, write.nonce, write.lifetimeMs, requestId, ...args],
    deadline,
  );
  return (
    decodeReply(reply) ??
    refuse(
      'idempotency-key-reused',
      'This Idempotency-Key was sent before with another body. Use a new one for a new request.',
    )
  );
}
