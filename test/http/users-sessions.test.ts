import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rotationsKey } from '../../api/users/keys.ts';
import { refreshTokens } from '../../api/users/refresh-tokens.ts';
import type { Session } from '../../api/users/schema.ts';
import { serviceCredential } from '../support/app.ts';
import { waitFor } from '../support/wait.ts';
import { bearer, newcomer, openTwoReplicas, password, problem, signIn, type TwoReplicas } from './users-support.ts';

let { replicas, users, master, close } = {} as TwoReplicas;
beforeAll(async () => {
  ({ replicas, users, master, close } = await openTwoReplicas());
});
afterAll(() => close());

const refresh = (refreshToken: string, at = users) => at.request.post('/users/refresh').send({ refreshToken });
const logout = (refreshToken: unknown) => users.request.post('/users/logout').send({ refreshToken });
const me = (token: string, at = users) => at.request.get('/users/me').set('Authorization', bearer(token));

/** As if 30 s had passed: what a used token could still be answered with is gone. */
async function endGrace({ refreshToken }: Session) {
  const [, sessionId, generation] = refreshToken.split('.');
  expect(await master.hdel(rotationsKey, `${sessionId}:${generation}`)).toBe(1);
}

/** Waits until a token is refused by both replicas, which must be within a second. */
async function refusedEverywhere(token: string) {
  for (const replica of replicas) {
    const answer = await waitFor(
      'the token to be refused',
      async () => {
        const seen = await me(token, replica);
        return seen.status !== 200 && seen;
      },
      1000,
    );
    expect(answer.body).toMatchObject(problem('session-ended', 401));
  }
}

describe('a refresh token', () => {
  it('is exchanged for a new session of the same sign-in', async () => {
    const { session } = await newcomer(users);
    const answer = await refresh(session.refreshToken);
    expect(answer.status).toBe(200);
    expect(answer.body.refreshToken).not.toBe(session.refreshToken);
    expect((await me(answer.body.accessToken)).status).toBe(200);
    expect((await refresh(answer.body.refreshToken)).status).toBe(200);
  });

  it('used again by a client that lost the answer gives that same session, on any replica', async () => {
    const { session } = await newcomer(users);
    const first = await refresh(session.refreshToken);
    const again = await refresh(session.refreshToken, replicas[1]);
    expect([again.status, again.body]).toEqual([200, first.body]);
    await refresh(first.body.refreshToken);
    expect((await refresh(session.refreshToken)).body).toEqual(first.body);
  });

  it('used many times at once gives one session', async () => {
    const { session } = await newcomer(users);
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => refresh(session.refreshToken, replicas[i % 2])),
    );
    for (const answer of answers) expect([answer.status, answer.body]).toEqual([200, answers[0]?.body]);
  });

  it('that is dead ends the sign-in with all its tokens within a second', async () => {
    const { session } = await newcomer(users);
    const next: Session = (await refresh(session.refreshToken)).body;
    await endGrace(session);
    expect((await refresh(session.refreshToken)).body).toMatchObject(problem('session-ended', 401));
    await refusedEverywhere(next.accessToken);
    expect((await refresh(next.refreshToken)).body).toMatchObject(problem('session-ended', 401));
  });

  it('that is dead leaves the user’s other sign-ins alone', async () => {
    const { person, session } = await newcomer(users);
    const other = await signIn(users, person.email);
    await refresh(session.refreshToken);
    await endGrace(session);
    await refresh(session.refreshToken);
    await refusedEverywhere(session.accessToken);
    expect((await me(other.accessToken)).status).toBe(200);
    expect((await refresh(other.refreshToken)).status).toBe(200);
  });

  it('made up, cut short or of a future generation is refused and ends nothing', async () => {
    const { session, user } = await newcomer(users);
    const token = session.refreshToken;
    const [userId = '', sessionId = ''] = token.split('.');
    const future = refreshTokens('a secret that only tests know').issue({ userId, sessionId, generation: 9 });
    const strangers = refreshTokens('not the secret').issue({ userId: user.id, sessionId, generation: 1 });
    for (const made of ['', 'x', token.slice(0, -1), `${token}x`, strangers, future, 'x'.repeat(5000)]) {
      const answer = await refresh(made);
      expect(answer.body).toMatchObject(problem('session-ended', 401));
    }
    expect((await refresh(token)).status).toBe(200);
  });

  it('is stored nowhere in the clear, nor what it is exchanged for', async () => {
    const { session } = await newcomer(users);
    const next: Session = (await refresh(session.refreshToken)).body;
    const [, sessionId] = session.refreshToken.split('.');
    const stored = (await master.hget(rotationsKey, `${sessionId}:1`)) ?? '';
    expect(stored.length).toBeGreaterThan(100);
    const decoded = stored + Buffer.from(stored, 'base64url').toString('latin1');
    for (const secret of [session.refreshToken, next.refreshToken, next.accessToken])
      expect(decoded).not.toContain(secret);
  });

  it('carries the role of now', async () => {
    const { session, user } = await newcomer(users);
    await master.hset(`{users}:user:${user.id}`, 'role', 'admin');
    const next: Session = (await refresh(session.refreshToken)).body;
    expect((await users.request.get('/users').set('Authorization', bearer(next.accessToken))).status).toBe(200);
    await master.hset(`{users}:user:${user.id}`, 'role', 'customer');
  });
});

