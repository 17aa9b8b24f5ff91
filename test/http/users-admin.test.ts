/** The only file of this project that makes admins: the rules of the last one need it. */
import type { Redis } from 'ioredis';
import type { Response } from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../api/core/ids.ts';
import { open } from '../../api/users/open.ts';
import type { UserOut } from '../../api/users/schema.ts';
import { startTestService, type TestService } from '../support/app.ts';
import { operator } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';
import { bearer, everythingIn, newcomer, newPerson, password, problem, signIn } from './users-support.ts';

const admin = { ADMIN_EMAIL: `admin-${newId()}@example.com`, ADMIN_PASSWORD: 'the first password' };
let replicas: TestService[];
let users: TestService;
let master: Redis;
/** As the background work begins, which makes the first admin. */
const statesAtOnce: string[] = [];
let auth: { Authorization: string };
const stops: (() => void)[] = [];

beforeAll(async () => {
  master = await operator();
  replicas = await Promise.all([1, 2].map(() => startTestService('users', open, 'http://127.0.0.1:9', admin)));
  [users] = replicas as [TestService];
  // On a busy machine the Sentinels may be silent for the first second. The first attempt to make an admin would fail then.
  for (const { request } of replicas) {
    const attempt = () => request.post('/users/login').send({ email: admin.ADMIN_EMAIL, password });
    await waitFor('users to reach Redis', async () => (await attempt()).status === 401);
  }
  for (const { service, readiness } of replicas) {
    stops.push(service.background?.() ?? (() => undefined));
    statesAtOnce.push(readiness.state());
  }
  await waitFor('both to be ready', async () => {
    const answers = await Promise.all(replicas.map(({ request }) => request.get('/readyz')));
    return answers.every(({ status }) => status === 200);
  });
  auth = { Authorization: bearer((await signIn(users, admin.ADMIN_EMAIL, admin.ADMIN_PASSWORD)).accessToken) };
});
afterAll(async () => {
  for (const stop of stops) stop();
  for (const replica of replicas) await replica.stop();
  master.disconnect();
});

const me = async () => (await users.request.get('/users/me').set(auth)).body as UserOut;
const patch = (id: string, body: object, headers: Record<string, string> = {}) =>
  users.request
    .patch(`/users/${id}`)
    .set({ ...auth, ...headers })
    .send(body);
const remove = (id: string, headers: Record<string, string> = {}) =>
  users.request.delete(`/users/${id}`).set({ ...auth, ...headers });

describe('the first admin', () => {
  it('exists before a replica says that it is ready', () => {
    // The sign-in in `beforeAll`, right after both were ready, has succeeded.
    expect(statesAtOnce).toEqual(['starting', 'starting']);
  });

  it('is one, although two replicas began at once', async () => {
    expect(await master.scard('{users}:admins')).toBe(1);
    expect(await me()).toMatchObject({ email: admin.ADMIN_EMAIL, role: 'admin' });
  });

  it('is the last one, and can be neither demoted nor deleted', async () => {
    const { id } = await me();
    const key = { 'Idempotency-Key': 'last-1' };
    for (const attempt of [
      () => patch(id, { role: 'customer' }, key),
      () => remove(id, key),
      () => users.request.delete('/users/me').set({ ...auth, ...key }),
    ]) {
      expect((await attempt()).body).toMatchObject(problem('last-admin', 409));
      const replay = await attempt();
      expect([replay.status, replay.headers['idempotent-replayed']]).toEqual([409, 'true']);
    }
    expect((await me()).role).toBe('admin');
  });
});

