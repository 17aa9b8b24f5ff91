/** Sign-ins as their user sees and ends them: the list, ending one, ending the others; and what ends by itself. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../api/core/ids.ts';
import { maxSessions, sessionsKey } from '../../api/users/keys.ts';
import { refreshTokens } from '../../api/users/refresh-tokens.ts';
import type { Session } from '../../api/users/schema.ts';
import { waitFor } from '../support/wait.ts';
import { bearer, newcomer, openTwoReplicas, password, problem, signIn, type TwoReplicas } from './users-support.ts';

let { replicas, users, master, close } = {} as TwoReplicas;
beforeAll(async () => {
  ({ replicas, users, master, close } = await openTwoReplicas());
});
afterAll(() => close());

const dayMs = 24 * 3600 * 1000;
/** The id of a sign-in that began at this time. */
function idAt(beganMs: number): string {
  const hex = beganMs.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-${newId().slice(14)}`;
}

const idOf = ({ refreshToken }: Session) => refreshToken.split('.')[1] ?? '';
const me = (token: string, at = users) => at.request.get('/users/me').set('Authorization', bearer(token));
const list = (token: string) => users.request.get('/users/me/sessions').set('Authorization', bearer(token));
const end = (token: string, path: string, headers: Record<string, string> = {}) =>
  users.request.delete(`/users/me/sessions${path}`).set({ Authorization: bearer(token), ...headers });
const refresh = ({ refreshToken }: Session) => users.request.post('/users/refresh').send({ refreshToken });

/** Waits until both replicas refuse a token, which must be within a second. */
async function refusedEverywhere(token: string) {
  for (const replica of replicas) {
    await waitFor('the token to be refused', async () => (await me(token, replica)).status === 401, 1000);
  }
}

describe('the list of one’s sign-ins', () => {
  it('says when each began, was last used and ends, with which program, and which is the present one', async () => {
    const startMs = Date.now();
    const { person, session } = await newcomer(users);
    const login = { email: person.email, password };
    const phone = await users.request.post('/users/login').set('User-Agent', 'phone: 1.0').send(login);
    const answer = await list(session.accessToken);
    expect([answer.status, answer.headers['cache-control']]).toEqual([200, 'no-store']);
    expect(Object.keys(answer.body)).toEqual(['data']);
    const [newer, older] = answer.body.data;
    expect(answer.body.data).toHaveLength(2);
    expect(newer).toMatchObject({ id: idOf(phone.body), current: false, userAgent: 'phone: 1.0' });
    expect(older).toMatchObject({ id: idOf(session), current: true });
    for (const each of [newer, older]) {
      // Give or take a second between the clocks of this process and of Redis.
      expect(Date.parse(each.createdAt)).toBeGreaterThanOrEqual(startMs - 1000);
      expect(Date.parse(each.createdAt)).toBeLessThanOrEqual(Date.parse(each.lastUsedAt) + 1000);
      expect(Date.parse(each.lastUsedAt)).toBeLessThanOrEqual(Date.now() + 1000);
      expect(Date.parse(each.endsAt) - Date.parse(each.lastUsedAt)).toBe(30 * dayMs);
    }
  });

  it('moves on with each refresh, and keeps when it began', async () => {
    const { person, user } = await newcomer(users);
    const login = users.request.post('/users/login').set('User-Agent', 'phone');
    const session: Session = (await login.send({ email: person.email, password })).body;
    // An hour ago: the clocks of this process and of Redis may differ by more than a refresh takes.
    const usedMs = Date.now() - 3_600_000;
    await master.hset(sessionsKey(user.id), idOf(session), `1:${usedMs + 30 * dayMs}:${usedMs}:phone`);
    const [before] = (await list(session.accessToken)).body.data;
    const next: Session = (await refresh(session)).body;
    const [after] = (await list(next.accessToken)).body.data;
    expect(after).toMatchObject({ id: before.id, createdAt: before.createdAt, userAgent: 'phone' });
    expect(Date.parse(before.lastUsedAt)).toBe(usedMs);
    expect(Date.parse(after.lastUsedAt)).toBeGreaterThan(usedMs + 3_500_000);
  });

  it('holds what was stored before sign-ins had a program and a time of use, and nothing that has expired', async () => {
    const { session, user } = await newcomer(users);
    const beganMs = Date.now() - 5 * dayMs;
    const [old, expired] = [idAt(beganMs), idAt(beganMs)];
    const ends = Date.now() + 29 * dayMs;
    await master.hset(sessionsKey(user.id), old, `3:${ends}`, expired, `1:${Date.now() - 1000}`);
    const { data } = (await list(session.accessToken)).body;
    expect(data.map(({ id }: { id: string }) => id)).toEqual([idOf(session), old]);
    expect(data[1]).toEqual({
      id: old,
      createdAt: new Date(beganMs).toISOString(),
      lastUsedAt: new Date(ends - 30 * dayMs).toISOString(),
      endsAt: new Date(ends).toISOString(),
      current: false,
    });
  });
});

describe('ending a sign-in', () => {
  it('by its id ends it on every replica within a second, and no other', async () => {
    const { person, session } = await newcomer(users);
    const other = await signIn(users, person.email);
    expect((await end(session.accessToken, `/${idOf(other)}`)).status).toBe(204);
    await refusedEverywhere(other.accessToken);
    expect((await refresh(other)).body).toMatchObject(problem('session-ended', 401));
    expect((await me(session.accessToken)).status).toBe(200);
    expect((await list(session.accessToken)).body.data).toHaveLength(1);
  });

  it('that is not there, or another user’s, is not found, and ends nothing', async () => {
    const { session } = await newcomer(users);
    const { session: stranger } = await newcomer(users);
    for (const id of [newId(), idOf(stranger), 'x']) {
      expect((await end(session.accessToken, `/${id}`)).body).toMatchObject(problem('not-found', 404));
    }
    expect((await refresh(stranger)).status).toBe(200);
  });

  it('that no tag of If-Match can name, because it has none, is refused; with * it is not', async () => {
    const { person, session } = await newcomer(users);
    const other = await signIn(users, person.email);
    for (const tag of ['"1"', 'W/"1", "2"', '""', 'no tag']) {
      const one = await end(session.accessToken, `/${idOf(other)}`, { 'If-Match': tag });
      expect([tag, one.body]).toEqual([tag, expect.objectContaining(problem('precondition-failed', 412))]);
    }
    expect((await me(other.accessToken)).status).toBe(200);
    expect((await end(session.accessToken, `/${idOf(other)}`, { 'If-Match': '*' })).status).toBe(204);
  });

  it('all others, but only as they were listed', async () => {
    const { person, session } = await newcomer(users);
    const other = await signIn(users, person.email);
    const endOthers = (tag: string) =>
      end(session.accessToken, '', { 'If-Match': tag, 'Idempotency-Key': tag.slice(1) });
    const stale = String((await list(session.accessToken)).headers.etag);
    await signIn(users, person.email);
    expect((await endOthers(stale)).body).toMatchObject(problem('precondition-failed', 412));
    expect((await refresh(other)).status).toBe(200);
    const present = String((await list(session.accessToken)).headers.etag);
    expect((await endOthers(present)).status).toBe(204);
    // The tag is stale by now, because of the first answer.
    expect((await endOthers(present)).headers['idempotent-replayed']).toBe('true');
    expect((await list(session.accessToken)).body.data).toHaveLength(1);
  });

  it('repeated under its key is answered again, also when it was the present one', async () => {
    const { person, session } = await newcomer(users);
    const other = await signIn(users, person.email);
    for (const target of [other, session]) {
      const attempt = () => end(session.accessToken, `/${idOf(target)}`, { 'Idempotency-Key': 'end-1' });
      expect((await attempt()).status).toBe(204);
      await refusedEverywhere(target.accessToken);
      const replay = await attempt();
      expect([replay.status, replay.headers['idempotent-replayed']]).toEqual([204, 'true']);
    }
    const more = await end(session.accessToken, `/${idOf(other)}`);
    expect(more.body).toMatchObject(problem('session-ended', 401));
  });

  it('and all others but the present one', async () => {
    const { person, session } = await newcomer(users);
    const others = [await signIn(users, person.email), await signIn(users, person.email)];
    expect((await end(session.accessToken, '')).status).toBe(204);
    for (const other of others) await refusedEverywhere(other.accessToken);
    expect((await refresh(session)).status).toBe(200);
    expect((await list(session.accessToken)).body.data).toHaveLength(1);
  });
});

describe('a sign-in ends by itself', () => {
  it(`when there are more than ${maxSessions}: the oldest`, async () => {
    const { person, session, user } = await newcomer(users);
    expect(maxSessions).toBe(50);
    const ends = Date.now() + 31 * dayMs;
    const filled = Array.from({ length: maxSessions - 1 }, () => [newId(), `1:${ends}`]).flat();
    await master.hset(sessionsKey(user.id), ...filled);
    const newest = await signIn(users, person.email);
    await refusedEverywhere(session.accessToken);
    expect((await list(newest.accessToken)).body.data).toHaveLength(maxSessions);
  });

  it('90 days after it began, however often it is refreshed; its tokens live no longer', async () => {
    const { session, user } = await newcomer(users);
    const [userId, , generation] = session.refreshToken.split('.');
    const signed = async (beganMs: number) => {
      const sessionId = idAt(beganMs);
      await master.hset(sessionsKey(user.id), sessionId, `${generation}:${Date.now() + 10 * dayMs}`);
      const tokens = refreshTokens('a secret that only tests know');
      return tokens.issue({ userId: userId ?? '', sessionId, generation: Number(generation) });
    };
    const soon = await signed(Date.now() - 90 * dayMs + 60_000);
    const next = await users.request.post('/users/refresh').send({ refreshToken: soon });
    expect(next.status).toBe(200);
    expect(next.body.expiresIn).toBeGreaterThan(50);
    expect(next.body.expiresIn).toBeLessThanOrEqual(60);
    const { data } = (await list(next.body.accessToken)).body;
    const listed = data.find(({ id }: { id: string }) => soon.includes(id));
    expect(Date.parse(listed.endsAt) - Date.parse(listed.createdAt)).toBe(90 * dayMs);

    const over = await signed(Date.now() - 90 * dayMs - 1000);
    const refused = await users.request.post('/users/refresh').send({ refreshToken: over });
    expect(refused.body).toMatchObject(problem('session-ended', 401));
    expect(await master.hexists(sessionsKey(user.id), over.split('.')[1] ?? '')).toBe(0);
  });
});

describe('a user', () => {
  it('reads itself where sign-up said that it is', async () => {
    const { token, user } = await newcomer(users);
    const { user: other } = await newcomer(users);
    const get = (id: string) => users.request.get(`/users/${id}`).set('Authorization', bearer(token));
    const own = await get(user.id);
    expect([own.status, own.body, own.headers.etag]).toEqual([200, user, '"1"']);
    expect((await get(other.id)).body).toMatchObject(problem('forbidden', 403));
    expect((await get(newId())).body).toMatchObject(problem('forbidden', 403));
  });
});
