/** Users, on a Redis of its own: the rules of the first and the last admin need one in which no other file makes admins. */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../api/core/ids.ts';
import { isRefusal } from '../../api/core/outcome.ts';
import { sessionsKey } from '../../api/users/keys.ts';
import type { Account } from '../../api/users/record.ts';
import { changed } from '../../api/users/service.ts';
import { type OwnRedis, startOwnRedis } from '../support/own-redis.ts';
import {
  again,
  asRead,
  context,
  createdIn,
  createUserStore,
  eventsOf,
  soon,
  type UserStore,
  unstoredAccount,
  write,
} from './users-support.ts';

let own: OwnRedis;
let store: UserStore;
let master: Redis;
beforeAll(async () => {
  own = await startOwnRedis('users');
  store = createUserStore(own.redis);
  master = own.master;
}, 60_000);
afterAll(() => own?.close());

const created = (changes?: Partial<Account>) => createdIn(store, changes);

describe('the first admin', () => {
  it('is one, however many replicas make one at once, and made again is the same', async () => {
    expect(await store.hasAdmin(soon())).toBe(false);
    const candidates = Array.from({ length: 4 }, () => unstoredAccount({ role: 'admin', email: 'first@example.com' }));
    const make = (made: Account) => store.createFirstAdmin(made, newId(), soon());
    const outcomes = await Promise.all(candidates.map(make));
    expect([...outcomes].sort()).toEqual(['created', 'there-is-one', 'there-is-one', 'there-is-one']);
    expect(await store.hasAdmin(soon())).toBe(true);
    const first = (await store.findForSignIn('FIRST@example.com', 'address', soon())).account;
    expect(first?.role).toBe('admin');
    if (first !== undefined) expect(await make(first)).toBe('created');
    expect(await eventsOf(master, first?.id ?? '')).toHaveLength(1);
  });

  it('and another cannot both be demoted at once', async () => {
    const other = await created({ role: 'admin' });
    const first = (await store.findForSignIn('first@example.com', 'address', soon())).account;
    if (first === undefined) throw new Error('the first admin is gone');
    const outcomes = await Promise.all(
      [first, other].map((read) =>
        store.save(asRead(read), changed(read, { role: 'customer' }, 0), { role: 'customer' }, context()),
      ),
    );
    expect(outcomes.map((outcome) => outcome.kind).sort()).toEqual(['last-admin', 'saved']);
    const [left = ''] = await master.smembers('{users}:admins');
    const last = await store.find(left, 'read-your-writes', soon());
    if (last === undefined) throw new Error('the last admin is gone');
    const attempt = context();
    expect(await store.remove(asRead(last), undefined, attempt)).toEqual({ kind: 'last-admin', replayed: false });
    await created({ role: 'admin' });
    expect(await store.remove(asRead(last), undefined, again(attempt))).toEqual({ kind: 'last-admin', replayed: true });
    expect(await store.remove(asRead(last), undefined, context())).toEqual({ kind: 'deleted', replayed: false });
  });

  it('is not made of a customer who has the address', async () => {
    const admins = await master.smembers('{users}:admins');
    await master.del('{users}:admins');
    const customer = await created();
    const candidate = unstoredAccount({ role: 'admin', email: customer.email });
    expect(await store.createFirstAdmin(candidate, newId(), soon())).toBe('taken');
    await master.sadd('{users}:admins', ...admins);
  });
});

