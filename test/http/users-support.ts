/** What the tests of `users` share: replicas, and people who are signed up and signed in. */
import type { Redis } from 'ioredis';
import { expect } from 'vitest';
import { newId } from '../../api/core/ids.ts';
import { open } from '../../api/users/open.ts';
import type { Session, UserOut } from '../../api/users/schema.ts';
import { startTestService, type TestService } from '../support/app.ts';

export const password = 'correct horse battery';

/** The sign-up of a person who has no account yet. */
export function newPerson() {
  return { email: `u-${newId()}@example.com`, password, firstName: 'Ada', lastName: 'Lovelace' };
}

/** Signs in. */
export async function signIn(users: TestService, email: string, secret = password): Promise<Session> {
  const answer = await users.request.post('/users/login').send({ email, password: secret });
  expect(answer.status).toBe(200);
  return answer.body;
}

/** Signs a new person up and in. */
export async function newcomer(users: TestService, person = newPerson()) {
  const answer = await users.request.post('/users').send(person);
  expect(answer.status).toBe(201);
  const session = await signIn(users, person.email, person.password);
  return { person, user: answer.body as UserOut, session, token: session.accessToken };
}

/** The value of an Authorization header. */
export function bearer(token: string): string {
  return `Bearer ${token}`;
}

/** The members of a problem that matter. */
export function problem(code: string, status: number) {
  return { type: `/problems/${code}`, status, title: expect.any(String), detail: expect.any(String) };
}

/** Two replicas of `users` on the shared Redis; stop them in `afterAll`. */
export async function startTwoReplicas(): Promise<[TestService, TestService]> {
  const start = () => startTestService('users', open, 'http://127.0.0.1:9');
  return [await start(), await start()];
}

/** All keys of Redis with all that they hold, as one text. */
export async function everythingIn(redis: Redis): Promise<string> {
  const readers: Record<string, (key: string) => Promise<unknown>> = {
    string: (key) => redis.get(key),
    hash: (key) => redis.hgetall(key),
    set: (key) => redis.smembers(key),
    zset: (key) => redis.zrange(key, '0', '-1'),
    stream: (key) => redis.xrange(key, '-', '+'),
    list: (key) => redis.lrange(key, 0, -1),
  };
  const texts: string[] = [];
  for (const key of await redis.keys('*')) {
    const value = await readers[await redis.type(key)]?.(key);
    texts.push(key, JSON.stringify(value) ?? '');
  }
  return texts.join('\n');
}
