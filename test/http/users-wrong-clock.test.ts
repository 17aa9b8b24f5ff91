/** `users` on a host whose clock is wrong: it signs people in with tokens that others accept, and hears revocations. */
import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { shopTimeMs } from '../../api/core/clock.ts';
import { open } from '../../api/users/open.ts';
import { startTestService, type TestService } from '../support/app.ts';
import { waitFor } from '../support/wait.ts';
import { bearer, newcomer } from './users-support.ts';

const hourMs = 3_600_000;

describe.each([hourMs, -hourMs])('a host whose clock is %i ms ahead', (skewMs) => {
  let users: TestService;
  /** This test's right time, in ms: the fake clock stands still. */
  let rightMs: () => number;
  beforeAll(async () => {
    const startedMs = Date.now();
    const startedAt = performance.now();
    rightMs = () => startedMs + performance.now() - startedAt;
    vi.useFakeTimers({ toFake: ['Date'], now: startedMs + skewMs });
    users = await startTestService('users', open, 'http://127.0.0.1:9');
    await waitFor('the clocks to be compared', () => Math.abs(shopTimeMs() - rightMs()) < 5000);
  });
  afterAll(async () => {
    vi.useRealTimers();
    await users.stop();
  });

  const me = (token: string) => users.request.get('/users/me').set('Authorization', bearer(token));

  test('issues tokens with the right time and accepts them', async () => {
    const { token, user } = await newcomer(users);
    const { iat, exp } = jwt.decode(token) as { iat: number; exp: number };
    expect(Math.abs(iat - rightMs() / 1000)).toBeLessThan(10);
    expect(exp - iat).toBe(300);
    expect((await me(token)).status).toBe(200);
    expect(Math.abs(Date.parse(user.createdAt) - rightMs())).toBeLessThan(10_000);
  });

  test('hears of a sign-out within a second', async () => {
    const { token, session } = await newcomer(users);
    await users.request.post('/users/logout').send({ refreshToken: session.refreshToken });
    await waitFor('the token to be refused', async () => (await me(token)).status === 401, 1000);
  });

  test('shows how far the Redis nodes are from its clock', async () => {
    const metrics = (await users.request.get('/metrics')).text;
    const values = [...metrics.matchAll(/^shop_redis_clock_difference_seconds\{.*\} (.*)$/gm)].map(([, v]) =>
      Number(v),
    );
    expect(values.length).toBe(3);
    for (const value of values) expect(Math.abs(value + skewMs / 1000)).toBeLessThan(60);
  });
});
