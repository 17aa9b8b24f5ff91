/** How a sign-in is stored, and how long it lasts. */

import { timeOfId } from '../core/ids.ts';
import type { Role } from '../core/request.ts';

/** A sign-in ends this long after its last refresh, in ms. */
export const sessionIdleMs = 30 * 24 * 3600 * 1000;

/** How much of `User-Agent` is stored: enough to tell one browser from another. */
const maxUserAgentLength = 100;

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
 * Reads a field of the hash: `<generation>:<end>:<last use>:<user agent>`, or the older `<generation>:<end>`, which was always stored
 * {@link sessionIdleMs} before its end. The id is a UUIDv7, so it says when the sign-in began.
 */
export function readSession(id: string, stored: string): StoredSession {
  const [, ends, lastUsed, userAgent] = /^\d+:(\d+)(?::(\d+):(.*))?$/s.exec(stored) ?? [];
  if (ends === undefined) throw new Error(`the stored sign-in ${id} cannot be read`);
  const endsAtMs = Number(ends);
  return {
    id,
    createdAtMs: timeOfId(id),
    lastUsedAtMs: lastUsed === undefined ? endsAtMs - sessionIdleMs : Number(lastUsed),
    endsAtMs,
    userAgent: userAgent === '' ? undefined : userAgent,
  };
}

/** A `User-Agent` as it is stored. */
export function storedUserAgent(userAgent: string | undefined): string {
  return (userAgent ?? '').slice(0, maxUserAgentLength).toWellFormed();
}
