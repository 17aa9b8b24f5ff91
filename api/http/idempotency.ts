/** Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07): what identifies a write and what tells two bodies apart. */
import { randomUUID } from 'node:crypto';
import type { Request } from 'express';
import { type Refusal, refuse } from '../core/outcome.ts';
import { type Caller, recordLifetimeMs, type WriteIdentity } from '../core/request.ts';
import { keyedHash } from './secrets.ts';

/**
 * The identity of a write. Without a key, which only happens to a request that did not come through Nginx, it gets one of its own.
 * @param caller a user by id, anybody else by address
 * @param body as parsed, before defaults are filled in
 */
export function writeIdentity(req: Request, caller: Caller, body: unknown, secret: string): WriteIdentity | Refusal {
  const given = req.get('Idempotency-Key');
  const key = given === undefined ? randomUUID() : bare(given);
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    return refuse('bad-request', 'An Idempotency-Key has 1 to 255 visible ASCII characters.');
  }
  const who = caller.kind === 'user' ? `user:${caller.userId}` : `${caller.kind}:${caller.address}`;
  const path = req.baseUrl + req.path;
  return {
    id: keyedHash(secret, 'record', who, req.method, path, key),
    fingerprint: keyedHash(secret, 'body', canonical(body), canonical(req.query)),
    nonce: req.get('X-Attempt-Id') ?? randomUUID(),
    lifetimeMs: recordLifetimeMs,
  };
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
