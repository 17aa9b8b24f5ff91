/** Contexts of requests, for tests and measurements that call a service's rules or store without HTTP. Needs no Vitest. */
import { type Deadline, deadlineIn } from '../../api/core/clock.ts';
import { newId } from '../../api/core/ids.ts';
import { type Caller, type RequestContext, recordLifetimeMs, type WriteIdentity } from '../../api/core/request.ts';

/** The context of a write by `caller` under a key of its own; give `write` to repeat one. */
export function contextOf(
  caller: Caller,
  changes: Partial<RequestContext> = {},
  deadline: Deadline = deadlineIn(5000),
): RequestContext {
  const write = { id: newId(), fingerprint: 'body', nonce: newId(), lifetimeMs: recordLifetimeMs };
  return {
    requestId: newId(),
    caller,
    deadline,
    consistency: 'read-your-writes',
    write,
    ifMatch: undefined,
    ...changes,
  };
}

/** The write of `first` again, as the client's own repetition would send it. */
export function repetitionOf(first: RequestContext, changes: Partial<WriteIdentity> = {}): RequestContext {
  if (first.write === undefined) throw new Error('a context of a write has an identity');
  return { ...first, write: { ...first.write, nonce: newId(), ...changes } };
}

/** A caller who is signed in. */
export function userCaller(
  role: 'customer' | 'admin' = 'customer',
  userId = newId(),
): Extract<Caller, { kind: 'user' }> {
  return { kind: 'user', address: '127.0.0.1', userId, sessionId: newId(), role };
}