describe('a user', () => {
  it('is found by id and by address after it was made', async () => {
    const made = await created();
    expect(await store.find(made.id, 'read-your-writes', soon())).toEqual(made);
    const find = async (email: string) => (await store.findForSignIn(email, 'address', soon())).account;
    expect(await find(made.email.toUpperCase())).toEqual(made);
    expect(await find('unknown@example.com')).toBeUndefined();
  });

  it('whose names look like numbers, JSON or formats keeps them', async () => {
    const made = await created({ firstName: '1e5', lastName: '{"a":"%s"}\r\n💥' });
    expect(await store.find(made.id, 'read-your-writes', soon())).toEqual(made);
  });

  it('made again under the same key by another replica is the first one', async () => {
    const attempt = context();
    const first = unstoredAccount();
    await store.create(first, attempt);
    const second = { ...unstoredAccount(), email: first.email };
    expect(await store.create(second, attempt)).toMatchObject({
      kind: 'created',
      user: { id: first.id },
      replayed: false,
    });
    expect(await store.create(second, again(attempt))).toMatchObject({ user: { id: first.id }, replayed: true });
    expect(await store.find(second.id, 'read-your-writes', soon())).toBeUndefined();
  });

  it('is not changed by a writer who read another version, and the result says so', async () => {
    const made = await created();
    const renamed = changed(made, { firstName: 'Grace' }, 0);
    expect(await store.save(asRead(made), renamed, { firstName: 'Grace' }, context())).toMatchObject({
      kind: 'saved',
      user: { version: 2 },
    });
    expect(await store.save(asRead(made), changed(made, { lastName: 'X' }, 0), { lastName: 'X' }, context())).toEqual({
      kind: 'conflict',
    });
    expect(await store.remove(asRead(made), undefined, context())).toEqual({ kind: 'conflict' });
    expect(await store.setPassword(asRead(made), { hash: 'new' }, 's', context())).toEqual({ kind: 'conflict' });
  });

  it('that was changed and then deleted answers neither change nor sign-up again', async () => {
    const made = unstoredAccount();
    const [signUp, change, erase] = [context(), context(), context()];
    await store.create(made, signUp);
    await store.save(asRead(made), changed(made, {}, 0), {}, change);
    await store.remove(asRead(made), undefined, erase);
    expect(await store.create(unstoredAccount(), again(signUp))).toMatchObject({ kind: 'gone' });
    const unread = { id: made.id, read: undefined };
    expect(await store.save(unread, undefined, {}, again(change))).toEqual({ kind: 'gone' });
    expect(await store.save(unread, undefined, {}, context())).toEqual({ kind: 'missing' });
    expect(await store.remove(unread, undefined, again(erase))).toEqual({ kind: 'deleted', replayed: true });
    expect(await store.remove(unread, undefined, context())).toEqual({ kind: 'missing' });
  });

  it('that was deleted and replayed under another body refuses the key', async () => {
    const made = await created();
    const attempt = context();
    await store.remove(asRead(made), undefined, attempt);
    const other = context({ write: { ...write(attempt), fingerprint: 'another body' } });
    const outcome = await store.remove(asRead(made), undefined, other);
    expect(isRefusal(outcome) && outcome.code).toBe('idempotency-key-reused');
  });

  it('leaves in the events who it was by id alone', async () => {
    const made = await created();
    await store.save(asRead(made), changed(made, { role: 'admin' }, 0), { role: 'admin' }, context());
    const read = await store.find(made.id, 'read-your-writes', soon());
    if (read !== undefined) await store.remove(asRead(read), undefined, context());
    const events = await eventsOf(master, made.id);
    expect(events).toEqual([
      { type: 'user.created', data: { userId: made.id, role: 'customer' } },
      { type: 'user.role-changed', data: { userId: made.id, role: 'admin' } },
      { type: 'user.deleted', data: { userId: made.id } },
    ]);
    expect(await master.exists(`{users}:user:${made.id}`, sessionsKey(made.id))).toBe(0);
    expect(await master.zscore('{users}:list', made.id)).toBeNull();
    expect(await master.sismember('{users}:admins', made.id)).toBe(0);
  });
});

it('a page of users says whether another follows, also when the last one is full', async () => {
  // Lower than every other id: the list is in descending order, so that these two end it.
  const ids = [newId(), newId()].map((id) => `00000000${id.slice(8)}`).sort();
  const [lower, upper] = ids;
  for (const id of ids) await created({ id });
  const pageOf = async (limit: number) => {
    const { items, last } = await store.page('00000001', limit, context());
    return [items.map(({ id }) => id), last];
  };
  expect(await pageOf(1)).toEqual([[upper], upper]);
  expect(await pageOf(2)).toEqual([[upper, lower], undefined]);
  expect(await pageOf(3)).toEqual([[upper, lower], undefined]);
});
