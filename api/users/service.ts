/** Users: sign-up, reading, changing, deleting; and what an admin may do to others. */
import { type Deadline, shopTimeMs } from '../core/clock.ts';
import { newId } from '../core/ids.ts';
import { invalid, isRefusal, type Refusal, refuse } from '../core/outcome.ts';
import type { Page } from '../core/page.ts';
import type { RequestContext } from '../core/request.ts';
import { retryOnConflict } from '../core/retry-on-conflict.ts';
import { keyReused } from '../redis/keyed.ts';
import type { Passwords } from './passwords.ts';
import type { Account, User } from './record.ts';
import { type Changes, madeOfOwnName, type PasswordChange, type SignUp } from './schema.ts';
import { newSealKey } from './sealed.ts';
import type { Before, NewPassword, UserWrites } from './store.ts';
import type { UserReads } from './store-reads.ts';
import { isMadeOfOwnName } from './weak-passwords.ts';

/** A user as answered, perhaps again. */
export type Answered = { readonly user: User; readonly replayed: boolean };
/** Done, perhaps before. */
export type Done = { readonly replayed: boolean };

/** The signed-in user of a request. */
export type SignedIn = { readonly userId: string; readonly sessionId: string };

/** See {@link openUsers}. Everything throws Unavailable when it is not certain before the deadline. */
export type Users = {
  signUp(wish: SignUp, context: RequestContext): Promise<Answered | Refusal>;
  get(id: string, context: RequestContext): Promise<User | Refusal>;
  /** A page of the users, newest first, after the index member `after`. */
  list(after: string | undefined, limit: number, context: RequestContext): Promise<Page<User>>;
  change(id: string, wish: Changes, context: RequestContext): Promise<Answered | Refusal>;
  /** @param who set when users delete themselves: their sign-in must still go on */
  remove(id: string, who: SignedIn | undefined, context: RequestContext): Promise<Done | Refusal>;
  changePassword(who: SignedIn, wish: PasswordChange, context: RequestContext): Promise<Done | Refusal>;
};

/** Opens the rules of users. */
export function openUsers(store: UserReads & UserWrites, passwords: Passwords): Users {
  async function before(id: string, { deadline }: RequestContext): Promise<Before> {
    return { id, read: await store.find(id, 'read-your-writes', deadline) };
  }

  /** Whether a password is the one of the first request under this key. @param ownHash its hash by this request */
  async function isSame(firstHash: string, password: string, ownHash: string, deadline: Deadline): Promise<boolean> {
    return firstHash === ownHash || passwords.verify(firstHash, password, deadline);
  }

  async function nextPassword(
    read: Account | undefined,
    current: string,
    next: string,
    deadline: Deadline,
  ): Promise<NewPassword> {
    const isRight = await passwords.verify(read?.passwordHash, current, deadline);
    if (!isRight || read === undefined) return 'wrong';
    return isMadeOfOwnName(next, read) ? 'weak' : { hash: await passwords.hash(next, deadline) };
  }

  return {
    async signUp({ password, ...person }, context) {
      const passwordHash = await passwords.hash(password, context.deadline);
      const outcome = await store.create(newAccount({ ...person, role: 'customer', passwordHash }), context);
      if (isRefusal(outcome)) return outcome;
      if (!(await isSame(outcome.passwordHash, password, passwordHash, context.deadline))) return keyReused();
      switch (outcome.kind) {
        case 'created':
          return outcome;
        case 'taken':
          return { ...refuse('email-taken', 'A user with this address exists.'), replayed: outcome.replayed };
        case 'gone':
          return notFound();
      }
    },

    async get(id, { consistency, deadline }) {
      return (await store.find(id, consistency, deadline)) ?? notFound();
    },

    list: (after, limit, context) => store.page(after, limit, context),

    async change(id, wish, context) {
      const outcome = await retryOnConflict(context.deadline, async () => {
        const found = await before(id, context);
        return store.save(found, found.read && changed(found.read, wish, shopTimeMs()), wish, context);
      });
      if (isRefusal(outcome)) return outcome;
      switch (outcome.kind) {
        case 'saved':
          return outcome;
        case 'last-admin':
          return lastAdmin(outcome);
        case 'stale':
          return stale();
        case 'missing':
        case 'gone':
          return notFound();
      }
    },

    async remove(id, who, context) {
      const outcome = await retryOnConflict(context.deadline, async () =>
        store.remove(await before(id, context), who?.sessionId, context),
      );
      if (isRefusal(outcome)) return outcome;
      switch (outcome.kind) {
        case 'deleted':
          return outcome;
        case 'last-admin':
          return lastAdmin(outcome);
        case 'stale':
          return stale();
        case 'ended':
          return refuse('session-ended', 'Sign in again.');
        case 'missing':
          return notFound();
      }
    },

    async changePassword({ userId, sessionId }, { currentPassword, newPassword }, context) {
      const { deadline } = context;
      let ownHash = '';
      const outcome = await retryOnConflict(deadline, async () => {
        const found = await before(userId, context);
        const next = await nextPassword(found.read, currentPassword, newPassword, deadline);
        ownHash = typeof next === 'string' ? '' : next.hash;
        // Also when it is refused: the present password is wrong for a repetition, too, whose first attempt set the new one.
        return store.setPassword(found, next, sessionId, context);
      });
      if (isRefusal(outcome)) return outcome;
      switch (outcome.kind) {
        case 'set': {
          const isRepeated =
            (await isSame(outcome.newHash, newPassword, ownHash, deadline)) &&
            (outcome.newHash === ownHash || (await passwords.verify(outcome.oldHash, currentPassword, deadline)));
          return isRepeated ? outcome : keyReused();
        }
        case 'stale':
          return stale();
        case 'wrong':
          return invalid([{ pointer: '#/currentPassword', detail: 'is not your password' }]);
        case 'weak':
          return invalid([{ pointer: '#/newPassword', detail: madeOfOwnName }]);
        case 'missing':
          return refuse('session-ended', 'This user has been deleted.');
      }
    },
  };
}

/** A user to be, with id, times and key. */
export function newAccount(
  person: Pick<Account, 'email' | 'firstName' | 'lastName' | 'role' | 'passwordHash'>,
): Account {
  const nowMs = shopTimeMs();
  return { ...person, id: newId(nowMs), createdAtMs: nowMs, updatedAtMs: nowMs, version: 1, recordKey: newSealKey() };
}

/** What a user becomes by a change; the same, at the same version, where it changes nothing. */
export function changed(read: User, wish: Changes, nowMs: number): User {
  const { firstName = read.firstName, lastName = read.lastName, role = read.role } = wish;
  if (firstName === read.firstName && lastName === read.lastName && role === read.role) return read;
  const updatedAtMs = Math.max(nowMs, read.updatedAtMs);
  return { ...read, firstName, lastName, role, updatedAtMs, version: read.version + 1 };
}

function notFound(): Refusal {
  return refuse('not-found', 'There is no such user.');
}

function stale(): Refusal {
  return refuse('precondition-failed', 'The user has changed since the version in If-Match; read it again.');
}

function lastAdmin({ replayed }: Done): Refusal {
  return { ...refuse('last-admin', 'This is the last admin: make another one first.'), replayed };
}
