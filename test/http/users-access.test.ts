import { generateKeyPairSync } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessTokens } from '../../api/users/access-tokens.ts';
import { open } from '../../api/users/open.ts';
import { startTestService, type TestService } from '../support/app.ts';
import { waitFor } from '../support/wait.ts';
import { bearer, newcomer, newPerson, password, problem } from './users-support.ts';

let users: TestService;
beforeAll(async () => {
  users = await startTestService('users', open, 'http://127.0.0.1:9');
});
afterAll(() => users.stop());

describe('sign-in', () => {
  it('answers with a session, in any letter case of the address', async () => {
    const { person, user } = await newcomer(users);
    const answer = await users.request.post('/users/login').send({ email: person.email.toUpperCase(), password });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      accessToken: expect.any(String),
      tokenType: 'Bearer',
      expiresIn: 300,
      refreshToken: expect.any(String),
    });
    expect(answer.headers['cache-control']).toBe('no-store');
    const token = jwt.decode(answer.body.accessToken, { complete: true });
    expect(token?.header).toMatchObject({ alg: 'ES256', typ: 'at+jwt' });
    expect(token?.payload).toMatchObject({ sub: user.id, role: 'customer', iss: 'evergreen-users', aud: 'evergreen' });
  });

  it('says the same to a wrong password as to an unknown address, and takes as long', async () => {
    const { person } = await newcomer(users);
    const attempt = (email: string) => async () => {
      const startMs = performance.now();
      const answer = await users.request.post('/users/login').send({ email, password: 'not the password' });
      return { answer, tookMs: performance.now() - startMs };
    };
    const wrong = attempt(person.email);
    const unknown = attempt('unknown@example.com');
    await wrong();
    const tries: Awaited<ReturnType<typeof wrong>>[][] = [];
    const fastest = (which: number) => Math.min(...tries.map((each) => each[which]?.tookMs ?? 0));
    // Hashing takes tens of milliseconds: leaving it out would be seen in every attempt. A busy machine makes single attempts slow.
    const takesAsLong = () => fastest(1) > fastest(0) / 2;
    while (tries.length < 7 || (!takesAsLong() && tries.length < 40)) tries.push([await wrong(), await unknown()]);
    for (const { answer } of tries.flat()) {
      expect(answer.status).toBe(401);
      expect(answer.body).toMatchObject(problem('invalid-credentials', 401));
      expect({ ...answer.body, requestId: '' }).toEqual({ ...tries[0]?.[0]?.answer.body, requestId: '' });
      expect(answer.headers['www-authenticate']).toContain('Bearer');
    }
    expect(fastest(1)).toBeGreaterThan(fastest(0) / 2);
  });

  it.each([[{}], [{ email: 'a@example.com' }], [{ email: 'a@example.com', password: 1 }], [[]], ['text']])(
    'with %j as a body is a fault',
    async (body) => {
      const answer = await users.request
        .post('/users/login')
        .set('Content-Type', 'application/json')
        .send(JSON.stringify(body));
      expect(answer.status).toBe(422);
    },
  );
});

describe('the keys', () => {
  it('verify the tokens and hold nothing secret', async () => {
    const { token } = await newcomer(users);
    const answer = await users.request.get('/users/.well-known/jwks.json');
    expect(answer.status).toBe(200);
    expect(answer.body.keys).toHaveLength(1);
    expect(Object.keys(answer.body.keys[0]).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
    expect(jwt.decode(token, { complete: true })?.header.kid).toBe(answer.body.keys[0].kid);
  });

  it('of another key pair verify nothing', async () => {
    const { user } = await newcomer(users);
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const forger = accessTokens(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    const token = forger.issue({ userId: user.id, sessionId: crypto.randomUUID(), role: 'admin' });
    const answer = await users.request.get('/users/me').set('Authorization', bearer(token));
    expect(answer.body).toMatchObject(problem('unauthenticated', 401));
  });
});

describe('what is not allowed', () => {
  it.each([
    ['get', '/users/me'],
    ['patch', '/users/me'],
    ['delete', '/users/me'],
    ['put', '/users/me/password'],
    ['get', '/users'],
    ['get', '/users/0198c0de-0000-7000-8000-000000000000'],
    ['patch', '/users/0198c0de-0000-7000-8000-000000000000'],
    ['delete', '/users/0198c0de-0000-7000-8000-000000000000'],
  ] as const)('%s %s without a token', async (method, path) => {
    const answer = await users.request[method](path);
    expect(answer.body).toMatchObject(problem('unauthenticated', 401));
  });

  it('a customer does not see, change or delete others, nor learns whether they exist', async () => {
    const { token } = await newcomer(users);
    const { user: other } = await newcomer(users);
    const auth = { Authorization: bearer(token) };
    const answers = [
      await users.request.get('/users').set(auth),
      await users.request.get(`/users/${other.id}`).set(auth),
      await users.request.patch(`/users/${other.id}`).set(auth).send({ role: 'admin' }),
      await users.request.delete(`/users/${other.id}`).set(auth),
      await users.request.get('/users/0198c0de-0000-7000-8000-000000000000').set(auth),
    ];
    for (const answer of answers) expect(answer.body).toMatchObject(problem('forbidden', 403));
  });

  it.each([
    ['put', '/users/me', 'GET, PATCH, DELETE, HEAD, OPTIONS'],
    ['post', '/users/me/password', 'PUT, OPTIONS'],
    ['delete', '/users', 'POST, GET, HEAD, OPTIONS'],
    ['get', '/users/login', 'POST, OPTIONS'],
    ['delete', '/users/refresh', 'POST, OPTIONS'],
  ] as const)('%s %s: the method', async (method, path, allow) => {
    const answer = await users.request[method](path);
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe(allow);
  });

  it.each([
    ['/users/login', 204, 'POST, OPTIONS'],
    ['/users/-', 404, undefined],
    ['/users/nothing/here', 404, undefined],
  ])('OPTIONS %s: %d', async (path, status, allow) => {
    const answer = await users.request.options(path);
    expect([answer.status, answer.headers.allow]).toEqual([status, allow]);
  });

  it('sign-ins beyond the limits, by account and address', async () => {
    const limited = await startTestService('users', open, 'http://127.0.0.1:9', {
      RATE_LIMITS: 'on',
      LIMIT_SIGN_IN_PER_MINUTE: '3',
    });
    await waitFor('a master to count on', () => limited.redis.scratch());
    const { email } = newPerson();
    const attempt = (address: string) =>
      limited.request.post('/users/login').set('X-Forwarded-For', '203.0.113.9').send({ email: address, password });
    for (let i = 0; i < 3; i++) expect((await attempt(email)).status).toBe(401);
    const answer = await attempt(email.replace('u-', 'ｕ-').toUpperCase());
    expect(answer.body).toMatchObject(problem('rate-limited', 429));
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect((await attempt(`other-${email}`)).status).toBe(401);
    await limited.stop();
  });
});
