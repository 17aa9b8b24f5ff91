/** Services whose Redis are two groups of nodes: purchases are exact, and what ends in `users` ends everywhere. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { newId } from '../../api/core/ids.ts';
import { open as openProducts } from '../../api/products/open.ts';
import { open as openPurchases } from '../../api/purchases/open.ts';
import { open as openUsers } from '../../api/users/open.ts';
import { accessToken, startInternalRouter, startTestService, type TestService } from '../support/app.ts';
import { environmentOf } from '../support/own-redis.ts';
import { redisSettings } from '../support/redis.ts';
import { type RedisNodes, startRedisNodes } from '../support/redis-nodes.ts';
import { waitFor } from '../support/wait.ts';
import { bearer, newcomer } from './users-support.ts';

let group: RedisNodes;
let router: Awaited<ReturnType<typeof startInternalRouter>>;
const started: TestService[] = [];
let users: TestService;
let purchases: TestService;

/** `users` on the Redis that all tests share, the others on nodes of their own. */
beforeAll(async () => {
  group = await startRedisNodes();
  router = await startInternalRouter();
  users = await startTestService('users', openUsers, router.url);
  started.push(users);
  const ofUsers = (name: 'products' | 'purchases') => {
    const shared = redisSettings(name);
    return {
      ...environmentOf(group, name),
      USERS_REDIS_SENTINELS: shared.sentinels.join(','),
      USERS_REDIS_NODES: shared.nodes.join(','),
      USERS_REDIS_PASSWORD: shared.password,
      USERS_SENTINEL_PASSWORD: shared.sentinelPassword,
    };
  };
  const products = await startTestService('products', openProducts, router.url, ofUsers('products'));
  purchases = await startTestService('purchases', openPurchases, router.url, ofUsers('purchases'));
  started.push(products, purchases);
  router.add('products', products.url);
  const admin = { Authorization: bearer(accessToken({ role: 'admin' })) };
  const price = { amount: 500, currency: 'USD' };
  const body = { id: 'boots', name: 'Boots', category: 'footwear', price, stock: 5 };
  await waitFor('a product to be stored', async () => {
    return (
      (await products.request.post('/products').set(admin).set('Idempotency-Key', 'boots').send(body)).status === 201
    );
  });
});
afterAll(async () => {
  for (const service of started) await service.stop();
  await router?.stop();
  await group?.close();
});

it('a customer buys, and the access token ends at purchases within a second of the sign-out', async () => {
  const { user, session } = await newcomer(users);
  const sessionId = session.refreshToken.split('.')[1] ?? '';
  const authorization = { Authorization: bearer(accessToken({ userId: user.id, sessionId })) };
  const buy = () =>
    purchases.request
      .post('/purchases')
      .set(authorization)
      .set('Idempotency-Key', newId())
      .send({ items: [{ productId: 'boots', quantity: 1 }] });
  expect((await buy()).status).toBe(201);

  const { refreshToken } = session;
  expect((await users.request.post('/users/logout').send({ refreshToken })).status).toBe(204);
  const signedOutMs = performance.now();
  const acceptedAfterMs: number[] = [];
  for (let answer: Awaited<ReturnType<typeof buy>> | undefined; answer?.status !== 401; ) {
    const beganMs = performance.now() - signedOutMs;
    answer = await buy();
    if (answer.status !== 401) acceptedAfterMs.push(beganMs);
    else expect(answer.body).toMatchObject({ status: 401, type: '/problems/session-ended' });
  }
  expect(Math.max(0, ...acceptedAfterMs)).toBeLessThan(1000);
});
