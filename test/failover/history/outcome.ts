/** What a client knows of a request after all its attempts: ok, fail (it was refused and nothing happened), or info (it cannot know). */
import type { Attempt, Operation } from './history.ts';

/** `atMs` is when the client heard it. */
export type Outcome =
  | { readonly kind: 'ok'; readonly status: number; readonly body: unknown; readonly atMs: number }
  | { readonly kind: 'fail'; readonly status: number; readonly body: unknown; readonly atMs: number }
  | { readonly kind: 'info' };

/** Whether an attempt left the client without what it asked for: 5xx, a reset, a time-out. It is then repeated. */
export function hasFailed(attempt: Attempt): boolean {
  return attempt.status === undefined || attempt.status >= 500 || attempt.status === 429;
}

/** The outcome of a request: its first answer that is no failure. */
export function outcomeOf(operation: Operation): Outcome {
  const decisive = operation.attempts.find((attempt) => attempt.endedMs !== undefined && !hasFailed(attempt));
  if (decisive === undefined) return { kind: 'info' };
  const { status = 0, body, endedMs: atMs = 0 } = decisive;
  return { kind: status < 400 ? 'ok' : 'fail', status, body, atMs };
}

/** Whether a request changes something. */
export function isWrite(operation: Operation): boolean {
  return operation.method !== 'GET' && operation.kind !== 'replay';
}
