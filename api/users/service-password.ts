/** The change of a signed-in user's password; and what the rules of users share. */
import type { Deadline } from '../core/clock.ts';
import { invalid, isRefusal, type Refusal, refuse, type Written, written } from '../core/outcome.ts';
import type { RequestContext } from '../core/request.ts';
import { retryOnConflict } from '../core/retry-on-conflict.ts';
import { keyReused } from '../redis/keyed.ts';
import type { Passwords } from './passwords.ts';
import type { Account } from './record.ts';
import { madeOfOwnName, type PasswordChange } from './schema.ts';
import type { Before, NewPassword, UserWrites } from './store.ts';
import type { UserReads } from './store-reads.ts';
import { isMadeOfOwnName } from './weak-passwords.ts';

/** The signed-in user of a request. */
export type SignedIn = { readonly userId: string; readonly sessionId: string };

/** Sets the password and ends every other sign-in. @throws Unavailable when that is not certain before the deadline */
export async function changePassword(
  store: Pick<UserReads, 'find'> & Pick<UserWrites, 'setPassword'>,
  passwords: Passwords,
  { userId, sessionId }: SignedIn,
  { currentPassword, newPassword }: PasswordChange,
  context: RequestContext,
): Promise<Written | Refusal> {
  const { deadline } = context;
  let ownHash = '';
  const outcome = await retryOnConflict(deadline, async () => {
    const found = await readBefore(store, userId, context);
    const next = await nextPassword(passwords, found.read, currentPassword, newPassword, deadline);
    ownHash = typeof next === 'string' ? '' : next.hash;
    // Also when it is refused: the present password is wrong for a repetition, too, whose first attempt set the new one.
    return store.setPassword(found, next, sessionId, context);
  });
  if (isRefusal(outcome)) return outcome;
  switch (outcome.kind) {
    case 'set': {
      const isRepeated =
        (await isSame(passwords, outcome.newHash, newPassword, ownHash, deadline)) &&
        (outcome.newHash === ownHash || (await passwords.verify(outcome.oldHash, currentPassword, deadline)));
      return isRepeated ? written(undefined, outcome.replayed) : keyReused();
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
}

async function nextPassword(
  passwords: Passwords,
  read: Account | undefined,
  current: string,
  next: string,
  deadline: Deadline,
): Promise<NewPassword> {
  const isRight = await passwords.verify(read?.passwordHash, current, deadline);
  if (!isRight || read === undefined) return 'wrong';
  return isMadeOfOwnName(next, read) ? 'weak' : { hash: await passwords.hash(next, deadline) };
}

/** Whether a password is the one of the first request under this key. @param ownHash its hash by this request */
export async function isSame(
  passwords: Passwords,
  firstHash: string,
  password: string,
  ownHash: string,
  deadline: Deadline,
): Promise<boolean> {
  return firstHash === ownHash || passwords.verify(firstHash, password, deadline);
}

/** Reads the user that is to be changed. */
export async function readBefore(
  store: Pick<UserReads, 'find'>,
  id: string,
  { deadline }: Pick<RequestContext, 'deadline'>,
): Promise<Before> {
  return { id, read: await store.find(id, 'read-your-writes', deadline) };
}

/** The refusal of an If-Match that names another version. */
export function stale(): Refusal {
  return refuse('precondition-failed', 'The user has changed since the version in If-Match; read it again.');
}
