/** Access tokens (RFC 9068, RFC 8725): signed by `users` alone, verified by every service with its public keys. */
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { z } from 'zod';
import type { TokenClaims } from '../contracts/claims.ts';
import { accessTokenSeconds } from '../contracts/events.ts';
import { type Deadline, monotonicMs, remainingMs, shopTimeSeconds, within } from '../core/clock.ts';
import { Unavailable } from '../core/outcome.ts';
import { clockSkewSeconds, decodeJwt, isInTime, isShortLived, remember } from './jwt.ts';

/** Who issues the tokens and for whom. */
export const issuer = 'evergreen-users';
/** See {@link issuer}. */
export const audience = 'evergreen';
/** The only algorithm that is accepted: ECDSA on P-256. */
export const algorithm = 'ES256';

const claims = z.object({
  sub: z.string(),
  sid: z.string(),
  role: z.enum(['customer', 'admin']),
  jti: z.string().min(1),
  iat: z.number(),
  exp: z.number(),
});

/** A public key as in the JWKS document (RFC 7517). */
export type PublicJwk = JsonWebKey & { readonly kid: string };

/**
 * Verifies a token; `undefined` when it is not a valid one.
 * @param requestId of the request that brings the token: a fetch of the keys carries it
 * @throws Unavailable while the keys cannot be fetched
 */
export type TokenVerifier = (token: string, requestId: string, deadline: Deadline) => Promise<TokenClaims | undefined>;

/** Keys older than this are fetched in the background, those older than the second before they are used, in ms. */
const backgroundAgeMs = 60_000;
const maxAgeMs = 120_000;
/** The shortest time between two fetches, so that made-up key ids cannot flood `users`. */
const fetchIntervalMs = 5000;
/** How long a token waits for keys that are due, while older ones are known. */
const fetchWaitMs = 500;

/** A token that was verified: with which key, and what it says. Times in seconds since 1970. */
type Verified = {
  readonly kid: string;
  readonly key: KeyObject;
  readonly iat: number;
  readonly exp: number;
  readonly claims: TokenClaims;
};

/** How many verified tokens are remembered; the oldest is forgotten first. */
const maxRemembered = 10_000;

/**
 * Makes a verifier. The keys are fetched at the first token, again every minute or two, and at once when a token names an unknown key,
 * at most every 5 s. While they cannot be fetched, those that are known stay in use, so tokens are accepted while `users` restarts.
 *
 * A signature is checked once for each token and fetch of the keys: that costs 0.1 ms, more than all else about a token. Its times are checked
 * each time, and so are revocations (sessions.ts).
 */
export function tokenVerifier(fetchKeys: (requestId: string) => Promise<readonly PublicJwk[]>): TokenVerifier {
  const keys = openKeys(fetchKeys);
  const remembered = new Map<string, Verified>();
  return async (token, requestId, deadline) => {
    const known = remembered.get(token);
    const kid = known?.kid ?? keyIdOf(token);
    const key = kid === undefined ? undefined : await keys(kid, requestId, deadline);
    if (kid === undefined || key === undefined) return undefined;
    if (known?.key === key && isInTime(known, accessTokenSeconds)) return known.claims;
    const verified = verifyToken(token, kid, key);
    remembered.delete(token);
    if (verified === undefined) return undefined;
    remember(remembered, token, verified, maxRemembered);
    return verified.claims;
  };
}

/** The id of the key in a token's header; `undefined` when it is not an access token. */
function keyIdOf(token: string): string | undefined {
  const header = decodeJwt(token)?.header;
  const isAccessToken = header?.typ === 'at+jwt' && header.alg === algorithm;
  return isAccessToken && typeof header.kid === 'string' ? header.kid : undefined;
}

/** What a token says, if it was signed with this key, is valid now, and lives no longer than `users` makes them. */
function verifyToken(token: string, kid: string, key: KeyObject): Verified | undefined {
  try {
    const times = { clockTimestamp: shopTimeSeconds(), clockTolerance: clockSkewSeconds };
    const options: jwt.VerifyOptions = { algorithms: [algorithm], issuer, audience, ...times };
    const { sub, sid, role, iat, exp } = claims.parse(jwt.verify(token, key, options));
    if (!isShortLived({ iat, exp }, accessTokenSeconds)) return undefined;
    return { kid, key, iat, exp, claims: { userId: sub, sessionId: sid, role } };
  } catch {
    return undefined;
  }
}

/** The public keys by id, as fresh as {@link tokenVerifier} says. */
function openKeys(fetchKeys: (requestId: string) => Promise<readonly PublicJwk[]>) {
  let keys = new Map<string, KeyObject>();
  let fetchedAtMs = Number.NEGATIVE_INFINITY;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  let fetching: Promise<void> | undefined;

  function fetchNow(requestId: string): Promise<void> {
    askedAtMs = monotonicMs();
    fetching ??= fetchKeys(requestId)
      .then((list) => {
        keys = new Map(list.map((jwk) => [jwk.kid, createPublicKey({ key: jwk, format: 'jwk' })]));
        fetchedAtMs = monotonicMs();
      })
      .finally(() => {
        fetching = undefined;
      });
    fetching.catch(() => undefined);
    return fetching;
  }

  return async (kid: string, requestId: string, deadline: Deadline): Promise<KeyObject | undefined> => {
    const ageMs = monotonicMs() - fetchedAtMs;
    const mayFetch = keys.size === 0 || fetching !== undefined || monotonicMs() - askedAtMs >= fetchIntervalMs;
    const isNeeded = !keys.has(kid) || ageMs >= maxAgeMs;
    if (mayFetch && isNeeded) {
      const waitMs = keys.size === 0 ? remainingMs(deadline) : Math.min(fetchWaitMs, remainingMs(deadline));
      await within(fetchNow(requestId), waitMs).catch(() => undefined);
    } else if (mayFetch && ageMs >= backgroundAgeMs) void fetchNow(requestId);
    if (keys.size === 0) throw new Unavailable('the keys that verify tokens are not available');
    return keys.get(kid);
  };
}
