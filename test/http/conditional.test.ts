/** Conditional requests to every kind of answer, HEAD, and Server-Timing. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { open } from '../../api/users/open.ts';
import { startTestService, type TestService } from '../support/app.ts';
import { bearer, newcomer } from './users-support.ts';

let users: TestService;
let token: string;
beforeAll(async () => {
  users = await startTestService('users', open, 'http://127.0.0.1:9');
  ({ token } = await newcomer(users));
});
afterAll(() => users.stop());

test.each(['/users/me', '/users/me/sessions', '/users/.well-known/jwks.json'])(
  '%s has a tag, and is not sent again to a client that has it, compressed or not',
  async (path) => {
    const read = () => users.request.get(path).set('Authorization', bearer(token));
    const first = await read();
    expect([first.status, first.headers.etag]).toEqual([200, expect.stringMatching(/^"[\w.-]+"$/)]);
    for (const tag of [first.headers.etag, `W/${first.headers.etag}`]) {
      const again = await read().set('If-None-Match', String(tag));
      expect([again.status, again.text, again.headers.etag]).toEqual([304, '', first.headers.etag]);
    }
    const head = await users.request.head(path).set('Authorization', bearer(token));
    expect([head.status, head.headers.etag, head.text]).toEqual([200, first.headers.etag, undefined]);
  },
);

test('a write with the tag of a compressed answer is done, and with that of an old one refused', async () => {
  const tag = (await users.request.get('/users/me').set('Authorization', bearer(token))).headers.etag;
  const change = (firstName: string) =>
    users.request
      .patch('/users/me')
      .set('Authorization', bearer(token))
      .set('If-Match', `W/${tag}`)
      .send({ firstName });
  expect((await change('Grace')).status).toBe(200);
  expect((await change('Edith')).status).toBe(412);
});

test('Server-Timing says which part took how long, to a client that asks for it', async () => {
  const read = () => users.request.get('/users/me').set('Authorization', bearer(token));
  expect((await read()).headers['server-timing']).toBeUndefined();
  const timing = String((await read().set('X-Server-Timing', '1')).headers['server-timing']);
  const part = (name: string) => `${name};dur=\\d+\\.\\d`;
  expect(timing).toMatch(new RegExp(`^${['auth', 'input', 'limits', 'handler', 'total'].map(part).join(', ')}$`));
});
