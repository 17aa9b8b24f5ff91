/** What is read of users and their sign-ins, from replicas. What is decided by it is decided again in the scripts. */
import { type Deadline, shopTimeMs } from '../core/clock.ts';
import type { Page } from '../core/page.ts';
import { pairsOf } from '../core/pairs.ts';
import type { Consistency, RequestContext, Role } from '../core/request.ts';
import type { Reads } from '../redis/reads/reads.ts';
import { runReadScript } from '../redis/run-script.ts';
import { adminsKey, emailKey, knownAddressesKey, knownAddressMs, listKey, sessionsKey, userKey } from './keys.ts';
import { type Account, accountOf } from './record.ts';
import { readSession, roleOf, type StoredSession } from './record-sessions.ts';
import { readScripts } from './scripts.ts';

/** See {@link createUserReads}. Everything throws Unavailable when there is no answer before the deadline. */
export type UserReads = {
  find(id: string, consistency: Consistency, deadline: Deadline): Promise<Account | undefined>;
  /**
   * The user who wants to sign in, and whether that user has signed in from this address of late. Takes as long when there is no such user.
   * @param addressHash as given to `SessionWrites.begin`
   */
  findForSignIn(
    email: string,
    addressHash: string,
    deadline: Deadline,
  ): Promise<{ readonly account: Account | undefined; readonly isKnownAddress: boolean }>;
  /** Newest first, after the user with the id `after`. `last` is where the next page begins, `undefined` on the last one. */
  page(after: string | undefined, limit: number, context: RequestContext): Promise<Page<Account>>;
  hasAdmin(deadline: Deadline): Promise<boolean>;
};

/** See {@link createSessionReads}. Everything throws Unavailable when there is no answer before the deadline. */
export type SessionReads = {
  /** The user's role; `undefined` when there is no such user. */
  role(userId: string, deadline: Deadline): Promise<Role | undefined>;
  /** A user's sign-ins that have not ended, the newest first. */
  list(userId: string, context: Pick<RequestContext, 'consistency' | 'deadline'>): Promise<StoredSession[]>;
  /** The user's role, if there is the user and the sign-in is active. */
  check(userId: string, sessionId: string, deadline: Deadline): Promise<Role | undefined>;
};

/** Creates the reads of users. */
export function createUserReads(reads: Reads): UserReads {
  return {
    async find(id, consistency, deadline) {
      const [found] = await reads.query(consistency, (pipeline) => pipeline.hgetall(userKey(id)), deadline);
      return accountOf(found);
    },

    async findForSignIn(email, addressHash, deadline) {
      const call = {
        keys: { address: emailKey(email), user: userKey(''), known: knownAddressesKey('') },
        args: { addressHash, noUser: 'no-such-user' },
      };
      const reading = { consistency: 'read-your-writes', deadline } as const;
      const { lastSignInMs, fields } = await runReadScript(reads, readScripts.readForSignIn, call, reading);
      const isKnownAddress = Number(lastSignInMs) > shopTimeMs() - knownAddressMs;
      return { account: accountOf(Object.fromEntries(pairsOf(fields as string[]))), isKnownAddress };
    },

    async page(after, limit, { consistency, deadline }) {
      const from = after === undefined ? '+' : `(${after}`;
      const [listed] = await reads.query(
        consistency,
        (pipeline) => pipeline.zrange(listKey, from, '-', 'BYLEX', 'REV', 'LIMIT', 0, limit + 1),
        deadline,
      );
      const ids = (listed as string[]).slice(0, limit);
      const last = (listed as string[]).length > limit ? ids.at(-1) : undefined;
      if (ids.length === 0) return { items: [], last };
      const found = await reads.query(
        consistency,
        (pipeline) => {
          for (const id of ids) pipeline.hgetall(userKey(id));
        },
        deadline,
      );
      return { items: found.map(accountOf).filter((each) => each !== undefined), last };
    },

    async hasAdmin(deadline) {
      const [count] = await reads.query('read-your-writes', (pipeline) => pipeline.scard(adminsKey), deadline);
      return Number(count) > 0;
    },
  };
}

/** Creates the reads of sign-ins. */
export function createSessionReads(reads: Reads): SessionReads {
  return {
    async role(userId, deadline) {
      const [role] = await reads.query(
        'read-your-writes',
        (pipeline) => pipeline.hget(userKey(userId), 'role'),
        deadline,
      );
      return role === null ? undefined : roleOf(role);
    },

    async list(userId, { consistency, deadline }) {
      const [held] = await reads.query(consistency, (pipeline) => pipeline.hgetall(sessionsKey(userId)), deadline);
      return Object.entries(held as Record<string, string>)
        .map(([id, stored]) => readSession(id, stored))
        .filter(({ endsAtMs }) => endsAtMs > shopTimeMs())
        .sort((a, b) => b.createdAtMs - a.createdAtMs);
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
