import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { monotonicMs, setShopOffset } from '../../api/core/clock.ts';
import { newId } from '../../api/core/ids.ts';
import { Unavailable } from '../../api/core/outcome.ts';
import { infoField } from '../../api/redis/info.ts';
import type { ShopRedis } from '../../api/redis/open.ts';
import type { Writes } from '../../api/redis/writes.ts';
import {
  graceMarginMs,
  graceMs,
  maxSessions,
  oldRotationKey,
  rotationEndsKey,
  rotationsKey,
  sessionsKey,
} from '../../api/users/keys.ts';
import type { Account } from '../../api/users/record.ts';
import { createSessionReads, type SessionReads } from '../../api/users/store-reads.ts';
import { createSessionWrites, type SessionWrites } from '../../api/users/store-sessions.ts';
import { openTestRedis, operator } from '../support/redis.ts';
import {
  asRead,
  context,
  createdIn,
  createUserStore,
  eventsOf,
  soon,
  type UserStore,
  unstoredAccount,
} from './users-support.ts';

const dayMs = 24 * 3_600_000;
const limits = { customer: 90 * dayMs, admin: 12 * 3_600_000 };

let redis: ShopRedis;
let store: UserStore;
let sessions: SessionReads & SessionWrites;
let master: Redis;
beforeAll(async () => {
  redis = openTestRedis('users');
  store = createUserStore(redis);
  sessions = { ...createSessionReads(redis.reads), ...createSessionWrites(redis.writes, limits) };
  master = await operator();
});
afterAll(() => {
  redis.close();
  master.disconnect();
});

const created = (changes?: Partial<Account>) => createdIn(store, changes);

