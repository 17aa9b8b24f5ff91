/** The only file of this project that makes admins: the rules of the last one need it. */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deadlineIn } from '../../api/core/clock.ts';
import { newId } from '../../api/core/ids.ts';
import { isRefusal } from '../../api/core/outcome.ts';
import type { RequestContext } from '../../api/core/request.ts';
import type { ShopRedis } from '../../api/redis/open.ts';
import { maxSessions, sessionsKey } from '../../api/users/keys.ts';
import type { Account } from '../../api/users/schema.ts';
import { changed, newAccount } from '../../api/users/service.ts';
import { openUserStore, type UserStore } from '../../api/users/store.ts';
import { openSessionStore, type SessionStore } from '../../api/users/store-sessions.ts';
import { contextOf, openTestRedis, operator, userCaller } from '../support/redis.ts';

let redis: ShopRedis;
let store: UserStore;
let sessions: SessionStore;
let master: Redis;
beforeAll(async () => {
  redis = openTestRedis('users');
  store = openUserStore(redis);
  sessions = openSessionStore(redis);
  master = await operator();
});
afterAll(() => {
  redis.close();
  master.disconnect();
});

const caller = userCaller();
const context = (changes: Partial<RequestContext> = {}) => contextOf(caller, changes);
const again = (first: RequestContext) => context({ write: { ...write(first), nonce: newId() } });
const soon = () => deadlineIn(5000);

function write({ write: identity }: RequestContext) {
  if (identity === undefined) throw new Error('a context of a write has an identity');
  return identity;
}

function somebody(changes: Partial<Account> = {}): Account {
  const person = { firstName: 'Ada', lastName: 'Lovelace', role: 'customer', passwordHash: 'hash' } as const;
  return { ...newAccount({ ...person, email: `s-${newId()}@example.com` }), ...changes };
}

async function created(changes: Partial<Account> = {}): Promise<Account> {
  const made = somebody(changes);
  expect(await store.create(made, context())).toMatchObject({ kind: 'created', replayed: false });
  return made;
}

const asRead = (read: Account) => ({ id: read.id, read, stale: false });
/** The events of one user, oldest first. */
async function eventsOf(userId: string) {
  const entries = await master.xrange('{users}:events', '-', '+');
  return entries
    .map(([, [, type, , , , , , data = '{}']]) => ({ type, data: JSON.parse(data) }))
    .filter(({ data }) => data.userId === userId);
}

describe('the first admin', () => {
  it('is one, however many replicas make one at once, and made again is the same', async () => {
    expect(await store.hasAdmin(soon())).toBe(false);
    const wishes = Array.from({ length: 4 }, () => somebody({ role: 'admin', email: 'first@example.com' }));
    const make = (made: Account) => store.createFirstAdmin(made, newId(), soon());
    const outcomes = await Promise.all(wishes.map(make));
    expect([...outcomes].sort()).toEqual(['created', 'there-is-one', 'there-is-one', 'there-is-one']);
    expect(await store.hasAdmin(soon())).toBe(true);
    const first = await store.findByEmail('FIRST@example.com', soon());
    expect(first?.role).toBe('admin');
    if (first !== undefined) expect(await make(first)).toBe('created');
    expect(await eventsOf(first?.id ?? '')).toHaveLength(1);
  });

  it('and another cannot both be demoted at once', async () => {
    const other = await created({ role: 'admin' });
    const first = await store.findByEmail('first@example.com', soon());
    if (first === undefined) throw new Error('the first admin is gone');
    const outcomes = await Promise.all(
      [first, other].map((read) => store.save(asRead(read), changed(read, { role: 'customer' }, 0), context())),
    );
    expect(outcomes.map((outcome) => outcome.kind).sort()).toEqual(['last-admin', 'saved']);
    const [left = ''] = await master.smembers('{users}:admins');
    const last = await store.find(left, 'own', soon());
    if (last === undefined) throw new Error('the last admin is gone');
    const attempt = context();
    expect(await store.remove(asRead(last), undefined, attempt)).toEqual({ kind: 'last-admin', replayed: false });
    await created({ role: 'admin' });
    expect(await store.remove(asRead(last), undefined, again(attempt))).toEqual({ kind: 'last-admin', replayed: true });
    expect(await store.remove(asRead(last), undefined, context())).toEqual({ kind: 'deleted', replayed: false });
  });

  it('is not made of whoever has the address', async () => {
    const admins = await master.smembers('{users}:admins');
    await master.del('{users}:admins');
    const customer = await created();
    const wish = somebody({ role: 'admin', email: customer.email });
    expect(await store.createFirstAdmin(wish, newId(), soon())).toBe('taken');
    await master.sadd('{users}:admins', ...admins);
  });
});

