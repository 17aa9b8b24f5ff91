/** What the tests of `users` share: replicas, and people who are signed up and signed in. */
import type { Redis } from 'ioredis';
import { expect } from 'vitest';
import { newId } from '../../api/core/ids.ts';
import { open } from '../../api/users/open.ts';
import type { Session, UserOut } from '../../api/users/schema.ts';
import { startTestService, type TestService } from '../support/app.ts';
import { operator } from '../support/redis.ts';

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

/** See {@link openTwoReplicas}. */
export type TwoReplicas = Awaited<ReturnType<typeof openTwoReplicas>>;

/** Two replicas of `users` (the first also as `users`) and the master of the Redis that they share; to be closed. */
export async function openTwoReplicas() {
  const start = () => startTestService('users', open, 'http://127.0.0.1:9');
  const replicas = [await start(), await start()] as const;
  const master = await operator();
  return {
    replicas,
    users: replicas[0],
    master,
    async close() {
      for (const replica of replicas) await replica.stop();
      master.disconnect();
    },
  };
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
