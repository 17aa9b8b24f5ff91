/** What changes users in Redis: each change is one script, safe to repeat. */
import { eventStream } from '../contracts/events.ts';
import type { Deadline } from '../core/clock.ts';
import { isRefusal, type Refusal } from '../core/outcome.ts';
import { type RequestContext, wantedTags } from '../core/request.ts';
import type { Reply } from '../redis/define-script.ts';
import { runKeyedScript, runScript } from '../redis/run-script.ts';
import type { Writes } from '../redis/writes/writes.ts';
import { adminsKey, emailKey, knownAddressesKey, listKey, sessionsKey, userKey } from './keys.ts';
import { type Account, fieldsOf, sealUser, type User, unsealUser, user } from './record.ts';
import type { Changes } from './schema.ts';
import { scripts } from './scripts.ts';
import type { UserReads } from './store-reads.ts';

/** The user to change, as it was read; `read` is `undefined` if there was none. */
export type Before = { readonly id: string; readonly read: Account | undefined };

/** Nothing was done: no such user, the user has changed since it was read (`conflict`), or it is not what If-Match names (`stale`). */
type Undone = { readonly kind: 'missing' | 'stale' } | { readonly kind: 'conflict' };
type LastAdmin = { readonly kind: 'last-admin'; readonly replayed: boolean };
/** The request was answered before, with a user that has been deleted since. */
type Gone = { readonly kind: 'gone' };

/** Outcomes of the writes below; a {@link Refusal} is the one of a reused Idempotency-Key. */
type Created = (
  | { readonly kind: 'created'; readonly user: User; readonly replayed: boolean }
  | { readonly kind: 'taken'; readonly replayed: boolean }
  | Gone
) & {
  /** Hash of the password with which this request came first: a repetition must have the same. */
  readonly passwordHash: string;
};
/** See {@link Created}. */
type Saved = { readonly kind: 'saved'; readonly user: User; readonly replayed: boolean } | LastAdmin | Gone | Undone;
/** See {@link Created}. `ended`: the sign-in that asks has ended. */
type Removed =
  | { readonly kind: 'deleted'; readonly replayed: boolean }
  | { readonly kind: 'ended' }
  | LastAdmin
  | Undone;
/** See {@link Created}. `oldHash`, `newHash`: of the passwords with which this request came first, because a repetition must have the same. */
type PasswordSet =
  | { readonly kind: 'set'; readonly replayed: boolean; readonly oldHash: string; readonly newHash: string }
  | { readonly kind: 'wrong' | 'weak' }
  | Undone;
/** A new password's hash, or why there is none (`wrong`: the present one; `weak`: the new one). */
export type NewPassword = { readonly hash: string } | 'wrong' | 'weak';
/** Result of making the first admin. */
export type FirstAdmin = 'created' | 'there-is-one' | 'taken';

/** See {@link createUserWrites}. Everything throws Unavailable when it is not certain before the deadline. */
export type UserWrites = {
  create(made: Account, context: RequestContext): Promise<Created | Refusal>;
  createFirstAdmin(made: Account, requestId: string, deadline: Deadline): Promise<FirstAdmin>;
  /**
   * @param next the user after the change; `undefined` if and only if none was read
   * @param changes the fields that the request names: a repetition names the same, so they are not stored with its answer
   */
  save(before: Before, next: User | undefined, changes: Changes, context: RequestContext): Promise<Saved | Refusal>;
  /** @param sessionId the sign-in that must be active, if any */
  remove(before: Before, sessionId: string | undefined, context: RequestContext): Promise<Removed | Refusal>;
  /** @param sessionId the sign-in that stays */
  setPassword(
    before: Before,
    next: NewPassword,
    sessionId: string,
    context: RequestContext,
  ): Promise<PasswordSet | Refusal>;
};