describe('a sign-in', () => {
  async function begun(read: Account) {
    const sessionId = newId();
    expect(await sessions.begin(read, sessionId, 'address', context())).toEqual({ kind: 'begun', role: read.role });
    return { userId: read.id, sessionId, generation: 1 };
  }

  it('begun again after a lost acknowledgement is one', async () => {
    const made = await created();
    const token = await begun(made);
    await sessions.begin(made, token.sessionId, 'address', context());
    expect(await master.hlen(sessionsKey(made.id))).toBe(1);
  });

  it('does not begin with a password that was replaced while it was compared', async () => {
    const made = await created();
    await store.setPassword(asRead(made), { hash: 'a new hash' }, 'no session', context());
    expect(await sessions.begin(made, newId(), 'address', context())).toEqual({ kind: 'conflict' });
    expect(await master.exists(sessionsKey(made.id))).toBe(0);
  });

  /** Gives a user as many sign-ins as there may be; the id of the one that ends first. */
  async function fill(read: Account, firstEndsMs: number): Promise<string> {
    const ids = Array.from({ length: maxSessions }, () => newId());
    const ends = (i: number) => (i === 0 ? firstEndsMs : Date.now() + 60_000 + i);
    await master.hset(sessionsKey(read.id), ...ids.flatMap((id, i) => [id, `1:${ends(i)}`]));
    return ids[0] ?? '';
  }

  it('beyond the most there may be ends the one that was refreshed longest ago, once', async () => {
    const made = await created();
    const oldest = await fill(made, Date.now() + 50_000);
    const { sessionId } = await begun(made);
    await sessions.begin(made, sessionId, 'address', context());
    expect(await master.hlen(sessionsKey(made.id))).toBe(maxSessions);
    expect(await sessions.check(made.id, oldest, soon())).toBeUndefined();
    expect(await sessions.check(made.id, sessionId, soon())).toBe('customer');
    expect((await eventsOf(master, made.id)).filter(({ type }) => type === 'session.ended')).toEqual([
      { type: 'session.ended', data: { userId: made.id, sessionIds: [oldest] } },
    ]);
  });

  it('that has expired is none, and makes room for another without a sign-out of another', async () => {
    const made = await created();
    const expired = await fill(made, Date.now() - 1000);
    const token = { userId: made.id, sessionId: expired, generation: 1 };
    expect(await sessions.check(made.id, expired, soon())).toBeUndefined();
    expect(await sessions.exchange(token, 'customer', 'sealed', context())).toEqual({ kind: 'ended' });
    await begun(made);
    expect(await master.hexists(sessionsKey(made.id), expired)).toBe(0);
    expect(await master.hlen(sessionsKey(made.id))).toBe(maxSessions);
    expect((await eventsOf(master, made.id)).filter(({ type }) => type === 'session.ended')).toEqual([]);
    expect(await master.pttl(sessionsKey(made.id))).toBeGreaterThan(30 * 24 * 3600 * 1000);
  });

  it('is exchanged once, however often it is presented: every caller gets what the first one sealed', async () => {
    const made = await created();
    const token = await begun(made);
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, i) => sessions.exchange(token, 'customer', `sealed ${i}`, context())),
    );
    for (const outcome of outcomes) expect(outcome).toEqual({ kind: 'exchanged', sealed: 'sealed 0' });
    expect(await master.hget(sessionsKey(made.id), token.sessionId)).toMatch(/^2:/);
  });

  it("gives its answer again for 30 s by the shop's time, whatever the clock of a new master says", async () => {
    const made = await created();
    const token = await begun(made);
    await sessions.exchange(token, 'customer', 'sealed', context());
    expect(await master.pttl(rotationsKey)).toBeGreaterThan(3_600_000); // longer than a clock an hour ahead takes away
    const offsetMs = Date.now() - monotonicMs();
    try {
      setShopOffset(offsetMs + 28_000);
      expect(await sessions.exchange(token, 'customer', 'again', context())).toEqual({
        kind: 'exchanged',
        sealed: 'sealed',
      });
      setShopOffset(offsetMs + 31_000);
      expect(await sessions.exchange(token, 'customer', 'again', context())).toEqual({ kind: 'ended' });
    } finally {
      setShopOffset(offsetMs);
    }
  });

  it('gives its answer again for ten minutes while no request could be answered, and then for 30 s', async () => {
    const made = await created();
    const token = await begun(made);
    const unanswered: Writes = {
      ...redis.writes,
      async run(...call) {
        await redis.writes.run(...call);
        throw new Unavailable('not confirmed in time');
      },
    };
    const cutOff = createSessionWrites(unanswered, limits);
    await expect(cutOff.exchange(token, 'customer', 'sealed', context())).rejects.toThrow(Unavailable);
    const exchanged = { kind: 'exchanged', sealed: 'sealed' };
    const offsetMs = Date.now() - monotonicMs();
    try {
      setShopOffset(offsetMs + 60_000);
      await expect(cutOff.exchange(token, 'customer', 'again', context())).rejects.toThrow(Unavailable);
      setShopOffset(offsetMs + 500_000);
      expect(await sessions.exchange(token, 'customer', 'again', context())).toEqual(exchanged);
      setShopOffset(offsetMs + 529_000);
      expect(await sessions.exchange(token, 'customer', 'again', context())).toEqual(exchanged);
      setShopOffset(offsetMs + 531_000);
      expect(await sessions.exchange(token, 'customer', 'again', context())).toEqual({ kind: 'ended' });
    } finally {
      setShopOffset(offsetMs);
    }
  });

  it('exchanged after its grace is ended, and a repetition gets the same answer', async () => {
    const made = await created();
    const token = await begun(made);
    await sessions.exchange(token, 'customer', 'sealed', context());
    await master.hdel(rotationsKey, `${token.sessionId}:1`);
    for (let i = 0; i < 3; i++) {
      expect(await sessions.exchange(token, 'customer', 'again', context())).toEqual({ kind: 'ended' });
    }
    const ended = (await eventsOf(master, made.id)).filter(({ type }) => type === 'session.ended');
    expect(ended).toEqual([{ type: 'session.ended', data: { userId: made.id, sessionIds: [token.sessionId] } }]);
  });

  it('as 5eb7839 stored it is exchanged, and gives again what that release answered', async () => {
    const made = await created();
    const [, old] = [await begun(made), newId()];
    await master.hset(sessionsKey(made.id), old, `2:${Date.now() + dayMs}`);
    await master.set(oldRotationKey(old, 1), 'sealed by 5eb7839', 'PX', 30_000);
    const token = { userId: made.id, sessionId: old, generation: 1 };
    const exchanged = { kind: 'exchanged', sealed: 'sealed by 5eb7839' };
    expect(await sessions.exchange(token, 'customer', 'again', context())).toEqual(exchanged);
    const next = { ...token, generation: 2 };
    expect(await sessions.exchange(next, 'customer', 'next', context())).toEqual({ kind: 'exchanged', sealed: 'next' });
    const listed = await sessions.list(made.id, context());
    expect(listed.find(({ id }) => id === old)).toMatchObject({ userAgent: undefined });
  });

  it('leaves answers that the exchanges of the next minute delete', async () => {
    const made = await created();
    const { sessionId, userId } = await begun(made);
    const fields = Array.from({ length: 15 }, (_, i) => `gone-${newId()}:${i}`);
    for (const field of fields) {
      await master.hset(rotationsKey, field, 'sealed');
      await master.zadd(rotationEndsKey, Date.now() - graceMs - graceMarginMs - 1000, field);
    }
    for (let generation = 1; generation <= 3; generation++) {
      await sessions.exchange({ userId, sessionId, generation }, 'customer', 'sealed', context());
    }
    expect(await master.hmget(rotationsKey, ...fields)).toEqual(fields.map(() => null));
    expect(await master.hexists(rotationsKey, `${sessionId}:3`)).toBe(1);
  });

  it('is not exchanged with a role that has changed since it was read', async () => {
    const made = await created();
    const token = await begun(made);
    expect(await sessions.exchange(token, 'admin', 'sealed', context())).toEqual({ kind: 'conflict' });
    expect(await sessions.exchange(token, 'customer', 'sealed', context())).toMatchObject({ kind: 'exchanged' });
  });

  it('ended twice is announced once', async () => {
    const made = await created();
    const token = await begun(made);
    for (let i = 0; i < 2; i++) await sessions.end(made.id, token.sessionId, context());
    expect((await eventsOf(master, made.id)).filter(({ type }) => type === 'session.ended')).toHaveLength(1);
    expect(await sessions.check(made.id, token.sessionId, soon())).toBeUndefined();
  });

  it('stays when its user sets a new password, and all others end', async () => {
    const made = await created();
    const [own, ...others] = [await begun(made), await begun(made), await begun(made)];
    expect(await store.setPassword(asRead(made), { hash: 'new' }, own?.sessionId ?? '', context())).toMatchObject({
      kind: 'set',
    });
    expect(await master.hkeys(sessionsKey(made.id))).toEqual([own?.sessionId]);
    const event = (await eventsOf(master, made.id)).find(({ type }) => type === 'session.ended');
    expect(event?.data.sessionIds.sort()).toEqual(others.map(({ sessionId }) => sessionId).sort());
  });

  it('that has ended deletes no user', async () => {
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
      ['create', () => store.create(unstoredAccount({ email: `again-${made.email}` }), signUp)],
      ['login', () => sessions.begin(made, token.sessionId, 'address', context())],
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
    return Number(infoField(await master.info('persistence'), 'rdb_changes_since_last_save'));
  }
});
