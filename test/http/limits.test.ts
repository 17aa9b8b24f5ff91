/** Rate limits as clients see them, on two replicas of a service that count together, and on one that has no master to count with. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { open as openProducts } from '../../api/products/open.ts';
import { accessToken, startInternalRouter, startTestService, type TestService } from '../support/app.ts';
import { operator } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';

const quota = 20;
const settings = { RATE_LIMITS: 'on', LIMIT_CALLER_PER_MINUTE: String(quota) };
let router: Awaited<ReturnType<typeof startInternalRouter>>;
let replicas: TestService[];
let large: TestService;
beforeAll(async () => {
  router = await startInternalRouter();
  replicas = await Promise.all([1, 2].map(() => startTestService('products', openProducts, router.url, settings)));
  large = await startTestService('products', openProducts, router.url, { RATE_LIMITS: 'on' });
  for (const { request, redis } of [...replicas, large]) {
    await waitFor('the replica to see a master', () => redis.scratch() !== undefined);
    await waitFor(
      'the replica to serve',
      async () => (await request.get('/products').set('X-Forwarded-For', 'warm-up')).status === 200,
    );
  }
});
afterAll(async () => {
  await Promise.all([...(replicas ?? []), large].map((replica) => replica?.stop()));
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
  test('is counted by all replicas together; answers say what is left, a refusal how long to wait', async () => {
    const answers = await send(quota + 4, '198.51.100.1');
    const isAdmitted = answers.map(({ status }) => status === 200);
    expect(isAdmitted.slice(0, quota)).not.toContain(false);
    expect(isAdmitted.filter(Boolean).length).toBeLessThanOrEqual(1.1 * quota);
    // Not exact: one replica may admit a request after the other has refused one.
    const [first, refused] = [answers[0], answers.find(({ status }) => status === 429)];
    expect(first?.headers['ratelimit-policy']).toBe(`"caller";q=${quota};w=60, "search-work";q=6000;w=60`);
    expect(first?.headers.ratelimit).toMatch(
      new RegExp(`^"caller";r=${quota - 1};t=\\d+, "search-work";r=6000;t=\\d+$`),
    );
    expect(refused?.body).toMatchObject({ type: '/problems/rate-limited', status: 429 });
    const wait = Number(refused?.headers['retry-after']);
    expect(wait).toBeGreaterThanOrEqual(Number(/t=(\d+)/.exec(refused?.headers.ratelimit ?? '')?.[1]));
    expect(wait).toBeLessThanOrEqual(60);
  });

  test('cannot use up another’s share: not that of an address, nor of a user at the same address', async () => {
    await send(quota + 4, '198.51.100.2');
    expect((await send(1, '198.51.100.3'))[0]?.status).toBe(200);
    expect((await send(1, '198.51.100.2', accessToken()))[0]?.status).toBe(200);
  });

  test('is counted as a user wherever the requests come from', async () => {
    const token = accessToken();
    await send(quota + 2, '198.51.100.4', token);
    expect((await send(1, '198.51.100.5', token))[0]?.status).toBe(429);
  });

  test('without a token is counted by the first 64 bits of an IPv6 address', async () => {
    await send(quota + 2, '2001:db8:1:1::1');
    expect((await send(1, '2001:db8:1:1:ffff::2'))[0]?.status).toBe(429);
    expect((await send(1, '2001:db8:1:2::1'))[0]?.status).toBe(200);
  });
});

test('a question whether a token is an admin’s counts as a request of its client, unless it is an admin’s', async () => {
  const request = replicas[0]?.request ?? expect.fail('no replica');
  const ask = (address: string, token: string) =>
    request.get('/authorize/admin').set({ 'X-Forwarded-For': address, Authorization: `Bearer ${token}` });
  const admin = accessToken({ role: 'admin' });
  const statuses = [];
  for (let i = 0; i < quota + 4; i++) {
    const refused = await ask('198.51.100.6', 'made.up.token');
    statuses.push(refused.status);
    expect(refused.headers['x-refusal']).toBe(refused.text);
    expect(refused.headers.ratelimit).toMatch(/^"caller";r=\d+;t=\d+$/);
    expect((await ask('198.51.100.6', admin)).status).toBe(204);
  }
  expect(statuses.slice(0, quota)).toEqual(Array(quota).fill(401));
  expect(statuses.at(-1)).toBe(429);
  expect((await ask('198.51.100.11', 'made.up.token')).status).toBe(401);
});

test('few anonymous reads write nothing to Redis, also when the replica reconciles', async () => {
  const master = await operator();
  const readFrom = (address: string, count: number) =>
    Promise.all(
      Array.from({ length: count }, () => large.request.get('/products/none').set('X-Forwarded-For', address)),
    );
  const isShared = async (address: string) => (await master.exists(`{products}:limit:caller:${address}`)) === 1;
  try {
    const answers = await readFrom('198.51.100.8', 15);
    expect(answers.map(({ headers }) => headers['ratelimit-policy'])).toContain('"caller";q=1200;w=60');
    await readFrom('198.51.100.9', 30);
    await waitFor('the replica to reconcile what it counted for the busy address', () => isShared('198.51.100.9'));
    expect(await isShared('198.51.100.8')).toBe(false);
  } finally {
    master.disconnect();
  }
});

test('a replica without a master counts alone, and goes on answering', async () => {
  const settingsWithoutMaster = { ...settings, REDIS_MASTER_NAME: 'unknown' };
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