describe('a user', () => {
  it('is found by id and by address after it was made', async () => {
    const made = await created();
    expect(await store.find(made.id, 'own', soon())).toEqual(made);
    expect(await store.findByEmail(made.email.toUpperCase(), soon())).toEqual(made);
    expect(await store.findByEmail('nobody@example.com', soon())).toBeUndefined();
  });

  it('whose names look like numbers, JSON or formats keeps them', async () => {
    const made = await created({ firstName: '1e5', lastName: '{"a":"%s"}\r\n💥' });
    expect(await store.find(made.id, 'own', soon())).toEqual(made);
  });

  it('made again under the same key by another replica is the first one', async () => {
    const attempt = context();
    const first = somebody();
    await store.create(first, attempt);
    const second = { ...somebody(), email: first.email };
    expect(await store.create(second, attempt)).toMatchObject({
      kind: 'created',
      user: { id: first.id },
      replayed: false,
    });
    expect(await store.create(second, again(attempt))).toMatchObject({ user: { id: first.id }, replayed: true });
    expect(await store.find(second.id, 'own', soon())).toBeUndefined();
  });

  it('is not changed by whoever read another version, and the writer is told so', async () => {
    const made = await created();
    const renamed = changed(made, { firstName: 'Grace' }, 0);
    expect(await store.save(asRead(made), renamed, context())).toMatchObject({ kind: 'saved', user: { version: 2 } });
    expect(await store.save(asRead(made), changed(made, { lastName: 'X' }, 0), context())).toEqual({ kind: 'changed' });
    expect(await store.remove(asRead(made), undefined, context())).toEqual({ kind: 'changed' });
    expect(await store.setPassword(asRead(made), 'new', 's', context())).toEqual({ kind: 'changed' });
  });

  it('that was changed and then deleted answers neither change nor sign-up again', async () => {
    const made = somebody();
    const [signUp, change, erase] = [context(), context(), context()];
    await store.create(made, signUp);
    await store.save(asRead(made), changed(made, {}, 0), change);
    await store.remove(asRead(made), undefined, erase);
    expect(await store.create(somebody(), again(signUp))).toEqual({ kind: 'gone' });
    const nobody = { id: made.id, read: undefined, stale: false };
    expect(await store.save(nobody, undefined, again(change))).toEqual({ kind: 'gone' });
    expect(await store.save(nobody, undefined, context())).toEqual({ kind: 'missing' });
    expect(await store.remove(nobody, undefined, again(erase))).toEqual({ kind: 'deleted', replayed: true });
    expect(await store.remove(nobody, undefined, context())).toEqual({ kind: 'missing' });
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
    await store.save(asRead(made), changed(made, { role: 'admin' }, 0), context());
    const read = await store.find(made.id, 'own', soon());
    if (read !== undefined) await store.remove(asRead(read), undefined, context());
    const events = await eventsOf(made.id);
    expect(events).toEqual([
      { type: 'user.created', data: { userId: made.id, role: 'customer' } },
      { type: 'user.changed', data: { userId: made.id } },
      { type: 'user.role-changed', data: { userId: made.id, role: 'admin' } },
      { type: 'user.deleted', data: { userId: made.id } },
    ]);
    expect(await master.exists(`{users}:user:${made.id}`, sessionsKey(made.id))).toBe(0);
    expect(await master.zscore('{users}:list', made.id)).toBeNull();
    expect(await master.sismember('{users}:admins', made.id)).toBe(0);
  });
});

