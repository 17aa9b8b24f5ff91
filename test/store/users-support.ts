/** What the store tests of `users` share. */
import type { Redis } from 'ioredis';
import { expect } from 'vitest';
import { deadlineIn } from '../../api/core/clock.ts';
import { newId } from '../../api/core/ids.ts';
import type { RequestContext } from '../../api/core/request.ts';
import type { ShopRedis } from '../../api/redis/open.ts';
import type { Account } from '../../api/users/record.ts';
import { newAccount } from '../../api/users/service.ts';
import { createUserWrites } from '../../api/users/store.ts';
import { createSessionReads, createUserReads } from '../../api/users/store-reads.ts';
import { createSessionWrites, type SessionWrites } from '../../api/users/store-sessions.ts';
import { contextOf, userCaller } from '../support/context.ts';
import { openTestRedis, operator } from '../support/redis.ts';

/** The reads and writes of users, together. */
export type UserStore = ReturnType<typeof createUserStore>;

/** Creates the reads and writes of users. */
export function createUserStore({ reads, writes }: Pick<ShopRedis, 'reads' | 'writes'>) {
  const userReads = createUserReads(reads);
  return { ...userReads, ...createUserWrites(writes, userReads) };
}

const caller = userCaller();

/** The context of a new write. */
export const context = (changes: Partial<RequestContext> = {}) => contextOf(caller, changes);

/** The identity of a write. */
export function write({ write: identity }: RequestContext) {
  if (identity === undefined) throw new Error('a context of a write has an identity');
  return identity;
}

/** The context of the client's own repetition of a write. */
export const again = (first: RequestContext) => context({ write: { ...write(first), nonce: newId() } });

export const soon = () => deadlineIn(5000);

/** An account that is not stored yet. */
export function unstoredAccount(changes: Partial<Account> = {}): Account {
  const person = { firstName: 'Ada', lastName: 'Lovelace', role: 'customer', passwordHash: 'hash' } as const;
  return { ...newAccount({ ...person, email: `s-${newId()}@example.com` }), ...changes };
}

/** A new account, stored. */
export async function createdIn(store: UserStore, changes?: Partial<Account>): Promise<Account> {
  const made = unstoredAccount(changes);
  expect(await store.create(made, context())).toMatchObject({ kind: 'created', replayed: false });
  return made;
}

/** How long the sign-ins of each role last at most, in ms. */
export const sessionLimits = { customer: 90 * 24 * 3_600_000, admin: 12 * 3_600_000 };

/** The users and sign-ins of the test Redis, and its master as the operator sees it. */
export type SessionStores = Awaited<ReturnType<typeof openSessionStores>>;

/** Opens them; to be closed. */
export async function openSessionStores() {
  const redis = openTestRedis('users');
  const master = await operator();
  return {
    redis,
    master,
    store: createUserStore(redis),
    sessions: { ...createSessionReads(redis.reads), ...createSessionWrites(redis.writes, sessionLimits) },
    close() {
      redis.close();
      master.disconnect();
    },
  };
}

/** A sign-in begun now, and its first refresh token. */
export async function begunIn(sessions: Pick<SessionWrites, 'begin'>, read: Account) {
  const sessionId = newId();
  expect(await sessions.begin(read, sessionId, 'address', context())).toEqual({ kind: 'begun', role: read.role });
  return { userId: read.id, sessionId, generation: 1 };
}

/** What a write needs to know of the user it was read as. */
export const asRead = (read: Account) => ({ id: read.id, read });

/** The events of one user, oldest first. */
export async function eventsOf(master: Redis, userId: string) {
  const entries = await master.xrange('{users}:events', '-', '+');
  return entries
    .map(([, [, type, , , , , , data = '{}']]) => ({ type, data: JSON.parse(data) }))
    .filter(({ data }) => data.userId === userId);
}
