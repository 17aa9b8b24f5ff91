/** Calls from web pages of other origins, and compression: what Nginx adds to the answers of the services and to its own. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startNginx, type TestNginx } from '../../support/nginx.ts';

vi.setConfig({ testTimeout: 20_000, hookTimeout: 20_000 });

const page = 'https://front.example';
const exposed = ['etag', 'link', 'ratelimit', 'retry-after', 'x-request-id', 'idempotent-replayed'];
let nginx: TestNginx;
let reached: string[] = [];

async function start(env: Record<string, string>) {
  nginx = await startNginx((req, res) => {
    reached.push(`${req.method} ${req.url}`);
    const body = req.url === '/products' ? JSON.stringify({ data: 'x'.repeat(3000) }) : '{}';
    res.setHeader('Content-Type', 'application/json; charset=utf-8').setHeader('ETag', '"7"').end(body);
  }, env);
}
const call = (path: string, method = 'GET', headers: Record<string, string> = {}) =>
  fetch(`http://127.0.0.1:${nginx.httpPort}${path}`, { method, headers });
const preflight = (origin: string) =>
  call('/purchases', 'OPTIONS', {
    Origin: origin,
    'Access-Control-Request-Method': 'POST',
    'Access-Control-Request-Headers': 'authorization,idempotency-key',
  });
const corsHeaders = ({ headers }: Response) => [...headers.keys()].filter((name) => name.startsWith('access-control'));

describe('with CORS_ORIGINS', () => {
  beforeAll(() => start({ CORS_ORIGINS: `${page},http://localhost:5173` }));
  afterAll(() => nginx.close());

  test('the question before a call is answered by Nginx, with all that a client of the shop sends', async () => {
    reached = [];
    const answer = await preflight(page);
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([204, page]);
    const allowed = (answer.headers.get('access-control-allow-headers') ?? '').toLowerCase().split(', ');
    for (const name of ['authorization', 'content-type', 'idempotency-key', 'if-match'])
      expect(allowed).toContain(name);
    for (const name of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      expect(answer.headers.get('access-control-allow-methods')).toContain(name);
    }
    expect(reached).toEqual([]);
  });

  test('an answer of a service and one of Nginx may be read, the headers that clients need included', async () => {
    for (const [path, status] of [
      ['/products', 200],
      ['/nothing', 404],
      ['/', 200],
    ] as const) {
      const answer = await call(path, 'GET', { Origin: 'http://localhost:5173' });
      expect([path, answer.status]).toEqual([path, status]);
      expect(answer.headers.get('access-control-allow-origin')).toBe('http://localhost:5173');
      expect(answer.headers.get('vary')).toContain('Origin');
      const names = (answer.headers.get('access-control-expose-headers') ?? '').toLowerCase().split(', ');
      expect(names).toEqual(expect.arrayContaining(exposed));
    }
  });

  test.each(['https://evil.example', 'https://front.example.evil.example', 'null', 'http://front.example'])(
    'a page of %s gets nothing',
    async (origin) => {
      reached = [];
      expect(corsHeaders(await preflight(origin))).toEqual([]);
      expect(reached).toEqual(['OPTIONS /purchases']);
      expect(corsHeaders(await call('/products', 'GET', { Origin: origin }))).toEqual([]);
    },
  );
});

describe('without CORS_ORIGINS', () => {
  beforeAll(() => start({}));
  afterAll(() => nginx.close());

  test('no answer allows another origin anything', async () => {
    expect(corsHeaders(await preflight(page))).toEqual([]);
    const answer = await call('/products', 'GET', { Origin: page });
    expect([corsHeaders(answer), answer.headers.get('vary')]).toEqual([[], 'Accept-Encoding']);
  });

  test('a long answer is compressed for a client that takes it, with a weak tag; a short one is not', async () => {
    const long = await call('/products', 'GET', { 'Accept-Encoding': 'gzip' });
    expect([long.headers.get('content-encoding'), long.headers.get('etag')]).toEqual(['gzip', 'W/"7"']);
    expect(await long.json()).toEqual({ data: 'x'.repeat(3000) });
    const plain = await call('/products', 'GET', { 'Accept-Encoding': 'identity' });
    expect([plain.headers.get('content-encoding'), plain.headers.get('etag')]).toEqual([null, '"7"']);
    const short = await call('/products/boots', 'GET', { 'Accept-Encoding': 'gzip' });
    expect([short.headers.get('content-encoding'), short.headers.get('etag')]).toEqual([null, '"7"']);
  });
});

test.each(['*', 'front.example', 'https://front.example/path', 'https://a"; return 200'])(
  'an origin that is none keeps Nginx from starting: %s',
  async (origin) => {
    await expect(startNginx(undefined, { CORS_ORIGINS: origin })).rejects.toThrow(/is not an origin/);
  },
);
