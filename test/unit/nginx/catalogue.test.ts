/** The cache of the catalogue at Nginx: who gets an answer from it, what is never in it, and what it says about its age. */
import type { RequestListener } from 'node:http';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { agesOf } from '../../../api/http/shared-answers.ts';
import { startNginx, type TestNginx } from '../../support/nginx.ts';
import { waitFor } from '../../support/wait.ts';

vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

let nginx: TestNginx;
let asked: string[];
let answer: RequestListener;
beforeEach(async () => {
  asked = [];
  answer = shared;
  nginx = await startNginx((req, res) => {
    asked.push(`${req.method} ${req.url} ${req.headers.authorization ?? ''}`.trim());
    answer(req, res);
  });
});
afterEach(() => nginx?.close());

/** What a service answers that marks its answer as one for all: each has a number of its own. */
const shared: RequestListener = (_req, res) => {
  const body = JSON.stringify({ number: asked.length, text: 'x'.repeat(2000) });
  const limits = { ratelimit: '"caller";r=9;t=60', 'ratelimit-policy': '"caller";q=10;w=60' };
  const marks = { 'x-accel-expires': '1', 'x-ages': agesOf(Math.floor(Date.now() / 1000)) };
  const headers = { 'content-type': 'application/json', etag: `"${asked.length}"`, 'x-request-id': 'of-the-service' };
  res.writeHead(200, { ...marks, ...headers, ...limits, 'cache-control': 'no-cache' }).end(body);
};

function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> {
  return fetch(`http://127.0.0.1:${nginx.httpPort}${path}`, { method, headers });
}

async function numberOf(found: Response): Promise<number> {
  return ((await found.json()) as { number: number }).number;
}

