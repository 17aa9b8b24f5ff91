/** What the tests of `users` share: people of their own, signed up and signed in. */
import { expect } from 'vitest';
import { newId } from '../../api/core/ids.ts';
import type { Session, UserOut } from '../../api/users/schema.ts';
import type { TestService } from '../support/app.ts';

export const password = 'correct horse battery';

/** Somebody new. */
export function somebody() {
  return { email: `u-${newId()}@example.com`, password, firstName: 'Ada', lastName: 'Lovelace' };
}

/** Signs in. */
export async function signIn(users: TestService, email: string, secret = password): Promise<Session> {
  const answer = await users.request.post('/users/login').send({ email, password: secret });
  expect(answer.status).toBe(200);
  return answer.body;
}

/** Signs somebody new up and in. */
export async function newcomer(users: TestService, person = somebody()) {
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
