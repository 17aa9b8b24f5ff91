/** What is left of a user who has deleted the account: nothing that signs in, a free address, and the answer to the deletion. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../support/wait.ts';
import { bearer, newcomer, openTwoReplicas, password, problem, signIn, type TwoReplicas } from './users-support.ts';

let { replicas, users, close } = {} as TwoReplicas;
beforeAll(async () => {
  ({ replicas, users, close } = await openTwoReplicas());
});
afterAll(() => close());

describe('a user that was deleted', () => {
  it('cannot sign in, use a token in hand or refresh, and the address is free again', async () => {
    const { person, session, token } = await newcomer(users);
    const mine = { Authorization: bearer(token) };
    expect((await users.request.delete('/users/me').set(mine)).status).toBe(204);
    for (const replica of replicas) {
      const refused = () => replica.request.get('/users/me').set(mine);
      await waitFor('the token to be refused', async () => (await refused()).status === 401, 1000);
      expect((await refused()).body).toMatchObject(problem('session-ended', 401));
    }
    const login = await users.request.post('/users/login').send({ email: person.email, password });
    expect(login.body).toMatchObject(problem('invalid-credentials', 401));
    const refresh = await users.request.post('/users/refresh').send({ refreshToken: session.refreshToken });
    expect(refresh.body).toMatchObject(problem('session-ended', 401));
    await newcomer(users, person);
  });

  it('gets the answer to its deletion again under the same key, after its token has ended', async () => {
    const { token } = await newcomer(users);
    const attempt = (key: string, at = users) =>
      at.request.delete('/users/me').set({ Authorization: bearer(token), 'Idempotency-Key': key });
    expect((await attempt('delete-1')).status).toBe(204);
    for (const replica of replicas) {
      await waitFor('the token to be refused', async () => {
        return (await replica.request.get('/users/me').set('Authorization', bearer(token))).status === 401;
      });
      const replay = await attempt('delete-1', replica);
      expect([replay.status, replay.headers['idempotent-replayed']]).toEqual([204, 'true']);
      expect((await attempt('delete-2', replica)).body).toMatchObject(problem('session-ended', 401));
    }
  });

  it('is not deleted by a token whose sign-in has ended', async () => {
    const { person, session, token } = await newcomer(users);
    await users.request.post('/users/logout').send({ refreshToken: session.refreshToken });
    const answer = await users.request.delete('/users/me').set('Authorization', bearer(token));
    expect(answer.body).toMatchObject(problem('session-ended', 401));
    await signIn(users, person.email);
  });
});
