import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyedHash } from '../../api/http/secrets.ts';
import { open } from '../../api/users/open.ts';
import { startTestService, type TestService } from '../support/app.ts';
import { operator } from '../support/redis.ts';
import { bearer, newcomer, newPerson, password, problem, signIn } from './users-support.ts';

let users: TestService;
beforeAll(async () => {
  users = await startTestService('users', open, 'http://127.0.0.1:9');
});
afterAll(() => users.stop());

const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

describe('sign-up', () => {
  it('answers with the user, where it is, and no secret', async () => {
    const person = newPerson();
    const answer = await users.request.post('/users').send(person);
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual({
      id: expect.any(String),
      email: person.email,
      firstName: 'Ada',
      lastName: 'Lovelace',
      role: 'customer',
      createdAt: expect.stringMatching(isoTime),
      updatedAt: answer.body.createdAt,
    });
    expect(answer.headers.location).toBe(`/users/${answer.body.id}`);
    expect(answer.headers.etag).toBe('"1"');
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  it('refuses an address that is taken, in any letter case', async () => {
    const { person } = await newcomer(users);
    const key = crypto.randomUUID();
    const again = () =>
      users.request
        .post('/users')
        .set('Idempotency-Key', key)
        .send({ ...person, email: person.email.toUpperCase() });
    const answer = await again();
    expect(answer.status).toBe(409);
    expect(answer.body).toMatchObject(problem('email-taken', 409));
    const replay = await again();
    expect([replay.status, replay.headers['idempotent-replayed']]).toEqual([409, 'true']);
  });

  it('lists every fault of a body', async () => {
    const answer = await users.request
      .post('/users')
      .send({ email: 'not-an-address', password: 'short', firstName: ' ', role: 'admin', lastName: 'x\0' });
    expect(answer.status).toBe(422);
    expect(answer.body.errors[0]).toEqual({ pointer: '#/lastName', detail: 'must not contain NUL' });
    expect(answer.body.errors.map((fault: { pointer: string }) => fault.pointer).sort()).toEqual([
      '#/email',
      '#/firstName',
      '#/lastName',
      '#/password',
      '#/role',
    ]);
  });

  it('repeated under its key gives the first answer, also when the user has changed since', async () => {
    const person = newPerson();
    const attempt = () => users.request.post('/users').set('Idempotency-Key', '"sign-up-1"').send(person);
    const first = await attempt();
    const { accessToken } = await signIn(users, person.email);
    await users.request.patch('/users/me').set('Authorization', bearer(accessToken)).send({ firstName: 'Augusta' });
    const second = await attempt();
    expect(second.status).toBe(201);
    expect(second.body).toEqual(first.body);
    expect(second.headers.etag).toBe('"1"');
    expect(second.headers.location).toBe(first.headers.location);
    expect([first.headers['idempotent-replayed'], second.headers['idempotent-replayed']]).toEqual([undefined, 'true']);
  });

  it('under a key that had another body is refused', async () => {
    const key = crypto.randomUUID();
    const person = newPerson();
    await users.request.post('/users').set('Idempotency-Key', key).send(person);
    const answer = await users.request
      .post('/users')
      .set('Idempotency-Key', key)
      .send({ ...person, password: 'another password' });
    expect(answer.body).toMatchObject(problem('idempotency-key-reused', 422));
  });

  it('repeated under its key is compared by its password, also when it was refused or the password is another now', async () => {
    const person = newPerson();
    const attempt = (key: string, secret = password) =>
      users.request
        .post('/users')
        .set('Idempotency-Key', key)
        .send({ ...person, password: secret });
    const [made, taken] = [crypto.randomUUID(), crypto.randomUUID()];
    expect([(await attempt(made)).status, (await attempt(taken)).status]).toEqual([201, 409]);
    const { accessToken } = await signIn(users, person.email);
    const change = { currentPassword: password, newPassword: 'another fine password' };
    await users.request.put('/users/me/password').set('Authorization', bearer(accessToken)).send(change);
    for (const [key, status] of [
      [made, 201],
      [taken, 409],
    ] as const) {
      const replay = await attempt(key);
      expect([replay.status, replay.headers['idempotent-replayed']]).toEqual([status, 'true']);
      const other = await attempt(key, 'another fine password');
      expect(other.body).toMatchObject(problem('idempotency-key-reused', 422));
    }
  });

  it('leaves no fast hash of a password, nor does a new password', async () => {
    const master = await operator();
    const { person, token } = await newcomer(users);
    const change = { currentPassword: person.password, newPassword: 'another fine password' };
    await users.request.put('/users/me/password').set('Authorization', bearer(token)).send(change);
    const records = await master.keys('{users}:idempotency:*');
    const stored = await Promise.all(records.map((record) => master.hget(record, 'fingerprint')));
    master.disconnect();
    const { email, firstName, lastName } = person;
    const guess = (body: object) => keyedHash(users.config.IDEMPOTENCY_SECRET, 'body', JSON.stringify(body), '{}');
    expect(stored).toContain(guess({ email, firstName, lastName }));
    expect(stored).not.toContain(guess({ email, firstName, lastName, password: person.password }));
    expect(stored).not.toContain(guess(change));
  });

  it.each([
    ['administrator', 'is one of the most common passwords'],
    ['tick tock tick tock ', 'is one block repeated'],
    ['1234567890qwerty', 'is a keyboard or alphabet sequence'],
    ['Ada.Lovelace-1815', 'is made of your own address or name'],
  ])('refuses the password %j', async (bad, detail) => {
    const person = { ...newPerson(), password: bad };
    const refused = await users.request.post('/users').send(person);
    expect([refused.status, refused.body.errors]).toEqual([422, [{ pointer: '#/password', detail }]]);
    const { token } = await newcomer(users);
    const change = await users.request
      .put('/users/me/password')
      .set('Authorization', bearer(token))
      .send({ currentPassword: password, newPassword: bad });
    expect([change.status, change.body.errors]).toEqual([422, [{ pointer: '#/newPassword', detail }]]);
  });

  it('many times at once under one key makes one user', async () => {
    const key = crypto.randomUUID();
    const person = newPerson();
    const attempts = Array.from({ length: 8 }, () =>
      users.request.post('/users').set('Idempotency-Key', key).send(person),
    );
    const answers = await Promise.all(attempts);
    expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 201));
    expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1);
  });

  it('many times at once with one address makes one user', async () => {
    const person = newPerson();
    const answers = await Promise.all(Array.from({ length: 8 }, () => users.request.post('/users').send(person)));
    expect(answers.map((answer) => answer.status).sort()).toEqual([201, ...Array(7).fill(409)]);
  });

  it('repeated by another replica of Nginx’s choice is no replay to the client', async () => {
    const person = newPerson();
    const attempt = () =>
      users.request
        .post('/users')
        .set({ 'Idempotency-Key': 'k-same-attempt', 'X-Attempt-Id': 'attempt-1' })
        .send(person);
    const [first, second] = [await attempt(), await attempt()];
    expect(second.body).toEqual(first.body);
    expect(second.headers['idempotent-replayed']).toBeUndefined();
  });
});

