/** Rate limits, on two replicas of a service that count together, and on one that has no master to count with. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { open as openProducts } from '../../api/products/open.ts';
import { accessToken, startInternalRouter, startTestService, type TestService } from '../support/app.ts';
import { waitFor } from '../support/wait.ts';

const quota = 20;
const settings = { RATE_LIMITS: 'on', LIMIT_CALLER_PER_MINUTE: String(quota) };
let router: Awaited<ReturnType<typeof startInternalRouter>>;
let replicas: TestService[];
beforeAll(async () => {
  router = await startInternalRouter();
  replicas = await Promise.all([1, 2].map(() => startTestService('products', openProducts, router.url, settings)));
  for (const { request, redis } of replicas) {
    await waitFor('the replica to see a master', () => redis.scratch() !== undefined);
    await waitFor(
      'the replica to serve',
      async () => (await request.get('/products').set('X-Forwarded-For', 'warm-up')).status === 200,
    );
  }
});
afterAll(async () => {
  await Promise.all((replicas ?? []).map((replica) => replica.stop()));
  await router?.stop();
});

/** Sends `count` requests from an address, to each replica in turn. Only Nginx may name the address; here the test is Nginx. */
async function send(count: number, address: string, token?: string) {
  const answers = [];
  for (let i = 0; i < count; i++) {
    const request = replicas[i % replicas.length]?.request.get('/products').set('X-Forwarded-For', address);
    if (token !== undefined) request?.set('Authorization', `Bearer ${token}`);
    answers.push(await request);
  }
  return answers.map((answer) => answer ?? expect.fail('no replica'));
}

describe('a caller', () => {
  test('is counted by all replicas together, told what is left, and refused with the time to wait', async () => {
    const answers = await send(quota + 2, '198.51.100.1');
    expect(answers.map(({ status }) => status)).toEqual([...Array(quota).fill(200), 429, 429]);
    const [first, last] = [answers[0], answers.at(-1)];
    expect(first?.headers['ratelimit-policy']).toBe(`"caller";q=${quota};w=60`);
    expect(first?.headers.ratelimit).toMatch(new RegExp(`^"caller";r=${quota - 1};t=\\d+$`));
    expect(last?.body).toMatchObject({ type: '/problems/rate-limited', status: 429 });
    const wait = Number(last?.headers['retry-after']);
    expect(wait).toBeGreaterThanOrEqual(Number(/t=(\d+)/.exec(last?.headers.ratelimit ?? '')?.[1]));
    expect(wait).toBeLessThanOrEqual(60);
  });

  test('cannot use up another’s share: not that of an address, nor of a user at the same address', async () => {
    await send(quota + 1, '198.51.100.2');
    expect((await send(1, '198.51.100.3'))[0]?.status).toBe(200);
    expect((await send(1, '198.51.100.2', accessToken()))[0]?.status).toBe(200);
  });

  test('is counted as a user wherever he comes from', async () => {
    const token = accessToken();
    await send(quota, '198.51.100.4', token);
    expect((await send(1, '198.51.100.5', token))[0]?.status).toBe(429);
  });
});

test('a replica without a master counts alone, and goes on answering', async () => {
  const settingsWithoutMaster = { ...settings, REDIS_MASTER_NAME: 'nobody' };
  const alone = await startTestService('products', openProducts, router.url, settingsWithoutMaster);
  try {
    const answers = await Promise.all(
      Array.from({ length: quota + 1 }, () => alone.request.post('/products').set('X-Forwarded-For', '198.51.100.7')),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(quota).fill(401), 429]);
  } finally {
    await alone.stop();
  }
});