/** Creates the writes. @param reads find the user that an earlier answer showed */
export function createUserWrites(writes: Writes, reads: Pick<UserReads, 'find'>): UserWrites {
  return {
    async create(made, context) {
      const { id, email, role, passwordHash: hash } = made;
      const keys = { user: userKey(id), address: emailKey(email), list: listKey, admins: adminsKey };
      const args = { id, role, hash, fields: fieldsOf(made) };
      const reply = await runKeyedScript(writes, 'users', scripts.create, { keys, args }, context);
      if (isRefusal(reply)) return reply;
      const { replayed, hash: passwordHash } = reply;
      if (reply.result === 'taken') return { kind: 'taken', replayed, passwordHash };
      const found = reply.id === id ? made : await reads.find(reply.id, 'read-your-writes', context.deadline);
      if (found === undefined) return { kind: 'gone', passwordHash };
      return { kind: 'created', user: firstAnswered(made, found), replayed, passwordHash };
    },

    async createFirstAdmin(made, requestId, deadline) {
      const keys = {
        stream: eventStream('users'),
        user: userKey(made.id),
        address: emailKey(made.email),
        list: listKey,
        admins: adminsKey,
      };
      const args = { request: requestId, id: made.id, fields: fieldsOf(made) };
      return (await runScript(writes, scripts.firstAdmin, { keys, args }, deadline)).result;
    },

    async save(before, next, changes, context) {
      const keys = { user: userKey(before.id), admins: adminsKey };
      const args = {
        ...conditionsOf(before, context),
        first: next?.firstName ?? '',
        last: next?.lastName ?? '',
        role: next?.role ?? '',
        updated: next?.updatedAtMs ?? '',
        nextVersion: next?.version ?? '',
        sealed: before.read === undefined || next === undefined ? '' : sealUser(before.read, next, changes),
        ownSession: ownSession(before.id, context),
      };
      const reply = await runKeyedScript(writes, 'users', scripts.update, { keys, args }, context);
      return isRefusal(reply) ? reply : savedOf(reply, before, changes);
    },

    async remove(before, sessionId, context) {
      const { id, read } = before;
      const keys = {
        user: userKey(id),
        address: emailKey(read?.email ?? ''),
        list: listKey,
        admins: adminsKey,
        sessions: sessionsKey(id),
        known: knownAddressesKey(id),
      };
      const args = {
        ...conditionsOf(before, context),
        session: sessionId ?? '',
        ownSession: ownSession(id, context),
      };
      const reply = await runKeyedScript(writes, 'users', scripts.remove, { keys, args }, context);
      return isRefusal(reply) ? reply : removedOf(reply);
    },

    async setPassword(before, next, sessionId, context) {
      const keys = { user: userKey(before.id), sessions: sessionsKey(before.id) };
      const args = {
        ...conditionsOf(before, context),
        hash: before.read?.passwordHash ?? '',
        verdict: typeof next === 'string' ? next : 'ok',
        newHash: typeof next === 'string' ? '' : next.hash,
        session: sessionId,
      };
      const reply = await runKeyedScript(writes, 'users', scripts.password, { keys, args }, context);
      return isRefusal(reply) ? reply : passwordSetOf(reply);
    },
  };
}

/** What a change depends on: the version that was read, and the tags that If-Match names. */
function conditionsOf({ id, read }: Before, context: RequestContext) {
  return { id, readVersion: read === undefined ? '' : String(read.version), tags: wantedTags(context) };
}

/** The caller's sign-in if the user is the caller: a change may take from it the right to ask again. */
function ownSession(userId: string, { caller }: RequestContext): string {
  return caller.kind === 'user' && caller.userId === userId ? caller.sessionId : '';
}

/** A user as its sign-up was answered first. A repetition has the same body, so what it names needs no storing. */
function firstAnswered(made: Account, { id, createdAtMs }: Account): User {
  return user.parse({ ...made, id, createdAtMs, updatedAtMs: createdAtMs });
}

function savedOf(reply: Reply<(typeof scripts.update)['replies']>, { read }: Before, changes: Changes): Saved {
  const { result: kind, replayed } = reply;
  if (kind === 'last-admin') return { kind, replayed };
  if (kind !== 'saved') return { kind };
  return read === undefined ? { kind: 'gone' } : { kind, user: unsealUser(read, changes, reply.sealed), replayed };
}

function removedOf({ result: kind, replayed }: Reply<(typeof scripts.remove)['replies']>): Removed {
  return kind === 'deleted' || kind === 'last-admin' ? { kind, replayed } : { kind };
}

function passwordSetOf(reply: Reply<(typeof scripts.password)['replies']>): PasswordSet {
  if (reply.result !== 'set') return { kind: reply.result };
  const { replayed, oldHash, newHash } = reply;
  return { kind: 'set', replayed, oldHash, newHash };
}