describe('one’s own user', () => {
  it('is read with a tag, and not again while it is the same', async () => {
    const { token, user } = await newcomer(users);
    const first = await users.request.get('/users/me').set('Authorization', bearer(token));
    expect([first.status, first.body, first.headers.etag]).toEqual([200, user, '"1"']);
    const again = await users.request.get('/users/me').set({ Authorization: bearer(token), 'If-None-Match': '"1"' });
    expect([again.status, again.text]).toEqual([304, '']);
  });

  it('changes by name, and is read changed at once', async () => {
    const { token, user } = await newcomer(users);
    const auth = { Authorization: bearer(token) };
    const answer = await users.request.patch('/users/me').set(auth).send({ lastName: 'King' });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ ...user, lastName: 'King', updatedAt: expect.stringMatching(isoTime) });
    expect(answer.headers.etag).toBe('"2"');
    expect((await users.request.get('/users/me').set(auth)).body).toEqual(answer.body);
  });

  it('does not change where If-Match is stale, and a repetition with the same key is none', async () => {
    const { token } = await newcomer(users);
    const auth = { Authorization: bearer(token) };
    const attempt = () =>
      users.request
        .patch('/users/me')
        .set({ ...auth, 'If-Match': '"1"', 'Idempotency-Key': 'change-1' })
        .send({ firstName: 'B' });
    const first = await attempt();
    const replay = await attempt();
    expect([first.status, replay.status, replay.headers['idempotent-replayed']]).toEqual([200, 200, 'true']);
    expect(replay.body).toEqual(first.body);
    const stale = await users.request
      .patch('/users/me')
      .set({ ...auth, 'If-Match': '"1"' })
      .send({ firstName: 'C' });
    expect(stale.body).toMatchObject(problem('precondition-failed', 412));
    expect((await users.request.get('/users/me').set(auth)).body).toEqual(first.body);
  });

  it('loses none of many changes at once', async () => {
    const { token } = await newcomer(users);
    const auth = { Authorization: bearer(token) };
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        users.request
          .patch('/users/me')
          .set(auth)
          .send({ firstName: `F${i}` }),
      ),
    );
    expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 200));
    expect((await users.request.get('/users/me').set(auth)).headers.etag).toBe('"11"');
  });

  it.each([[{}], [{ role: 'admin' }], [{ email: 'x@example.com' }], [{ firstName: null }], [{ lastName: '' }]])(
    'refuses the change %j',
    async (body) => {
      const { token } = await newcomer(users);
      const answer = await users.request.patch('/users/me').set('Authorization', bearer(token)).send(body);
      expect(answer.body).toMatchObject(problem('validation-failed', 422));
    },
  );
});
