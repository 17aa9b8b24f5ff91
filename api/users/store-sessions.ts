/** What changes sign-ins in Redis: each change is one script, safe to repeat. */
import { eventStream } from '../contracts/events.ts';
import { type Deadline, shopTimeMs } from '../core/clock.ts';
import { timeOfId } from '../core/ids.ts';
import { isRefusal, type Refusal } from '../core/outcome.ts';
import { type RequestContext, type Role, wantedTags } from '../core/request.ts';
import { runKeyedScript, runScript } from '../redis/run-script.ts';
import type { Writes } from '../redis/writes/writes.ts';
import {
  graceMarginMs,
  graceMs,
  knownAddressesKey,
  knownAddressMs,
  maxKnownAddresses,
  maxSessions,
  oldRotationKey,
  revocationKey,
  rotationEndsKey,
  rotationsKey,
  rotationsUnusedMs,
  sessionsKey,
  unansweredMs,
  userKey,
} from './keys.ts';
import type { Account } from './record.ts';
import { roleOf, type SessionLimits, sessionIdleMs, storedUserAgent } from './record-sessions.ts';
import type { RefreshClaims } from './refresh-tokens.ts';
import { scripts } from './scripts.ts';

const stream = eventStream('users');

/** What a write needs of the request. */
type Request = { readonly requestId: string; readonly deadline: Deadline };

/** The list of sign-ins that If-Match is compared with, as it was read: its entity tag and ids. One that began after that is not ended. */
type ListRead = { readonly tag: string; readonly ids: readonly string[] };

/** Which sign-ins of a user to end: one, all others than one, or all. */
export type SessionChoice =
  | { readonly which: 'one'; readonly sessionId: string }
  | { readonly which: 'others'; readonly sessionId: string; readonly read?: ListRead | undefined }
  | { readonly which: 'all' };

/** `missing`: no such user, or no such sign-in. `signed-out`: the caller's own sign-in has ended. `stale`: If-Match names another tag. */
type SessionsEnded =
  | { readonly kind: 'ended'; readonly replayed: boolean }
  | { readonly kind: 'missing' | 'signed-out' | 'stale' };

/** `conflict`: the password has changed since it was compared. */
type Begun = { readonly kind: 'begun'; readonly role: Role } | { readonly kind: 'conflict' };
/** `sealed`: the answer to this token, by the request that came first. `conflict`: the role has changed since it was read. */
type Exchanged =
  | { readonly kind: 'exchanged'; readonly sealed: string }
  | { readonly kind: 'ended' }
  | { readonly kind: 'conflict' };

/** See {@link createSessionWrites}. Everything throws Unavailable when it is not certain before the deadline. */
export type SessionWrites = {
  /**
   * Begins a sign-in of a user whose password was compared with the hash in `read`; may end the oldest of too many.
   * @param addressHash a keyed hash of the address that it comes from
   */
  begin(
    read: Account,
    sessionId: string,
    addressHash: string,
    request: Request & Pick<RequestContext, 'userAgent'>,
  ): Promise<Begun>;
  /** Exchanges a token that the shop issued. @param role in the answer @param sealed the answer, if this is the first exchange */
  exchange(token: RefreshClaims, role: Role, sealed: string, request: Request): Promise<Exchanged>;
  /** Ends sign-ins of a user, as a signed-in caller asks for. A {@link Refusal} is the one of a reused Idempotency-Key. */
  endSessions(
    userId: string,
    choice: SessionChoice,
    caller: { readonly userId: string; readonly sessionId: string },
    context: RequestContext,
  ): Promise<SessionsEnded | Refusal>;
  /** Ends a sign-in, if it is active. */
  end(userId: string, sessionId: string, request: Request): Promise<void>;
};

/**
 * Creates the writes.
 * @param limits how long a sign-in lasts at most, by role
 */
export function createSessionWrites(writes: Writes, limits: SessionLimits): SessionWrites {
  return {
    async begin({ id, passwordHash }, sessionId, addressHash, { requestId, deadline, userAgent }) {
      const keys = { stream, user: userKey(id), sessions: sessionsKey(id), known: knownAddressesKey(id) };
      const args = {
        request: requestId,
        id,
        session: sessionId,
        hash: passwordHash,
        mostSessions: maxSessions,
        userAgent: storedUserAgent(userAgent),
        idleMs: sessionIdleMs,
        maxMs: limits.customer,
        adminMaxMs: limits.admin,
        addressHash,
        knownMs: knownAddressMs,
        mostKnown: maxKnownAddresses,
      };
      const reply = await runScript(writes, scripts.login, { keys, args }, deadline);
      return reply.result === 'begun' ? { kind: 'begun', role: roleOf(reply.role) } : { kind: reply.result };
    },

    async exchange(claims, role, sealed, { requestId, deadline }) {
      const lastEndMs = timeOfId(claims.sessionId) + limits[role];
      const call = refreshCall(claims, { role, sealed, lastEndMs }, requestId);
      const reply = await runScript(writes, scripts.refresh, call, deadline);
      if (reply.result !== 'exchanged') return { kind: reply.result };
      // Not waited for. If it is lost, the used token gets its first answer for longer.
      void runScript(
        writes,
        scripts.refreshAnswered,
        {
          keys: { rotationEnds: rotationEndsKey },
          args: { session: claims.sessionId, tokenGeneration: claims.generation, endMs: shopTimeMs() + graceMs },
        },
        deadline,
      ).catch(() => undefined);
      return { kind: 'exchanged', sealed: reply.sealed };
    },

    async endSessions(userId, choice, caller, context) {
      const keys = {
        user: userKey(userId),
        sessions: sessionsKey(userId),
        callerSessions: sessionsKey(caller.userId),
      };
      const named = choice.which === 'all' ? '' : choice.sessionId;
      const { tag = '', ids } = (choice.which === 'others' && choice.read) || {};
      const args = {
        id: userId,
        which: choice.which,
        named,
        ownSession: caller.sessionId,
        tags: wantedTags(context),
        tag,
        listed: ids === undefined ? '' : `,${ids.join(',')},`,
      };
      const reply = await runKeyedScript(writes, 'users', scripts.endSessions, { keys, args }, context);
      if (isRefusal(reply)) return reply;
      const { result: kind, replayed } = reply;
      return kind === 'ended' ? { kind, replayed } : { kind };
    },

    async end(userId, sessionId, { requestId, deadline }) {
      const keys = { stream, sessions: sessionsKey(userId), revocation: revocationKey(sessionId) };
      const args = { request: requestId, id: userId, session: sessionId };
      await runScript(writes, scripts.logout, { keys, args }, deadline);
    },
  };
}

/** Keys and arguments of refresh.lua. @param next the answer if this is the first exchange, its role, and the latest end of the sign-in */
function refreshCall(
  { userId, sessionId, generation }: RefreshClaims,
  next: { readonly role: Role; readonly sealed: string; readonly lastEndMs: number },
  requestId: string,
) {
  return {
    keys: {
      stream,
      user: userKey(userId),
      sessions: sessionsKey(userId),
      rotations: rotationsKey,
      rotationEnds: rotationEndsKey,
      revocation: revocationKey(sessionId),
      oldRotation: oldRotationKey(sessionId, generation),
    },
    args: {
      ...next,
      request: requestId,
      id: userId,
      session: sessionId,
      tokenGeneration: generation,
      unansweredMs,
      idleMs: sessionIdleMs,
      shopTimeMs: shopTimeMs(),
      marginMs: graceMarginMs,
      unusedMs: rotationsUnusedMs,
    },
  };
}
