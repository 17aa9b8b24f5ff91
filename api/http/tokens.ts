/** Access tokens (RFC 9068, RFC 8725): signed by `users` alone, verified by everybody with its public keys. */
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { z } from 'zod';
import type { TokenClaims } from '../contracts/claims.ts';
import { type Deadline, monotonicMs, within } from '../core/clock.ts';
import { Unavailable } from '../core/outcome.ts';

/** Who issues the tokens and for whom. */
export const issuer = 'evergreen-users';
/** See {@link issuer}. */
export const audience = 'evergreen';
/** The only algorithm that is accepted: ECDSA on P-256. */
export const algorithm = 'ES256';

const claims = z.object({ sub: z.string(), sid: z.string(), role: z.enum(['customer', 'admin']) });

/** A public key as in the JWKS document (RFC 7517). */
export type PublicJwk = JsonWebKey & { readonly kid: string };

/** Verifies a token; `undefined` when it is not a valid one. @throws Unavailable while the keys cannot be had */
export type TokenVerifier = (token: string, deadline: Deadline) => Promise<TokenClaims | undefined>;

const refetchMs = 5000;

/**
 * Makes a verifier. The keys are fetched at the first token and again when one names a key that is not known, at most every 5 s.
 * @param fetchKeys asks for the present keys; its failure only matters while none are known
 */
export function tokenVerifier(fetchKeys: () => Promise<readonly PublicJwk[]>): TokenVerifier {
  let keys = new Map<string, KeyObject>();
  let fetchedAtMs = Number.NEGATIVE_INFINITY;
  let fetching: Promise<void> | undefined;

  function refresh(): Promise<void> {
    fetching ??= fetchKeys()
      .then((list) => {
        keys = new Map(list.map((jwk) => [jwk.kid, createPublicKey({ key: jwk, format: 'jwk' })]));
        fetchedAtMs = monotonicMs();
      })
      .finally(() => {
        fetching = undefined;
      });
    return fetching;
  }

  async function keyFor(kid: string, deadline: Deadline): Promise<KeyObject | undefined> {
    const known = keys.get(kid);
    if (known !== undefined || monotonicMs() - fetchedAtMs < refetchMs) return known;
    await within(refresh(), Math.max(0, deadline.atMs - monotonicMs())).catch(() => undefined);
    if (keys.size === 0) throw new Unavailable('the keys that verify tokens cannot be had');
    return keys.get(kid);
  }

  return async (token, deadline) => {
    const header = jwt.decode(token, { complete: true })?.header;
    if (header?.typ !== 'at+jwt' || typeof header.kid !== 'string' || header.alg !== algorithm) return undefined;
    const key = await keyFor(header.kid, deadline);
    if (key === undefined) return undefined;
    try {
      const { sub, sid, role } = claims.parse(
        jwt.verify(token, key, { algorithms: [algorithm], issuer, audience, clockTolerance: 5 }),
      );
      return { userId: sub, sessionId: sid, role };
    } catch {
      return undefined;
    }
  };
}