describe('an admin', () => {
  it('reads, changes and deletes others', async () => {
    const { user } = await newcomer(users);
    const read = await users.request.get(`/users/${user.id}`).set(auth);
    expect([read.status, read.body, read.headers.etag]).toEqual([200, user, '"1"']);
    const changed = await patch(user.id, { firstName: 'Grace', lastName: 'Hopper' });
    expect([changed.status, changed.body]).toEqual([
      200,
      { ...user, firstName: 'Grace', lastName: 'Hopper', updatedAt: expect.any(String) },
    ]);
    expect((await remove(user.id, { 'If-Match': '"1"' })).body).toMatchObject(problem('precondition-failed', 412));
    expect((await remove(user.id, { 'If-Match': '"2"' })).status).toBe(204);
    expect((await remove(user.id)).body).toMatchObject(problem('not-found', 404));
    expect((await users.request.get(`/users/${user.id}`).set(auth)).body).toMatchObject(problem('not-found', 404));
  });

  it.each(['0198c0de-0000-7000-8000-000000000000', 'x', 'me%2F', '%7Busers%7D', 'a%0D%0Ab', '%00'])(
    'finds no user under %s',
    async (id) => {
      const answers = [
        await users.request.get(`/users/${id}`).set(auth),
        await patch(id, { firstName: 'X' }),
        await remove(id),
      ];
      for (const answer of answers) expect(answer.body).toMatchObject(problem('not-found', 404));
    },
  );

  it('gives a role that counts everywhere within a second, and takes it away again', async () => {
    const { user, token } = await newcomer(users);
    const list = (at: TestService) => at.request.get('/users').set('Authorization', bearer(token));
    expect((await list(users)).status).toBe(403);
    for (const [role, status] of [
      ['admin', 200],
      ['customer', 403],
    ] as const) {
      expect((await patch(user.id, { role })).body.role).toBe(role);
      for (const replica of replicas) {
        await waitFor(`${status}`, async () => (await list(replica)).status === status, 1000);
      }
    }
  });

  it('ends every sign-in of a user, within a second', async () => {
    const { person, user, token } = await newcomer(users);
    const other = await signIn(users, person.email);
    const end = (id: string, key = newId()) =>
      users.request.delete(`/users/${id}/sessions`).set({ ...auth, 'Idempotency-Key': key });
    // The sign-ins of another user have no entity tag that If-Match could name.
    expect((await end(user.id).set('If-Match', '"1"')).body).toMatchObject(problem('precondition-failed', 412));
    const key = newId();
    expect((await end(user.id, key).set('If-Match', '*')).status).toBe(204);
    for (const each of [token, other.accessToken]) {
      for (const { request } of replicas) {
        const refused = async () => (await request.get('/users/me').set('Authorization', bearer(each))).status === 401;
        await waitFor('the token to be refused', refused, 1000);
      }
    }
    const replay = await end(user.id, key).set('If-Match', '"1"');
    expect([replay.status, replay.headers['idempotent-replayed']]).toEqual([204, 'true']);
    expect((await end(user.id)).status).toBe(204);
    expect((await end(newId())).body).toMatchObject(problem('not-found', 404));
    await signIn(users, person.email);
  });

  it('is signed in for twelve hours at most, and a customer who becomes one, too', async () => {
    const { user, session } = await newcomer(users);
    await patch(user.id, { role: 'admin' });
    const next = await users.request.post('/users/refresh').send({ refreshToken: session.refreshToken });
    const list = await users.request.get('/users/me/sessions').set('Authorization', bearer(next.body.accessToken));
    const [{ createdAt, endsAt }] = list.body.data;
    expect(Date.parse(endsAt) - Date.parse(createdAt)).toBe(12 * 3600 * 1000);
    await patch(user.id, { role: 'customer' });
  });

  it('is one between a refresh and its repetition: that gives the same session again, with a token that is good', async () => {
    const { user, session } = await newcomer(users);
    const refresh = () => users.request.post('/users/refresh').send({ refreshToken: session.refreshToken });
    const first = await refresh();
    await patch(user.id, { role: 'admin' });
    const again = await refresh();
    await patch(user.id, { role: 'customer' });
    expect([again.status, again.body]).toEqual([200, first.body]);
    const read = await users.request.get('/users/me').set('Authorization', bearer(again.body.accessToken));
    expect(read.status).toBe(200);
  });

  it('may go when there is another', async () => {
    const { user, token } = await newcomer(users);
    await patch(user.id, { role: 'admin' });
    expect((await users.request.delete('/users/me').set('Authorization', bearer(token))).status).toBe(204);
    expect(await master.scard('{users}:admins')).toBe(1);
  });
});

describe('the list', () => {
  async function walk(limit: number, between: (page: number) => Promise<unknown> = async () => undefined) {
    const seen: UserOut[] = [];
    let path: string | undefined = `/users?limit=${limit}`;
    for (let page = 0; path !== undefined; page++) {
      const answer: Response = await users.request.get(path).set(auth);
      expect(answer.status).toBe(200);
      seen.push(...answer.body.data);
      const next: string | undefined = /<([^>]+)>; rel="next"/.exec(answer.headers.link ?? '')?.[1];
      expect(next === undefined).toBe(answer.body.nextCursor === null);
      path = next;
      await between(page);
    }
    return seen;
  }

  it('is walked newest first, and neither repeats nor skips a user while others come and go', async () => {
    const there: UserOut[] = [];
    for (let i = 0; i < 7; i++) there.push((await users.request.post('/users').send(newPerson())).body);
    const doomed = there.splice(2, 1)[0] as UserOut;
    const seen = await walk(2, async (page) => {
      if (page === 0) await users.request.post('/users').send(newPerson());
      if (page === 1) await remove(doomed.id);
    });
    const ids = seen.map((user) => user.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual([...ids].sort().reverse());
    for (const user of there) expect(seen).toContainEqual(user);
    expect(ids).toContain((await me()).id);
  });

  it.each(['limit=0', 'limit=101', 'limit=x', 'limit=1&limit=2', 'cursor=made-up', 'role=admin', 'cursor='])(
    'refuses ?%s',
    async (query) => {
      const answer = await users.request.get(`/users?${query}`).set(auth);
      expect(answer.body).toMatchObject(problem('validation-failed', 422));
      expect(answer.body.errors).toHaveLength(1);
    },
  );
});

describe('a user that was deleted', () => {
  it('leaves name and address nowhere, and answers that held them are not given again', async () => {
    const mark = newId().replaceAll('-', '');
    const person = { email: `${mark}@example.com`, password, firstName: `F${mark}`, lastName: `L${mark}` };
    const signUp = () => users.request.post('/users').set('Idempotency-Key', `up-${mark}`).send(person);
    const { id } = (await signUp()).body as UserOut;
    const change = () => patch(id, { firstName: `G${mark}` }, { 'Idempotency-Key': `patch-${mark}` });
    expect((await change()).status).toBe(200);
    const session = await signIn(users, person.email);
    await users.request.post('/users/refresh').send({ refreshToken: session.refreshToken });
    expect(await everythingIn(master)).toContain(mark);

    const erase = () => remove(id, { 'Idempotency-Key': `erase-${mark}` });
    expect((await erase()).status).toBe(204);
    expect(await everythingIn(master)).not.toContain(mark);

    const again = await erase();
    expect([again.status, again.headers['idempotent-replayed']]).toEqual([204, 'true']);
    expect((await change()).body).toMatchObject(problem('not-found', 404));
    expect((await signUp()).body).toMatchObject(problem('not-found', 404));
    expect(await everythingIn(master)).not.toContain(mark);
  });
});
