/** How a sign-in is stored, and how long it lasts. */

import { timeOfId } from '../core/ids.ts';
import type { Role } from '../core/request.ts';

/** A sign-in ends this long after its last refresh, in ms. */
export const sessionIdleMs = 30 * 24 * 3600 * 1000;

/** How much of `User-Agent` is stored, in characters: enough to tell one browser from another, little enough for 50 sign-ins of each user. */
const maxUserAgentLength = 48;
/** What every browser sends for compatibility, and all but the first number of a version. */
const sameInAll =
  /^Mozilla\/5\.0 |AppleWebKit\/[\d.]+ ?|\(KHTML, like Gecko\) ?|Gecko\/\d+ ?| Safari\/537\.36\b|(?<=\/\d+)\.[\d.]+/g;

/** How long a sign-in lasts at most, however often it is refreshed, in ms. */
export type SessionLimits = Readonly<Record<Role, number>>;

/** One sign-in of a user; times in ms since 1970. `lastUsedAtMs` is the time of the sign-in or of its last refresh. */
export type StoredSession = {
  readonly id: string;
  readonly createdAtMs: number;
  readonly lastUsedAtMs: number;
  readonly endsAtMs: number;
  readonly userAgent: string | undefined;
};

/**
 * Reads a field of the hash: `<generation>:<end>:<last use>:<user agent>`, the last use empty until the first refresh; or
 * `<generation>:<end>` as 5eb7839 stored it. Without a last use it was {@link sessionIdleMs} before the end, or at the beginning. The
 * id is a UUIDv7, so it says when the sign-in began.
 */
export function readSession(id: string, stored: string): StoredSession {
  const [, ends, lastUsed, userAgent] = /^\d+:(\d+)(?::(\d*):(.*))?$/s.exec(stored) ?? [];
  if (ends === undefined) throw new Error(`the stored sign-in ${id} cannot be read`);
  const endsAtMs = Number(ends);
  const createdAtMs = timeOfId(id);
  return {
    id,
    createdAtMs,
    lastUsedAtMs: lastUsed ? Number(lastUsed) : Math.max(createdAtMs, endsAtMs - sessionIdleMs),
    endsAtMs,
    userAgent: userAgent === '' ? undefined : userAgent,
  };
}

/** A `User-Agent` as it is stored: `(X11; Linux x86_64) Chrome/120` of what Chrome sends. */
export function storedUserAgent(userAgent: string | undefined): string {
  return (userAgent ?? '').slice(0, 1000).replace(sameInAll, '').slice(0, maxUserAgentLength).toWellFormed();
}

/** A stored role. @throws when the text is not a role */
export function roleOf(text: unknown): Role {
  if (text === 'customer' || text === 'admin') return text;
  throw new Error(`'${text}' is no role`);
}
