/** What comes of the writes of users. */
import type { Account, User } from './schema.ts';

/** What was read before a change, and whether If-Match allows the change. */
export type Before = { readonly id: string; readonly read: Account | undefined; readonly stale: boolean };

/** Nothing was done: no such user, the user has changed since it was read (`conflict`), or If-Match does not hold. */
export type Undone = { readonly kind: 'missing' } | { readonly kind: 'conflict' } | { readonly kind: 'stale' };
type LastAdmin = { readonly kind: 'last-admin'; readonly replayed: boolean };
/** The request was answered before, with a user that has been deleted since. */
type Gone = { readonly kind: 'gone' };

/** Outcomes of the writes below; a {@link Refusal} is the one of a reused Idempotency-Key. */
export type Created = (
  | { readonly kind: 'created'; readonly user: User; readonly replayed: boolean }
  | { readonly kind: 'taken'; readonly replayed: boolean }
  | Gone
) & {
  /** Hash of the password with which this request came first: a repetition must have the same. */
  readonly passwordHash: string;
};
/** See {@link Created}. */
export type Saved =
  | { readonly kind: 'saved'; readonly user: User; readonly replayed: boolean }
  | LastAdmin
  | Gone
  | Undone;
/** See {@link Created}. `ended`: the sign-in that asks has ended. */
export type Removed =
  | { readonly kind: 'deleted'; readonly replayed: boolean }
  | { readonly kind: 'ended' }
  | LastAdmin
  | Undone;
/** See {@link Created}. */
export type PasswordSet =
  | {
      readonly kind: 'set';
      readonly replayed: boolean;
      /** Hashes of the passwords with which this request came first: a repetition must have the same. */
      readonly oldHash: string;
      readonly newHash: string;
    }
  | { readonly kind: 'wrong' | 'weak' }
  | Undone;
/** What became of a wish for a new password: its hash, or why there is none (`wrong`: the present one; `weak`: the new one). */
export type NewPassword = { readonly hash: string } | 'wrong' | 'weak';
/** What came of making the first admin. */
export type FirstAdmin = 'created' | 'there-is-one' | 'taken';
