/**
 * A request repeated under its key gets the first answer also where that answer took the right to ask away. On a Redis of its own: it makes admins,
 * and what the last admin may not do is tested elsewhere.
 */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../../api/core/ids.ts';
import type { Role } from '../../api/core/request.ts';
import { open } from '../../api/users/open.ts';
import { startTestService, type TestService } from '../support/app.ts';
import { type OwnRedis, startOwnRedis } from '../support/own-redis.ts';
import { waitFor } from '../support/wait.ts';
import { bearer, newcomer, newPerson, problem, signIn } from './users-support.ts';

let redis: OwnRedis;
let master: Redis;
let replicas: TestService[];
let users: TestService;
beforeAll(async () => {
  redis = await startOwnRedis('users');
  master = redis.master;
  replicas = await Promise.all([1, 2].map(() => startTestService('users', open, 'http://127.0.0.1:9', redis.settings)));
  [users] = replicas as [TestService];
  await newAdmin(); // so that no test has to do with the last one
});
afterAll(async () => {
  for (const replica of replicas) await replica.stop();
  await redis.close();
});

/** A new user who is made an admin and signs in as one. */
async function newAdmin() {
  const made = await newcomer(users);
  await master.hset(`{users}:user:${made.user.id}`, 'role', 'admin' satisfies Role);
  await master.sadd('{users}:admins', made.user.id);
  const session = await signIn(users, made.person.email);
  return { ...made, session, token: session.accessToken };
}

type Sent = { readonly token: string; readonly key?: string; readonly body?: object; readonly at?: TestService };

const send = (method: 'patch' | 'delete', path: string, { token, key = newId(), body, at = users }: Sent) =>
  at.request[method](path)
    .set({ Authorization: bearer(token), 'Idempotency-Key': key })
    .send(body);

/** Waits until both replicas refuse the token on an admin's route. */
async function refusedEverywhere(token: string, status: 401 | 403) {
  for (const { request } of replicas) {
    const list = () => request.get('/users').set('Authorization', bearer(token));
    await waitFor(`${status}`, async () => (await list()).status === status, 1000);
  }
}

const customer = { role: 'customer' };

describe('an admin who demotes themself', () => {
  test('gets the first answer again, from every replica, and nothing else', async () => {
    const { user, token } = await newAdmin();
    const key = newId();
    const first = await send('patch', `/users/${user.id}`, { token, key, body: customer });
    expect([first.status, first.body.role]).toEqual([200, 'customer']);
    await refusedEverywhere(token, 403);
    for (const at of replicas) {
      const again = await send('patch', `/users/${user.id}`, { token, key, body: customer, at });
      expect([again.status, again.body, again.headers['idempotent-replayed']]).toEqual([200, first.body, 'true']);
      const other = await send('patch', `/users/${user.id}`, { token, body: customer, at });
      expect(other.body).toMatchObject(problem('forbidden', 403));
      const reused = await send('patch', `/users/${user.id}`, { token, key, body: { role: 'admin' }, at });
      expect(reused.body).toMatchObject(problem('idempotency-key-reused', 422));
    }
  });

  test('and then signs out, gets 401', async () => {
    const { user, token, session } = await newAdmin();
    const key = newId();
    await send('patch', `/users/${user.id}`, { token, key, body: customer });
    await users.request.post('/users/logout').send({ refreshToken: session.refreshToken });
    await refusedEverywhere(token, 401);
    const again = await send('patch', `/users/${user.id}`, { token, key, body: customer });
    expect(again.body).toMatchObject(problem('session-ended', 401));
  });
});

describe('an admin who deletes themself', () => {
  test('gets the first answer again, from every replica, and nothing else', async () => {
    const { user, token } = await newAdmin();
    const key = newId();
    expect((await send('delete', `/users/${user.id}`, { token, key })).status).toBe(204);
    await refusedEverywhere(token, 401);
    for (const at of replicas) {
      const again = await send('delete', `/users/${user.id}`, { token, key, at });
      expect([again.status, again.headers['idempotent-replayed']]).toEqual([204, 'true']);
      const other = await send('delete', `/users/${user.id}`, { token, at });
      expect(other.body).toMatchObject(problem('session-ended', 401));
    }
  });

  test('gets 401 with a token of another sign-in', async () => {
    const { user, token, person } = await newAdmin();
    const { accessToken: other } = await signIn(users, person.email);
    const key = newId();
    await send('delete', `/users/${user.id}`, { token, key });
    await refusedEverywhere(other, 401);
    const again = await send('delete', `/users/${user.id}`, { token: other, key });
    expect(again.body).toMatchObject(problem('session-ended', 401));
  });
});

describe('an admin whose right ended for another reason', () => {
  test.each([
    [
      'signed out',
      401,
      'session-ended',
      ({ refreshToken }: Ended) => users.request.post('/users/logout').send({ refreshToken }),
    ],
    [
      'demoted by another',
      403,
      'forbidden',
      ({ id, by }: Ended) => send('patch', `/users/${id}`, { token: by, body: customer }),
    ],
    ['deleted by another', 401, 'session-ended', ({ id, by }: Ended) => send('delete', `/users/${id}`, { token: by })],
  ] as const)('%s, does not get a first answer again', async (_how, status, code, end) => {
    const [{ user, token, session }, { token: by }, { user: third }] = [
      await newAdmin(),
      await newAdmin(),
      await newcomer(users),
    ];
    const key = newId();
    const ask = () => send('patch', `/users/${third.id}`, { token, key, body: { firstName: 'Grace' } });
    expect((await ask()).status).toBe(200);
    await end({ id: user.id, by, refreshToken: session.refreshToken });
    await refusedEverywhere(token, status);
    expect((await ask()).body).toMatchObject(problem(code, status));
  });
});

type Ended = { readonly id: string; readonly by: string; readonly refreshToken: string };

describe('a user who ends their own sign-in', () => {
  test('gets the first answer again, and 401 for anything else', async () => {
    const { token } = await newcomer(users);
    const list = await users.request.get('/users/me/sessions').set('Authorization', bearer(token));
    const path = `/users/me/sessions/${list.body.data[0].id}`;
    const key = newId();
    expect((await send('delete', path, { token, key })).status).toBe(204);
    await refusedEverywhere(token, 401);
    for (const at of replicas) {
      const again = await send('delete', path, { token, key, at });
      expect([again.status, again.headers['idempotent-replayed']]).toEqual([204, 'true']);
      expect((await send('delete', path, { token, at })).body).toMatchObject(problem('session-ended', 401));
    }
  });
});

describe('a sign-up', () => {
  test('repeated from another address gets the first answer', async () => {
    const person = newPerson();
    const key = newId();
    const from = (address: string, email = person.email) =>
      users.request
        .post('/users')
        .set({ 'X-Forwarded-For': address, 'Idempotency-Key': key })
        .send({ ...person, email });
    const first = await from('198.51.100.1');
    const again = await from('203.0.113.2');
    expect([again.status, again.body, again.headers['idempotent-replayed']]).toEqual([201, first.body, 'true']);
    // The key belongs to the e-mail address, in any letter case: another person may use the same.
    expect((await from('198.51.100.1', newPerson().email)).status).toBe(201);
  });
});
