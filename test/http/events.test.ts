/** What stands in the event streams is what the schemas and the AsyncAPI document say. */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { z } from 'zod';
import { eventStream, events } from '../../api/contracts/events.ts';
import { newId } from '../../api/core/ids.ts';
import { open as openProducts } from '../../api/products/open.ts';
import { open as openPurchases } from '../../api/purchases/open.ts';
import type { ServiceName } from '../../api/services.ts';
import { open as openUsers } from '../../api/users/open.ts';
import { accessToken, startInternalRouter, startTestService, type TestService } from '../support/app.ts';
import { operator } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';
import { bearer, newcomer, password, signIn } from './users-support.ts';

let services: TestService[] = [];
let stopRouter: () => Promise<void>;
let redis: Redis;
const changed = 'another good password';
const admin = bearer(accessToken({ role: 'admin' }));

beforeAll(async () => {
  redis = await operator();
  const router = await startInternalRouter();
  stopRouter = router.stop;
  const users = await startTestService('users', openUsers, router.url);
  const products = await startTestService('products', openProducts, router.url);
  const purchases = await startTestService('purchases', openPurchases, router.url);
  services = [users, products, purchases];
  // `users` is not behind the router: its place is taken by the test's own key, which has signed these tokens.
  for (const { config, url } of [products, purchases]) router.add(config.service, url);
  const send = async (method: 'post' | 'patch' | 'delete' | 'put', path: string, token: string, body: object = {}) => {
    const service = services.find(({ config }) => path.startsWith(`/${config.service}`)) ?? users;
    // Until a service has seen the stream of `users` once it answers a signed-in write with 503.
    const answer = await waitFor(`an answer to ${method} ${path}`, async () => {
      const reply = await service.request[method](path).set({ authorization: token }).send(body);
      return reply.status !== 503 && reply;
    });
    return answer.body;
  };
  const id = newId();
  const price = { amount: 100, currency: 'USD' };
  await send('post', '/products', admin, { id, name: 'Boots', category: 'test', price, stock: 5 });
  await send('patch', `/products/${id}`, admin, { name: 'Walking Boots' });
  await send('post', `/products/${id}/stock`, admin, { delta: 5 });
  const ann = bearer(accessToken());
  const { id: bought } = await send('post', '/purchases', ann, { items: [{ productId: id, quantity: 2 }] });
  await send('post', '/purchases', ann, { items: [{ productId: id, quantity: 900 }] });
  await send('post', `/purchases/${bought}/cancel`, ann);
  await send('delete', `/products/${id}`, admin);
  const { person, token, session } = await newcomer(users);
  await send('put', '/users/me/password', bearer(token), { currentPassword: password, newPassword: changed });
  await send('post', '/users/logout', bearer(token), { refreshToken: session.refreshToken });
  const { accessToken: again } = await signIn(users, person.email, changed);
  await send('delete', '/users/me', bearer(again));
});
afterAll(async () => {
  for (const service of services) await service.stop();
  await stopRouter();
  redis.disconnect();
});

test.each(Object.entries(events) as [ServiceName, Record<string, z.ZodObject>][])(
  'every event of %s is declared, with what its schema says and nothing else',
  async (service, declared) => {
    // Only users-admin.test.ts makes admins.
    const expected = Object.keys(declared).filter((type) => type !== 'user.role-changed');
    const read = async () => (await redis.xrange(eventStream(service), '-', '+')).map(([, fields]) => fields);
    const entries = await waitFor(
      `events of ${service}: ${expected.join(', ')}`,
      async () => {
        const all = await read();
        return expected.every((type) => all.some((fields) => fields.includes(type))) && all;
      },
      18_000,
    );
    for (const fields of entries) {
      expect(fields.filter((_, i) => i % 2 === 0)).toEqual(['type', 'at', 'request', 'data']);
      const [type = '', at, , data = ''] = fields.filter((_, i) => i % 2 === 1);
      expect(Number(at)).toBeGreaterThan(0);
      expect([type, declared[type]?.strict().safeParse(JSON.parse(data)).error]).toEqual([type, undefined]);
      expect(Object.keys(declared)).toContain(type);
    }
  },
);
