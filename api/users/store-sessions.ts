/** Sign-ins in Redis. */
import { type Deadline, shopTimeMs } from '../core/clock.ts';
import { timeOfId } from '../core/ids.ts';
import { isNewCustomer } from '../core/new-customer.ts';
import { isRefusal, type Refusal } from '../core/outcome.ts';
import type { RequestContext, Role } from '../core/request.ts';
import { runKeyed } from '../redis/keyed.ts';
import type { ShopRedis } from '../redis/open.ts';
import { loadScript } from '../redis/script.ts';
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
  userKey,
} from './keys.ts';
import type { RefreshClaims } from './refresh-tokens.ts';
import type { Account } from './schema.ts';
import {
  readSession,
  type SessionLimits,
  type StoredSession,
  sessionIdleMs,
  storedUserAgent,
} from './session-record.ts';

const scripts = {
  login: loadScript(new URL('./lua/login.lua', import.meta.url)),
  refresh: loadScript(new URL('./lua/refresh.lua', import.meta.url), 'go-on'),
  logout: loadScript(new URL('./lua/logout.lua', import.meta.url), 'go-on'),
  endSessions: loadScript(new URL('./lua/end-sessions.lua', import.meta.url), 'go-on'),
};

const stream = '{users}:events';

/** What a write needs of the request. */
type Request = Pick<RequestContext, 'requestId' | 'deadline'>;

/** Which sign-ins of a user to end: one, all others than one, or all. */
export type SessionChoice =
  | { readonly which: 'one' | 'others'; readonly sessionId: string }
  | { readonly which: 'all' };

/** `missing`: no such user, or no such sign-in. `signed-out`: the caller's own sign-in has ended. */
export type SessionsEnded =
  | { readonly kind: 'ended'; readonly replayed: boolean }
  | { readonly kind: 'missing' }
  | { readonly kind: 'signed-out' };

/** `conflict`: the password is another than was compared. */
export type Begun = { readonly kind: 'begun'; readonly role: Role } | { readonly kind: 'conflict' };
/** `sealed`: the answer to this token, by the request that came first. `conflict`: the role is another than was read. */
export type Exchanged =
  | { readonly kind: 'exchanged'; readonly sealed: string }
  | { readonly kind: 'ended' }
  | { readonly kind: 'conflict' };

/** See {@link openSessionStore}. Everything throws Unavailable when it is not certain before the deadline. */
export type SessionStore = {
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
  /** The user's role; `undefined` when there is no such user. */
  role(userId: string, deadline: Deadline): Promise<Role | undefined>;
  /** Exchanges a token of ours. @param role in the answer @param sealed the answer, if this is the first exchange */
  exchange(token: RefreshClaims, role: Role, sealed: string, request: Request): Promise<Exchanged>;
  /** A user's sign-ins that have not ended, the newest first. */
  list(userId: string, context: Pick<RequestContext, 'consistency' | 'deadline'>): Promise<StoredSession[]>;
  /** Ends sign-ins of a user, as a signed-in caller asks for. A {@link Refusal} is the one of a reused Idempotency-Key. */
  endSessions(
    userId: string,
    choice: SessionChoice,
    caller: { readonly userId: string; readonly sessionId: string },
    context: RequestContext,
  ): Promise<SessionsEnded | Refusal>;
  /** Ends a sign-in, if it goes on. */
  end(userId: string, sessionId: string, request: Request): Promise<void>;
  /** The user's role, if there is the user and the sign-in goes on. */
  check(userId: string, sessionId: string, deadline: Deadline): Promise<Role | undefined>;
};

/**
 * Opens the store of sign-ins.
 * @param limits how long a sign-in lasts at most, by role
 * @param mostOfNew how many sign-ins a customer may have who signed up less than a day ago
 */
