/**
 * A user as it is stored, and the answers that are stored under its Idempotency-Keys. Those hold names and addresses, so they are sealed with
 * a key of the user's own: when the user is deleted they become unreadable, wherever they are.
 */
import { z } from 'zod';
import { type Changes, role } from './schema.ts';
import { seal, unseal } from './sealed.ts';

/** A user at one version, as stored answers hold it; times in ms since 1970. */
export const user = z.object({
  id: z.string(),
  email: z.string(),
  firstName: z.string(),
  lastName: z.string(),
  role,
  createdAtMs: z.coerce.number(),
  updatedAtMs: z.coerce.number(),
  version: z.coerce.number(),
});
/** See {@link user}. */
export type User = z.infer<typeof user>;

/** A user with what never leaves the service. `recordKey` seals the answers stored for this user, and is deleted with the user. */
const account = z.object({ ...user.shape, passwordHash: z.string(), recordKey: z.string() });
/** See {@link account}. */
export type Account = z.infer<typeof account>;

/** The part of a user that can change. */
const changing = user.omit({ id: true, email: true, createdAtMs: true });

/** A user from its hash; `undefined` if there is none. @throws when the hash holds no user */
export function accountOf(hash: unknown): Account | undefined {
  return (hash as Record<string, string>).id === undefined ? undefined : account.parse(hash);
}

/** A user as its hash holds it: field, value, ... */
export function fieldsOf(made: Account): (string | number)[] {
  return Object.entries(account.parse(made)).flat();
}

/** Seals what an answer shows of a user, without what never changes of a user and without what the request names. */
export function sealUser({ recordKey }: Account, answered: User, changes: Changes): string {
  const rest = Object.entries(changing.parse(answered)).filter(([name]) => !(name in changes));
  return seal(Buffer.from(recordKey, 'base64url'), JSON.stringify(Object.fromEntries(rest)));
}

/** The user as the answer to these changes showed it; an older version sealed the whole user. */
export function unsealUser(keeper: Account, changes: Changes, sealed: string): User {
  const rest: unknown = JSON.parse(unseal(Buffer.from(keeper.recordKey, 'base64url'), sealed));
  return user.parse({ ...keeper, ...changes, ...changing.partial().parse(rest) });
}
