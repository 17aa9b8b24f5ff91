import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../api/core/ids.ts';
import { infoField } from '../../api/redis/info.ts';
import { knownAddressesKey, knownAddressMs, maxSessions, sessionsKey } from '../../api/users/keys.ts';
import type { Account } from '../../api/users/record.ts';
import { sessionIdleMs } from '../../api/users/record-sessions.ts';
import {
  again,
  asRead,
  begunIn,
  context,
  createdIn,
  eventsOf,
  openSessionStores,
  type SessionStores,
  sessionLimits,
  soon,
  unstoredAccount,
} from './users-support.ts';

let { store, sessions, master, close } = {} as SessionStores;
beforeAll(async () => {
  ({ store, sessions, master, close } = await openSessionStores());
});
afterAll(() => close());

const created = (changes?: Partial<Account>) => createdIn(store, changes);
const begun = (read: Account) => begunIn(sessions, read);

describe('a sign-in', () => {
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

  /** Gives a user as many sign-ins as there may be. @returns the id of the one that began first, which ends at `firstEndsMs` */
  async function fill(read: Account, firstEndsMs: number): Promise<string> {
    const ids = Array.from({ length: maxSessions }, () => newId());
    const ends = (i: number) => (i === 0 ? firstEndsMs : Date.now() + 60_000 + i);
    await master.hset(sessionsKey(read.id), ...ids.flatMap((id, i) => [id, `1:${ends(i)}`]));
    return ids[0] ?? '';
  }

  it('beyond the most there may be ends the one that began first, once, although it was refreshed last', async () => {
    const made = await created();
    const oldest = await fill(made, Date.now() + 90_000);
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

  it('makes its address known for 30 days', async () => {
    const made = await created();
    await begun(made);
    const keptMs = await master.pttl(knownAddressesKey(made.id));
    expect(keptMs).toBeGreaterThan(knownAddressMs - 60_000);
    expect(keptMs).toBeLessThanOrEqual(knownAddressMs);
    expect(knownAddressMs).toBe(30 * 24 * 3_600_000);
    const isKnown = async () => (await store.findForSignIn(made.email, 'address', soon())).isKnownAddress;
    expect(await isKnown()).toBe(true);
    await master.zadd(knownAddressesKey(made.id), Date.now() - knownAddressMs - 60_000, 'address');
    expect(await isKnown()).toBe(false); // also while later sign-ins from other addresses keep the key
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

describe('the sign-ins of a user', () => {
  it('end once under a key: the repetition says that it is one, and a later sign-in stays', async () => {
    const made = await created();
    const [own, other] = [await begun(made), await begun(made)];
    const first = context();
    expect(await sessions.endSessions(made.id, { which: 'others', sessionId: own.sessionId }, own, first)).toEqual({
      kind: 'ended',
      replayed: false,
    });
    const later = await begun(made);
    expect(
      await sessions.endSessions(made.id, { which: 'others', sessionId: own.sessionId }, own, again(first)),
    ).toEqual({ kind: 'ended', replayed: true });
    expect((await master.hkeys(sessionsKey(made.id))).sort()).toEqual([own.sessionId, later.sessionId].sort());
    expect(await sessions.endSessions(made.id, { which: 'one', sessionId: other.sessionId }, own, context())).toEqual({
      kind: 'missing',
    });
  });

  it('end as If-Match names them only if none has begun since they were read', async () => {
    const made = await created();
    const [own, other] = [await begun(made), await begun(made)];
    await master.hset(sessionsKey(made.id), newId(), `1:${Date.now() - 60_000}`); // has expired, so it is not listed
    const asListed = (...ids: string[]) => {
      const choice = { which: 'others', sessionId: own.sessionId, read: { tag: 'seen', ids } } as const;
      return sessions.endSessions(made.id, choice, own, { ...context(), ifMatch: ['seen'] });
    };
    const later = await begun(made);
    expect(await asListed(own.sessionId, other.sessionId)).toEqual({ kind: 'stale' });
    expect(await sessions.check(made.id, later.sessionId, soon())).toBe('customer');
    expect(await asListed(own.sessionId, other.sessionId, later.sessionId)).toEqual({ kind: 'ended', replayed: false });
    expect(await master.hkeys(sessionsKey(made.id))).toEqual([own.sessionId]);
  });

  it.each(['customer', 'admin'] as const)(
    'of a %s last without a refresh for as long as the role allows',
    async (role) => {
      const made = await created({ role });
      const { sessionId } = await begun(made);
      const [, ends] = String(await master.hget(sessionsKey(made.id), sessionId)).split(':');
      const lastsMs = Number(ends) - Date.now();
      const expectedMs = Math.min(sessionIdleMs, sessionLimits[role]);
      expect(lastsMs).toBeGreaterThan(expectedMs - 60_000);
      expect(lastsMs).toBeLessThanOrEqual(expectedMs);
    },
  );
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
