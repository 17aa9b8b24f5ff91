/** Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07): what identifies a write, and how two bodies are compared. */
import { randomUUID } from 'node:crypto';
import type { Request } from 'express';
import { isRefusal, type Refusal, refuse } from '../core/outcome.ts';
import { type Caller, generatedRecordLifetimeMs, recordLifetimeMs, type WriteIdentity } from '../core/request.ts';
import type { Identified, UserCaller } from './identity.ts';
import type { Route } from './route.ts';
import { keyedHash } from './secrets.ts';

/**
 * The identity of a write. Without a key, which only happens to a request that did not come through Nginx, it gets one of its own.
 * @param caller owns the key, unless the route says otherwise: a user by id, any other caller by network address
 * @param body as parsed, before defaults are filled in
 */
export function writeIdentity(
  req: Request,
  caller: Caller,
  body: unknown,
  secret: string,
  { idempotencyOwner, passwords = [] }: Pick<Route, 'idempotencyOwner' | 'passwords'> = {},
): WriteIdentity | Refusal {
  const given = req.get('Idempotency-Key');
  const key = given === undefined ? randomUUID() : bare(given);
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    return refuse('bad-request', 'An Idempotency-Key has 1 to 255 visible ASCII characters.');
  }
  const owner = idempotencyOwner?.(body) ?? ownerOf(caller);
  const path = req.baseUrl + req.path;
  return {
    id: keyedHash(secret, 'record', owner, req.method, path, key),
    fingerprint: keyedHash(secret, 'body', canonical(without(body, passwords)), canonical(req.query)),
    nonce: req.get('X-Attempt-Id') ?? randomUUID(),
    lifetimeMs: req.get('X-Generated-Key') === '1' ? generatedRecordLifetimeMs : recordLifetimeMs,
  };
}

function ownerOf(caller: Caller): string {
  return caller.kind === 'user' ? `user:${caller.userId}` : `${caller.kind}:${caller.address}`;
}

/** A caller whose right was revoked by the very request that they repeat now. */
type RepeatedRevocation = {
  readonly caller: UserCaller;
  /** See `RequestContext.onlyRepeat`. */
  readonly onlyRepeat: string;
};

/**
 * Finds out whether a refused request may get its first answer again, because that answer brought the refusal about: an admin who demoted
 * or deleted themselves. The record must be of this caller and this sign-in.
 * @param revokedBy see `revokedByRecord`
 * @throws Unavailable when that is not known in time
 */
export async function repeatedRevocation(
  req: Request,
  { refusal, revoked }: Identified,
  secret: string,
  revokedBy: (write: WriteIdentity) => Promise<string | undefined>,
): Promise<RepeatedRevocation | undefined> {
  if (refusal === undefined || revoked === undefined || req.get('Idempotency-Key') === undefined) return undefined;
  const write = writeIdentity(req, revoked, undefined, secret);
  if (isRefusal(write)) return undefined;
  const onlyRepeat = `${refusal.code}:${revoked.sessionId}`;
  return (await revokedBy(write)) === onlyRepeat ? { caller: revoked, onlyRepeat } : undefined;
}

function without(body: unknown, names: readonly string[]): unknown {
  if (names.length === 0 || typeof body !== 'object' || body === null) return body;
  return Object.fromEntries(Object.entries(body).filter(([name]) => !names.includes(name)));
}

/** A structured-field string without its quotes; anything else as it is. */
function bare(value: string): string {
  const quoted = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/.exec(value);
  return quoted ? (quoted[1] ?? '').replace(/\\(["\\])/g, '$1') : value;
}

/** JSON with the members of every object in one order. */
function canonical(value: unknown): string {
  return JSON.stringify(value ?? null, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