describe('a sign-in', () => {
  async function begun(read: Account) {
    const sessionId = newId();
    expect(await sessions.begin(read, sessionId, context())).toEqual({ kind: 'begun', role: read.role });
    return { userId: read.id, sessionId, generation: 1 };
  }

  it('begun again after a lost acknowledgement is one', async () => {
    const made = await created();
    const token = await begun(made);
    await sessions.begin(made, token.sessionId, context());
    expect(await master.hlen(sessionsKey(made.id))).toBe(1);
  });

  it('does not begin with a password that was replaced while it was compared', async () => {
    const made = await created();
    await store.setPassword(asRead(made), 'a new hash', 'no session', context());
    expect(await sessions.begin(made, newId(), context())).toEqual({ kind: 'changed' });
    expect(await master.exists(sessionsKey(made.id))).toBe(0);
  });

  it('beyond the most there may be ends the one that was refreshed longest ago', async () => {
    const made = await created();
    const oldest = await begun(made);
    await master.hset(sessionsKey(made.id), oldest.sessionId, `1:${Date.now() + 1000}`);
    for (let i = 0; i < maxSessions; i++) await begun(made);
    expect(await master.hlen(sessionsKey(made.id))).toBe(maxSessions);
    expect(await sessions.check(made.id, oldest.sessionId, soon())).toBeUndefined();
    expect(await eventsOf(made.id)).toContainEqual({
      type: 'session.ended',
      data: { userId: made.id, sessionIds: [oldest.sessionId] },
    });
  });

  it('that has expired is none, and is cleared away at the next', async () => {
    const made = await created();
    const token = await begun(made);
    await master.hset(sessionsKey(made.id), token.sessionId, `1:${Date.now() - 1}`);
    expect(await sessions.check(made.id, token.sessionId, soon())).toBeUndefined();
    expect(await sessions.exchange(token, 'customer', 'sealed', context())).toEqual({ kind: 'ended' });
    const next = await begun(made);
    expect(await master.hkeys(sessionsKey(made.id))).toEqual([next.sessionId]);
    const leftMs = await master.pttl(sessionsKey(made.id));
    expect(leftMs).toBeGreaterThan(30 * 24 * 3600 * 1000);
  });

  it('is exchanged once, whoever asks and however often: all get what the first one sealed', async () => {
    const made = await created();
    const token = await begun(made);
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, i) => sessions.exchange(token, 'customer', `sealed ${i}`, context())),
    );
    for (const outcome of outcomes) expect(outcome).toEqual({ kind: 'exchanged', sealed: 'sealed 0' });
    expect(await master.hget(sessionsKey(made.id), token.sessionId)).toMatch(/^2:/);
  });

  it('exchanged after its grace is ended, and says so again to whoever repeats it', async () => {
    const made = await created();
    const token = await begun(made);
    await sessions.exchange(token, 'customer', 'sealed', context());
    await master.del(`{users}:successor:${token.sessionId}:1`);
    for (let i = 0; i < 3; i++) {
      expect(await sessions.exchange(token, 'customer', 'again', context())).toEqual({ kind: 'ended' });
    }
    const ended = (await eventsOf(made.id)).filter(({ type }) => type === 'session.ended');
    expect(ended).toEqual([{ type: 'session.ended', data: { userId: made.id, sessionIds: [token.sessionId] } }]);
  });

  it('is not exchanged with a role that has changed since it was read', async () => {
    const made = await created();
    const token = await begun(made);
    expect(await sessions.exchange(token, 'admin', 'sealed', context())).toEqual({ kind: 'changed' });
    expect(await sessions.exchange(token, 'customer', 'sealed', context())).toMatchObject({ kind: 'exchanged' });
  });

  it('ended twice is announced once', async () => {
    const made = await created();
    const token = await begun(made);
    for (let i = 0; i < 2; i++) await sessions.end(made.id, token.sessionId, context());
    expect((await eventsOf(made.id)).filter(({ type }) => type === 'session.ended')).toHaveLength(1);
    expect(await sessions.check(made.id, token.sessionId, soon())).toBeUndefined();
  });

  it('stays when its user sets a new password, and all others end', async () => {
    const made = await created();
    const [own, ...others] = [await begun(made), await begun(made), await begun(made)];
    expect(await store.setPassword(asRead(made), 'new', own?.sessionId ?? '', context())).toMatchObject({
      kind: 'set',
    });
    expect(await master.hkeys(sessionsKey(made.id))).toEqual([own?.sessionId]);
    const event = (await eventsOf(made.id)).find(({ type }) => type === 'session.ended');
    expect(event?.data.sessionIds.sort()).toEqual(others.map(({ sessionId }) => sessionId).sort());
  });

  it('that has ended deletes nobody', async () => {
    const made = await created();
    expect(await store.remove(asRead(made), newId(), context())).toEqual({ kind: 'ended' });
    const { sessionId } = await begun(made);
    expect(await store.remove(asRead(made), sessionId, context())).toMatchObject({ kind: 'deleted' });
  });
});

describe('every write', () => {
  it('that is repeated is itself a write, so that waiting for replicas means something', async () => {
    const made = await created();
    const signUp = context();
    const token = { userId: made.id, sessionId: newId(), generation: 1 };
    const repeatable: [string, () => Promise<unknown>][] = [
      ['create', () => store.create(somebody({ email: `again-${made.email}` }), signUp)],
      ['login', () => sessions.begin(made, token.sessionId, context())],
      ['refresh', () => sessions.exchange(token, 'customer', 'sealed', context())],
      ['logout', () => sessions.end(made.id, token.sessionId, context())],
      ['refresh of what has ended', () => sessions.exchange(token, 'customer', 'sealed', context())],
    ];
    for (const [name, run] of repeatable) {
      await run();
      const earlier = await changes();
      await run();
      expect(await changes(), name).toBeGreaterThan(earlier);
    }
  });

  /** How often the data have been changed since the last snapshot: each of these is passed on to the replicas. */
  async function changes(): Promise<number> {
    return Number(/rdb_changes_since_last_save:(\d+)/.exec(await master.info('persistence'))?.[1]);
  }
});
