/** The question that Nginx and the status page ask before they let an admin's request through. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../../api/core/ids.ts';
import { open } from '../../api/products/open.ts';
import { accessToken, startInternalRouter, startTestService, type TestService } from '../support/app.ts';
import { operator } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';

let products: TestService;
let internal: Awaited<ReturnType<typeof startInternalRouter>>;
beforeAll(async () => {
  internal = await startInternalRouter();
  products = await startTestService('products', open, internal.url);
});
afterAll(async () => {
  await products.stop();
  await internal.stop();
});

const ask = (token?: string) =>
  products.request.get('/authorize/admin').set(token === undefined ? {} : { authorization: `Bearer ${token}` });

/** What `users` announces. */
async function announce(type: string, data: object) {
  const master = await operator();
  await master.xadd('{users}:events', '*', 'type', type, 'at', Date.now(), 'data', JSON.stringify(data));
  master.disconnect();
}

test('the token of an admin opens, until the sign-in ends', async () => {
  const [userId, sessionId] = [newId(), newId()];
  const token = accessToken({ userId, sessionId, role: 'admin' });
  // A service that has just started has not seen the events yet.
  await waitFor('the token to open', async () => (await ask(token)).status === 204);
  await announce('session.ended', { userId, sessionIds: [sessionId] });
  await waitFor('the token to open nothing', async () => (await ask(token)).status === 401, 1000);
});

test.each([
  ['is demoted', 'user.role-changed', { role: 'customer' }, 403],
  ['is deleted', 'user.deleted', {}, 401],
])('until the admin %s', async (_how, type, data, status) => {
  const userId = newId();
  const token = accessToken({ userId, role: 'admin' });
  await waitFor('the token to open', async () => (await ask(token)).status === 204);
  await announce(type, { userId, ...data });
  await waitFor('the token to open nothing', async () => (await ask(token)).status === status, 1000);
});

test('no other token does', async () => {
  const refused = await ask(accessToken({ role: 'customer' }));
  expect([refused.status, refused.body.type]).toEqual([403, '/problems/forbidden']);
  for (const token of [undefined, 'made.up.token']) {
    const unknown = await ask(token);
    expect([unknown.status, unknown.body.type]).toEqual([401, '/problems/unauthenticated']);
    expect(unknown.headers['www-authenticate']).toMatch(/^Bearer/);
  }
});
