/** Every key of `users` in Redis: what it holds, and when it ends or why it never does. All under one hash tag. */
import { createHash } from 'node:crypto';
import { emailIdentity } from '../core/email.ts';

/** How long a used refresh token still gets its first answer, in ms after that answer was sent. */
export const graceMs = 30_000;
/**
 * The same when no answer was sent, in ms. While writes cannot be confirmed, a token can be exchanged in Redis without an answer. Its client
 * repeats the request, and must not be signed out when that lasts longer than {@link graceMs}.
 */
export const unansweredMs = 600_000;
/**
 * How much longer that answer is stored, in ms: replicas may differ a little in the shop's time. Each exchange deletes what is older, so that
 * no more is stored than the answers of 35 s, whatever clients do while the shop answers.
 */
export const graceMarginMs = 5000;
/** How many sign-ins a user may have at once; one more ends the oldest. */
export const maxSessions = 50;

/** Hash: one user, with the hash of the password and the key that seals stored answers. Ends with the user's deletion. */
export function userKey(id: string): string {
  return `{users}:user:${id}`;
}

/**
 * Text: the id of the user with this address. Ends with the user's deletion. A hash, so that no list of keys is one of addresses; without
 * a secret, because an address must stay taken when secrets change.
 */
export function emailKey(email: string): string {
  return `{users}:email:${createHash('sha256').update(emailIdentity(email)).digest('base64url')}`;
}

/** Sorted set, all scores 0: the ids of all users; as they are UUIDv7, their order is that of sign-up. Never ends. */
export const listKey = '{users}:list';

/** Set: the ids of all admins. Never ends and, once there is one, is never empty. */
export const adminsKey = '{users}:admins';

/** Hash: a user's sign-ins by id, as in record-sessions.ts; at most {@link maxSessions}. Ends a day after the last of them. */
export function sessionsKey(userId: string): string {
  return `{users}:sessions:${userId}`;
}

/** How long an address is known to an account after a sign-in from it, in ms. */
export const knownAddressMs = 30 * 24 * 3600 * 1000;
/** How many addresses an account knows: the latest. */
export const maxKnownAddresses = 50;

/**
 * Sorted set: keyed hashes of the addresses from which a user signed in, by the time of the last sign-in in ms since 1970; at most
 * {@link maxKnownAddresses}. Ends {@link knownAddressMs} after the last sign-in.
 */
export function knownAddressesKey(userId: string): string {
  return `{users}:known-addresses:${userId}`;
}

/**
 * Hash: `<session>:<generation>` → the sealed answer that this refresh token was exchanged for. Fields are deleted by later exchanges, by the
 * shop's time: a node whose clock is an hour ahead would end them when it becomes master. Without another exchange it ends after
 * {@link rotationsUnusedMs}.
 */
export const rotationsKey = '{users}:rotations';

/** When {@link rotationsKey} and {@link rotationEndsKey} end without another exchange, in ms: later than any clock that is an hour wrong. */
export const rotationsUnusedMs = 2 * 3_600_000;

/** Sorted set: the fields of {@link rotationsKey} by the time until which they are given again, in ms since 1970. */
export const rotationEndsKey = '{users}:rotation-ends';

/** Text: such an answer as 5eb7839 stored it. Ends after 30 s. */
export function oldRotationKey(sessionId: string, generation: number): string {
  return `{users}:successor:${sessionId}:${generation}`;
}

/**
 * Text: written by every request to end a sign-in, also where it has ended, so that a retry after a lost acknowledgement has a write to
 * wait for. Ends after a minute.
 */
export function revocationKey(sessionId: string): string {
  return `{users}:ending:${sessionId}`;
}
