import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { monotonicMs, setShopOffset } from '../../api/core/clock.ts';
import { newId } from '../../api/core/ids.ts';
import { Unavailable } from '../../api/core/outcome.ts';
import type { Writes } from '../../api/redis/writes/writes.ts';
import {
  graceMarginMs,
  graceMs,
  oldRotationKey,
  rotationEndsKey,
  rotationsKey,
  sessionsKey,
} from '../../api/users/keys.ts';
import type { Account } from '../../api/users/record.ts';
import { createSessionWrites } from '../../api/users/store-sessions.ts';
import {
  begunIn,
  context,
  createdIn,
  eventsOf,
  openSessionStores,
  type SessionStores,
  sessionLimits,
} from './users-support.ts';

let { redis, store, sessions, master, close } = {} as SessionStores;
beforeAll(async () => {
  ({ redis, store, sessions, master, close } = await openSessionStores());
});
afterAll(() => close());

const created = () => createdIn(store);
const begun = (read: Account) => begunIn(sessions, read);

describe('a refresh token', () => {
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
    const cutOff = createSessionWrites(unanswered, sessionLimits);
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

  it('that comes again after its grace ends the sign-in, once, and then gets the same answer', async () => {
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
    await master.hset(sessionsKey(made.id), old, `2:${Date.now() + 60_000}`);
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
});
