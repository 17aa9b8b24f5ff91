/** What the checks of access tokens (tokens.ts) and of credentials of internal calls (credentials.ts) share: both are JWTs (RFC 7519). */
import jwt from 'jsonwebtoken';
import { shopTimeSeconds } from '../core/clock.ts';

/** How far the clocks of two machines may be apart, in seconds. */
export const clockSkewSeconds = 5;

/** When a token begins and ends, in seconds since 1970. */
export type TokenTimes = { readonly iat: number; readonly exp: number };

/** Whether the times of a token that was verified before are still good: not expired, and {@link isShortLived}. */
export function isInTime(times: TokenTimes, maxSeconds: number): boolean {
  return shopTimeSeconds() < times.exp + clockSkewSeconds && isShortLived(times, maxSeconds);
}

/** Whether a token began before now and lives at most `maxSeconds`, give or take the clocks' difference. */
export function isShortLived({ iat, exp }: TokenTimes, maxSeconds: number): boolean {
  return exp - iat <= maxSeconds && iat <= shopTimeSeconds() + clockSkewSeconds;
}

/** What a JWT says, not yet verified; `undefined` when it is not a JWT. */
export function decodeJwt(token: string): jwt.Jwt | undefined {
  try {
    return jwt.decode(token, { complete: true }) ?? undefined;
  } catch {
    return undefined; // jsonwebtoken throws where the header says JWT and the payload is not JSON
  }
}

/** Adds an entry to a map of at most `maxSize` entries: the oldest makes room. */
export function remember<T>(map: Map<string, T>, key: string, value: T, maxSize: number): void {
  if (map.size >= maxSize) map.delete(map.keys().next().value ?? '');
  map.set(key, value);
}