export function openSessionStore(
  { reads, writes }: Pick<ShopRedis, 'reads' | 'writes'>,
  limits: SessionLimits,
  mostOfNew: number = maxSessions,
): SessionStore {
  return {
    async begin({ id, role: roleRead, passwordHash }, sessionId, addressHash, { requestId, deadline, userAgent }) {
      const isLimited = mostOfNew < maxSessions && isNewCustomer(id, roleRead);
      const keys = [stream, userKey(id), sessionsKey(id), knownAddressesKey(id)];
      const most = isLimited ? mostOfNew : maxSessions;
      const which = [requestId, id, sessionId, passwordHash, most, storedUserAgent(userAgent)];
      const known = [addressHash, knownAddressMs, maxKnownAddresses];
      const args = [...which, sessionIdleMs, limits.customer, limits.admin, ...known, isLimited ? 'quietly' : ''];
      const [, result, role] = await writes.run(scripts.login, keys, args, deadline);
      if (result === 'conflict') return { kind: result };
      if (result === 'begun') return { kind: result, role: roleOf(role) };
      throw unknownResult(result);
    },
    async role(userId, deadline) {
      const [role] = await reads.query(
        'read-your-writes',
        (pipeline) => pipeline.hget(userKey(userId), 'role'),
        deadline,
      );
      return role === null ? undefined : roleOf(role);
    },
    async exchange({ userId, sessionId, generation }, role, sealed, { requestId, deadline }) {
      const keys = [
        stream,
        userKey(userId),
        sessionsKey(userId),
        rotationsKey,
        rotationEndsKey,
        revocationKey(sessionId),
        oldRotationKey(sessionId, generation),
      ];
      const lastEndMs = timeOfId(sessionId) + limits[role];
      const what = [requestId, userId, sessionId, generation, role, sealed];
      const args = [...what, graceMs, sessionIdleMs, lastEndMs, shopTimeMs(), graceMarginMs, rotationsUnusedMs];
      const [, result, kept] = await writes.run(scripts.refresh, keys, args, deadline);
      if (result === 'exchanged' && kept !== undefined) return { kind: result, sealed: kept };
      if (result === 'ended' || result === 'conflict') return { kind: result };
      throw unknownResult(result);
    },
    async list(userId, { consistency, deadline }) {
      const [held] = await reads.query(consistency, (pipeline) => pipeline.hgetall(sessionsKey(userId)), deadline);
      return Object.entries(held as Record<string, string>)
        .map(([id, stored]) => readSession(id, stored))
        .filter(({ endsAtMs }) => endsAtMs > shopTimeMs())
        .sort((a, b) => b.createdAtMs - a.createdAtMs);
    },
    async endSessions(userId, choice, caller, context) {
      const keys = [userKey(userId), sessionsKey(userId), sessionsKey(caller.userId)];
      const named = choice.which === 'all' ? '' : choice.sessionId;
      const args = [userId, choice.which, named, caller.sessionId];
      const reply = await runKeyed(writes, 'users', scripts.endSessions, keys, args, context);
      if (isRefusal(reply)) return reply;
      const { result, replayed } = reply;
      if (result === 'ended') return { kind: result, replayed };
      if (result === 'missing') return { kind: result };
      if (result === 'signed-out') return { kind: result };
      throw unknownResult(result);
    },
    async end(userId, sessionId, { requestId, deadline }) {
      const keys = [stream, sessionsKey(userId), revocationKey(sessionId)];
      const [, result] = await writes.run(scripts.logout, keys, [requestId, userId, sessionId], deadline);
      if (result !== 'ended') throw unknownResult(result);
    },
    async check(userId, sessionId, deadline) {
      const [role, held] = await reads.query(
        'read-your-writes',
        (pipeline) => pipeline.hget(userKey(userId), 'role').hget(sessionsKey(userId), sessionId),
        deadline,
      );
      if (role === null || typeof held !== 'string') return undefined;
      return readSession(sessionId, held).endsAtMs > shopTimeMs() ? roleOf(role) : undefined;
    },
  };
}

function roleOf(text: unknown): Role {
  if (text === 'customer' || text === 'admin') return text;
  throw new Error(`'${text}' is no role`);
}

function unknownResult(result: string | undefined): Error {
  return new Error(`a script replied '${result}', which its caller does not know`);
}