describe('sign-out', () => {
  it('ends that sign-in on every replica within a second, and no other', async () => {
    const { person, session } = await newcomer(users);
    const other = await signIn(users, person.email);
    expect((await logout(session.refreshToken)).status).toBe(204);
    await refusedEverywhere(session.accessToken);
    expect((await refresh(session.refreshToken)).status).toBe(401);
    expect((await me(other.accessToken)).status).toBe(200);
    const patch = users.request.patch('/users/me').set('Authorization', bearer(session.accessToken));
    expect((await patch.send({ firstName: 'X' })).body).toMatchObject(problem('session-ended', 401));
  });

  it('also with a token that was used before', async () => {
    const { session } = await newcomer(users);
    const next: Session = (await refresh(session.refreshToken)).body;
    expect((await logout(session.refreshToken)).status).toBe(204);
    await refusedEverywhere(next.accessToken);
  });

  it('says 204 to anything well formed, again and again', async () => {
    const { session } = await newcomer(users);
    for (const token of [session.refreshToken, session.refreshToken, '', 'nonsense', 'x'.repeat(5000)]) {
      expect((await logout(token)).status).toBe(204);
    }
    expect((await logout(7)).status).toBe(422);
  });
});

describe('a new password', () => {
  const change = (token: string, body: object, headers: Record<string, string> = {}) =>
    users.request
      .put('/users/me/password')
      .set({ Authorization: bearer(token), ...headers })
      .send(body);
  const newPassword = 'another fine password';

  it('replaces the old one and ends every other sign-in within a second', async () => {
    const { person, session } = await newcomer(users);
    const other = await signIn(users, person.email);
    const answer = await change(session.accessToken, { currentPassword: password, newPassword });
    expect([answer.status, answer.text]).toEqual([204, '']);
    await refusedEverywhere(other.accessToken);
    expect((await refresh(other.refreshToken)).status).toBe(401);
    expect((await me(session.accessToken)).status).toBe(200);
    expect((await refresh(session.refreshToken)).status).toBe(200);
    expect((await users.request.post('/users/login').send({ email: person.email, password })).status).toBe(401);
    await signIn(users, person.email, newPassword);
  });

  it('is refused without the present one', async () => {
    const { person, session } = await newcomer(users);
    const answer = await change(session.accessToken, { currentPassword: 'not the password', newPassword });
    expect(answer.body).toMatchObject({
      ...problem('validation-failed', 422),
      errors: [{ pointer: '#/currentPassword', detail: expect.any(String) }],
    });
    await signIn(users, person.email);
  });

  it('repeated under its key is set once and answered again', async () => {
    const { person, session } = await newcomer(users);
    const attempt = () =>
      change(session.accessToken, { currentPassword: password, newPassword }, { 'Idempotency-Key': 'password-1' });
    const first = await attempt();
    const later = await signIn(users, person.email, newPassword);
    const replay = await attempt();
    expect([first.status, replay.status, replay.headers['idempotent-replayed']]).toEqual([204, 204, 'true']);
    expect((await me(later.accessToken)).status).toBe(200);
    for (const other of [{ newPassword: 'yet another password' }, { currentPassword: 'not the password' }]) {
      const body = { currentPassword: password, newPassword, ...other };
      const refused = await change(session.accessToken, body, { 'Idempotency-Key': 'password-1' });
      expect(refused.body).toMatchObject(problem('idempotency-key-reused', 422));
    }
    await signIn(users, person.email, newPassword);
  });

  it('is not set where If-Match is stale', async () => {
    const { person, session } = await newcomer(users);
    const answer = await change(session.accessToken, { currentPassword: password, newPassword }, { 'If-Match': '"9"' });
    expect(answer.body).toMatchObject(problem('precondition-failed', 412));
    await signIn(users, person.email);
  });

  it.each(['short', 'x'.repeat(129)])('may not be %j', async (bad) => {
    const { session } = await newcomer(users);
    const answer = await change(session.accessToken, { currentPassword: password, newPassword: bad });
    expect(answer.body.errors).toEqual([{ pointer: '#/newPassword', detail: expect.any(String) }]);
  });
});

describe('other services', () => {
  const check = (userId: string, sessionId: string, credential?: string) =>
    users.request
      .post('/internal/users/sessions/check')
      .set(credential === undefined ? {} : { Authorization: bearer(credential) })
      .send({ userId, sessionId });

  it('hear whether a sign-in goes on', async () => {
    const { session, user } = await newcomer(users);
    const [, sessionId = ''] = session.refreshToken.split('.');
    const credential = serviceCredential('purchases', 'users');
    expect((await check(user.id, sessionId, credential)).body).toEqual({ state: 'active', role: 'customer' });
    expect((await check(user.id, 'another', credential)).body).toEqual({ state: 'ended' });
    await logout(session.refreshToken);
    expect((await check(user.id, sessionId, credential)).body).toEqual({ state: 'ended' });
  });

  it('alone may ask', async () => {
    const { session, user } = await newcomer(users);
    // `purchases` sends the second to `products`, which must not be able to pass it on.
    const others = [undefined, serviceCredential('purchases', 'products'), session.accessToken, 'x'];
    for (const credential of others) {
      expect((await check(user.id, 'x', credential)).body).toMatchObject(problem('unauthenticated', 401));
    }
  });
});
