/** Users: sign-up, reading, changing, deleting; and what an admin may do to others. */
import { shopTimeMs } from '../core/clock.ts';
import { newId } from '../core/ids.ts';
import { isRefusal, type Refusal, refuse, type Written, written } from '../core/outcome.ts';
import type { Page } from '../core/page.ts';
import type { RequestContext } from '../core/request.ts';
import { retryOnConflict } from '../core/retry-on-conflict.ts';
import { keyReused } from '../redis/keyed.ts';
import type { Passwords } from './passwords.ts';
import type { Account, User } from './record.ts';
import type { Changes, PasswordChange, SignUp } from './schema.ts';
import { newSealKey } from './sealed.ts';
import { changePassword, isSame, readBefore, type SignedIn, stale } from './service-password.ts';
import type { UserWrites } from './store.ts';
import type { UserReads } from './store-reads.ts';

/** See {@link createUserRules}. Everything throws Unavailable when it is not certain before the deadline. */
export type UserRules = {
  signUp(person: SignUp, context: RequestContext): Promise<Written<User> | Refusal>;
  get(id: string, context: RequestContext): Promise<User | Refusal>;
  /** A page of the users, newest first, after the index member `after`. */
  list(after: string | undefined, limit: number, context: RequestContext): Promise<Page<User>>;
  change(id: string, changes: Changes, context: RequestContext): Promise<Written<User> | Refusal>;
  /** @param caller set when users delete themselves: their sign-in must be active */
  remove(id: string, caller: SignedIn | undefined, context: RequestContext): Promise<Written | Refusal>;
  changePassword(caller: SignedIn, change: PasswordChange, context: RequestContext): Promise<Written | Refusal>;
};

/** Creates the rules of users. */
export function createUserRules(store: UserReads & UserWrites, passwords: Passwords): UserRules {
  return {
    async signUp({ password, ...person }, context) {
      const passwordHash = await passwords.hash(password, context.deadline);
      const outcome = await store.create(newAccount({ ...person, role: 'customer', passwordHash }), context);
      if (isRefusal(outcome)) return outcome;
      if (!(await isSame(passwords, outcome.passwordHash, password, passwordHash, context.deadline)))
        return keyReused();
      switch (outcome.kind) {
        case 'created':
          return written(outcome.user, outcome.replayed);
        case 'taken':
          return { ...refuse('email-taken', 'There is a user with this address already.'), replayed: outcome.replayed };
        case 'gone':
          return notFound();
      }
    },

    async get(id, { consistency, deadline }) {
      return (await store.find(id, consistency, deadline)) ?? notFound();
    },

    list: (after, limit, context) => store.page(after, limit, context),

    async change(id, changes, context) {
      const outcome = await retryOnConflict(context.deadline, async () => {
        const found = await readBefore(store, id, context);
        return store.save(found, found.read && changed(found.read, changes, shopTimeMs()), changes, context);
      });
      if (isRefusal(outcome)) return outcome;
      switch (outcome.kind) {
        case 'saved':
          return written(outcome.user, outcome.replayed);
        case 'last-admin':
          return lastAdmin(outcome);
        case 'stale':
          return stale();
        case 'missing':
        case 'gone':
          return notFound();
      }
    },

    async remove(id, caller, context) {
      const outcome = await retryOnConflict(context.deadline, async () =>
        store.remove(await readBefore(store, id, context), caller?.sessionId, context),
      );
      if (isRefusal(outcome)) return outcome;
      switch (outcome.kind) {
        case 'deleted':
          return written(undefined, outcome.replayed);
        case 'last-admin':
          return lastAdmin(outcome);
        case 'stale':
          return stale();
        case 'ended':
          return refuse('session-ended', 'This sign-in has ended. Sign in again.');
        case 'missing':
          return notFound();
      }
    },

    changePassword: (caller, change, context) => changePassword(store, passwords, caller, change, context),
  };
}

/** A new user's record, with id, times and the key that seals its stored answers. */
export function newAccount(
  person: Pick<Account, 'email' | 'firstName' | 'lastName' | 'role' | 'passwordHash'>,
): Account {
  const nowMs = shopTimeMs();
  return { ...person, id: newId(nowMs), createdAtMs: nowMs, updatedAtMs: nowMs, version: 1, recordKey: newSealKey() };
}

/** The user after a change. A change to the same values returns the user as it is, at the same version. */
export function changed(read: User, changes: Changes, nowMs: number): User {
  const { firstName = read.firstName, lastName = read.lastName, role = read.role } = changes;
  if (firstName === read.firstName && lastName === read.lastName && role === read.role) return read;
  const updatedAtMs = Math.max(nowMs, read.updatedAtMs);
  return { ...read, firstName, lastName, role, updatedAtMs, version: read.version + 1 };
}

function notFound(): Refusal {
  return refuse('not-found', 'There is no such user.');
}

function lastAdmin({ replayed }: { readonly replayed: boolean }): Refusal {
  return { ...refuse('last-admin', 'This is the last admin: promote another user first.'), replayed };
}