/** The first answer from the cache. The one before may have been too old by then, so others are asked for until one is not. */
function cached(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> {
  return waitFor(`${path} from the cache`, async () => {
    const found = await get(path, headers, method);
    return found.headers.get('cache-status') === 'Nginx; hit' ? found : undefined;
  });
}

test('a read without a token is answered from the cache, with its age and without another client’s limits', async () => {
  const first = await get('/products/boots', { 'x-request-id': 'the-first-one' });
  expect(first.headers.get('ratelimit')).toBe('"caller";r=9;t=60');
  expect(first.headers.get('ratelimit-policy')).toBe('"caller";q=10;w=60');
  expect(first.headers.get('cache-status')).toBe('Nginx; fwd=uri-miss');
  expect(first.headers.get('age')).toBeNull();
  const second = await cached('/products/boots', { 'x-request-id': 'the-second-one' });
  expect(second.headers.get('age')).toMatch(/^\d+$/);
  expect(second.headers.get('x-request-id')).toBe('the-second-one');
  for (const name of ['ratelimit', 'ratelimit-policy', 'x-ages', 'x-accel-expires']) {
    expect([name, second.headers.get(name)]).toEqual([name, null]);
  }
  expect(await numberOf(second)).toBe(asked.length);
});

test('an address with a line feed at its end is another address', async () => {
  await get('/products/boots');
  expect((await get('/products/boots%0a')).headers.get('cache-status')).toBeNull();
  expect(asked).toEqual(['GET /products/boots', 'GET /products/boots%0a']);
});

test.each<Record<string, string>>([{}, { authorization: 'Bearer abc' }])(
  'a double slash is another address, with the headers %j',
  async (headers) => {
    await get('/products/boots');
    expect((await get('/products//boots?a=//', headers)).status).toBe(404);
    expect((await get('/products/boots?a=//', headers)).status).toBe(200);
  },
);

test('a page of the catalogue is cached by its query', async () => {
  expect(await numberOf(await get('/products?sort=name'))).toBe(1);
  expect(await numberOf(await get('/products?sort=price'))).toBe(2);
  await cached('/products?sort=name');
});

test('an answer is replaced soon while the service answers', async () => {
  await get('/products/boots');
  await waitFor('another answer', async () => (await numberOf(await get('/products/boots'))) > 1);
});

test('a request with a token, valid or not, always reaches the service, and its answer is not kept', async () => {
  for (let i = 0; i < 3; i++) {
    const own = await get('/products/boots', { authorization: 'Bearer abc' });
    expect(own.headers.get('cache-status')).toBeNull();
    expect(own.headers.get('ratelimit')).toBe('"caller";r=9;t=60');
  }
  expect(asked).toEqual(Array(3).fill('GET /products/boots Bearer abc'));
  expect((await get('/products/boots')).headers.get('cache-status')).toBe('Nginx; fwd=uri-miss');
});

test.each([
  ['an error', 404, {}],
  ['an answer that is not marked', 200, { 'cache-control': 'public, max-age=60' }],
  ['an answer with a cookie', 200, { 'x-accel-expires': '1', 'set-cookie': 'a=b' }],
] as const)('%s is not kept', async (_what, status, headers) => {
  answer = (_req, res) => res.writeHead(status, headers).end('{}');
  for (let i = 0; i < 3; i++) expect((await get('/products/boots')).status).toBe(status);
  expect(asked.length).toBe(3);
});

test('HEAD, conditions and compression are answered from the cache', async () => {
  await get('/products/boots');
  const head = await cached('/products/boots', {}, 'HEAD');
  expect([head.status, await head.text()]).toEqual([200, '']);
  const tag = head.headers.get('etag') ?? '';
  const known = await waitFor('304', async () => {
    const { headers } = await get('/products/boots', { 'accept-encoding': 'identity' });
    const again = await get('/products/boots', { 'if-none-match': headers.get('etag') ?? '' });
    return again.status === 304 ? again : undefined;
  });
  expect(known.headers.get('etag')?.replace('W/', '')).toMatch(/^"\d+"$/);
  expect(tag).toMatch(/^(W\/)?"\d+"$/);
  for (const encoding of ['gzip', 'identity', 'gzip']) {
    const found = await cached('/products/boots', { 'accept-encoding': encoding });
    expect(found.headers.get('content-encoding')).toBe(encoding === 'gzip' ? 'gzip' : null);
    expect(await found.text()).toContain('x'.repeat(2000));
  }
  expect(asked.every((request) => request.startsWith('GET'))).toBe(true);
});

test('clients that ask for the same at once share the question', async () => {
  answer = (req, res) => void setTimeout(() => shared(req, res), 50);
  let attempts = 0;
  // Nginx lets them wait for 100 ms, in which this process may not have come to answer: then there is another attempt.
  const isOneQuestion = async () => {
    const before = asked.length;
    attempts += 1;
    const answers = await Promise.all(Array.from({ length: 10 }, () => get(`/products/boots-${attempts}`)));
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
    return asked.length - before === 1;
  };
  await waitFor('ten requests that are one question', isOneQuestion, 25_000);
});

test('while no replica answers, the last answer is given, with its age; what is not known is 503', async () => {
  await get('/products/boots');
  answer = (req) => req.socket.destroy();
  const old = await waitFor('an answer that is two seconds old', async () => {
    const found = await get('/products/boots');
    expect(found.status).toBe(200);
    return Number(found.headers.get('age')) >= 2 && found.headers.get('cache-status') !== 'Nginx; hit' && found;
  });
  expect(old.headers.get('cache-status')).toBe('Nginx; fwd=stale; detail=unreachable');
  expect(Number(old.headers.get('age'))).toBeLessThan(60);
  expect(await numberOf(old)).toBe(1);
  expect((await get('/products/shoes')).status).toBe(503);
  expect((await get('/products/boots', { authorization: 'Bearer abc' })).status).toBe(503);
});

test('a 503 of a replica that answers is passed on', async () => {
  await get('/products/boots');
  answer = (_req, res) => res.writeHead(503).end('{}');
  await waitFor('503', async () => (await get('/products/boots')).status === 503);
});
