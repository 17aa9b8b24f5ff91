/** What a client can reach, and how the edge says no: every route, every kind of bad input, through Nginx. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { problems } from '../../api/core/problems.ts';
import {
  makeProduct,
  type Reply,
  type Sent,
  type SignedIn,
  shopClient,
  signInAdmin,
  signUp,
} from '../support/client.ts';
import { waitFor } from '../support/wait.ts';

const { httpUrl, httpsUrl, adminEmail, adminPassword, logDir } = inject('shop');
const shop = shopClient(httpUrl);
let admin: string;
let ann: SignedIn;
let productId: string;
let purchaseId: string;
beforeAll(async () => {
  admin = await signInAdmin(shop, adminEmail, adminPassword);
  ann = await signUp(shop, 'Ann');
  productId = (await makeProduct(shop, admin)).id;
  purchaseId = (await shop('POST', '/purchases', { token: ann.token, body: { items: [{ productId, quantity: 1 }] } }))
    .body.id;
});

type Line = { method: string; path: () => string; access: 'anyone' | 'user' | 'admin'; body?: unknown };
const email = 'someone@example.com';
const password = 'a good long password';
/** Every route that takes a body, with one that is good but for what a test does to it. */
const withBody: Line[] = [
  { method: 'POST', path: () => '/users', access: 'anyone', body: { email, password, firstName: 'A', lastName: 'B' } },
  { method: 'POST', path: () => '/users/login', access: 'anyone', body: { email, password } },
  { method: 'POST', path: () => '/users/refresh', access: 'anyone', body: { refreshToken: 'x' } },
  { method: 'POST', path: () => '/users/logout', access: 'anyone', body: { refreshToken: 'x' } },
  { method: 'PATCH', path: () => '/users/me', access: 'user', body: { firstName: 'A' } },
  {
    method: 'PUT',
    path: () => '/users/me/password',
    access: 'user',
    body: { currentPassword: password, newPassword: password },
  },
  { method: 'PATCH', path: () => `/users/${ann.id}`, access: 'admin', body: { firstName: 'A' } },
  {
    method: 'POST',
    path: () => '/products',
    access: 'admin',
    body: { name: 'x', category: 'y', price: { amount: 1, currency: 'USD' }, stock: 1 },
  },
  { method: 'POST', path: () => '/products/batch', access: 'admin', body: { products: [{ name: 'x' }] } },
  { method: 'PATCH', path: () => `/products/${productId}`, access: 'admin', body: { name: 'x' } },
  { method: 'POST', path: () => `/products/${productId}/stock`, access: 'admin', body: { delta: 1 } },
  { method: 'POST', path: () => '/purchases', access: 'user', body: { items: [{ productId: 'x', quantity: 1 }] } },
];
const withoutBody: Line[] = [
  { method: 'GET', path: () => '/users/me', access: 'user' },
  { method: 'DELETE', path: () => '/users/me', access: 'user' },
  { method: 'GET', path: () => '/users', access: 'admin' },
  { method: 'GET', path: () => `/users/${ann.id}`, access: 'user' }, // that user, too
  { method: 'DELETE', path: () => `/users/${ann.id}`, access: 'admin' },
  { method: 'GET', path: () => '/users/.well-known/jwks.json', access: 'anyone' },
  { method: 'GET', path: () => '/products', access: 'anyone' },
  { method: 'GET', path: () => `/products/${productId}`, access: 'anyone' },
  { method: 'DELETE', path: () => `/products/${productId}`, access: 'admin' },
  { method: 'GET', path: () => '/purchases', access: 'user' },
  { method: 'GET', path: () => `/purchases/${purchaseId}`, access: 'user' },
  { method: 'GET', path: () => `/purchases/${purchaseId}/events`, access: 'user' },
  { method: 'POST', path: () => `/purchases/${purchaseId}/cancel`, access: 'user' },
];
const all = [...withBody, ...withoutBody];
const title = ({ method, path }: Line) => `${method} ${String(path).replace(/^\(\) => /, '')}`;
const named = (lines: Line[]) => lines.map((line) => [title(line), line] as const);

const tokenFor = ({ access }: Line) => (access === 'anyone' ? undefined : access === 'admin' ? admin : ann.token);
function send(line: Line, sent: Sent = {}) {
  const token = tokenFor(line);
  return shop(line.method, line.path(), { ...(token === undefined ? {} : { token }), ...sent });
}

function expectProblem(reply: Reply, status: number, code?: keyof typeof problems) {
  expect([reply.status, reply.body]).toEqual([status, expect.objectContaining({ status })]);
  expect(reply.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  const named = reply.body.type.replace('/problems/', '');
  expect(Object.keys(problems)).toContain(named);
  if (code !== undefined) expect(named).toBe(code);
  expect(reply.body.requestId).toBe(reply.headers.get('x-request-id'));
  expect(Object.keys(reply.body)).toEqual(expect.arrayContaining(['type', 'title', 'status', 'detail', 'requestId']));
  expect(JSON.stringify(reply.body)).not.toMatch(/redis|ioredis|\bat .*\.ts:|node_modules|ECONN/i);
  if (status === 401) expect(reply.headers.get('www-authenticate')).toMatch(/^Bearer/);
  if (status === 405) expect(reply.headers.get('allow')).toBeTruthy();
}

describe('the cache of the catalogue', () => {
  test('answers clients without a token, and never one with a token, who sees each change at once', async () => {
    const { id } = await makeProduct(shop, admin, { name: 'v0' });
    const path = `/products/${id}`;
    await waitFor('an answer from the cache', async () => {
      const found = await shop('GET', path);
      return found.headers.get('cache-status') === 'Nginx; hit' && found.headers.get('age') !== null;
    });
    const page = `/products?category=footwear&limit=5`;
    await waitFor('a page from the cache', async () => {
      return (await shop('GET', page)).headers.get('cache-status') === 'Nginx; hit';
    });
    for (let version = 1; version <= 5; version++) {
      await shop('PATCH', path, { token: admin, body: { name: `v${version}` } });
      const own = await shop('GET', path, { token: admin });
      expect([own.body.name, own.headers.get('cache-status')]).toEqual([`v${version}`, null]);
    }
    await waitFor('the change without a token', async () => (await shop('GET', path)).body.name === 'v5');
  });
});

describe('what is there', () => {
  test('an index with links at /', async () => {
    const index = await shop('GET', '/');
    expect(index.status).toBe(200);
    for (const link of Object.values<string>(index.body.links)) expect((await shop('GET', link)).status).not.toBe(404);
  });

  test('the OpenAPI document, with 304 for a client that has it', async () => {
    const document = await shop('GET', '/openapi.json');
    expect([document.status, document.body.openapi]).toEqual([200, '3.1.0']);
    const headers = { 'if-none-match': document.headers.get('etag') ?? '' };
    expect((await shop('GET', '/openapi.json', { headers })).status).toBe(304);
  });

  test('a page for the type of a problem; the nearest route in its detail', async () => {
    const missing = await shop('GET', '/users/loginn', { token: admin });
    expectProblem(missing, 404, 'not-found');
    expect(missing.body.detail).toContain('/users/login.');
    const page = await shop('GET', missing.body.type);
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expectProblem(await shop('GET', '/problems/unknown'), 404, 'not-found');
  });

  test('/healthz is 200 while each service has a ready replica', async () => {
    expect((await shop('GET', '/healthz')).status).toBe(200);
  });

  test.each([
    ['/', { 'if-match': '"1"' }],
    ['/', { 'if-unmodified-since': 'Thu, 01 Jan 1970 00:00:00 GMT' }],
    ['/healthz', { 'if-match': '"1"' }],
    ['/healthz', { 'if-none-match': '*' }],
  ])('%s with %j, which means nothing there: 200, and the connection stays', async (path, headers) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const get = (path: string, headers: Record<string, string>) =>
      new Promise<{ status: number | undefined; reused: boolean }>((resolve, reject) => {
        const sent = httpRequest(httpUrl + path, { agent, headers }, (answer) =>
          answer.resume().on('end', () => resolve({ status: answer.statusCode, reused: sent.reusedSocket })),
        );
        sent.on('error', reject).end();
      });
    expect(await get(path, headers)).toEqual({ status: 200, reused: false });
    expect(await get('/products', {})).toEqual({ status: 200, reused: true });
    agent.destroy();
  });

  test.each([
    '/internal/products/reservations',
    '/metrics',
    '/livez',
    '/readyz',
    '/internal',
    '/nothing',
    '/usersx',
    '/users/metrics',
    '/products/..%2finternal/x',
    '//internal/users/sessions/check',
    '/internal%2fusers',
    '/stub_status',
    '/authorize/admin',
    '/_authorize/admin',
    '/_upload/products/batch',
  ])('%s is not there: 404', async (path) => {
    expectProblem(await shop('GET', path, { token: admin }), 404, 'not-found');
  });

  test('HTTPS serves the same with the certificate made at the first start', async () => {
    const answer = await new Promise<number>((resolve, reject) => {
      const ca = readFileSync(`${logDir}/../tls/cert.pem`);
      httpsRequest(`${httpsUrl}/products`, { ca, servername: 'localhost' }, (res) =>
        resolve(res.resume().statusCode ?? 0),
      )
        .on('error', reject)
        .end();
    });
    expect(answer).toBe(200);
  });
});

describe('compressed answers', () => {
  test('have a tag that If-Match and If-None-Match take, as fetch gets it', async () => {
    const { id } = await makeProduct(shop, admin, { description: 'x'.repeat(2000) });
    const read = (headers = {}) => shop('GET', `/products/${id}`, { token: admin, headers });
    const first = await read();
    const tag = first.headers.get('etag') ?? '';
    expect([first.headers.get('content-encoding'), tag.slice(0, 3)]).toEqual(['gzip', 'W/"']);
    expect((await read({ 'if-none-match': tag })).status).toBe(304);
    const change = (name: string) =>
      shop('PATCH', `/products/${id}`, { token: admin, headers: { 'if-match': tag }, body: { name } });
    expect((await change('Walking Boots')).status).toBe(200);
    expectProblem(await change('Climbing Boots'), 412, 'precondition-failed');
  });
});

describe('every answer', () => {
  test('has a request id: the client’s if it is a proper one', async () => {
    const kept = await shop('GET', '/products', { headers: { 'x-request-id': 'my-request.id_1' } });
    expect(kept.headers.get('x-request-id')).toBe('my-request.id_1');
    for (const wrong of ['short', 'with space in it', 'x'.repeat(65), 'umläut-umläut']) {
      const made = await shop('GET', '/products', {
        headers: { 'x-request-id': encodeURI(wrong) === wrong ? wrong : Buffer.from(wrong).toString('latin1') },
      });
      expect(made.headers.get('x-request-id')).toMatch(/^[A-Za-z0-9._-]{8,64}$/);
      expect(made.headers.get('x-request-id')).not.toBe(wrong);
    }
  });

  test('has helmet’s headers and no word about what runs here', async () => {
    for (const path of ['/products', '/', '/nothing']) {
      const { headers } = await shop('GET', path);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('SAMEORIGIN');
      expect(headers.get('content-security-policy')).toContain('frame-ancestors');
      expect(headers.get('x-powered-by')).toBeNull();
      expect(headers.get('server') ?? '').not.toMatch(/\d/);
    }
  });

  test('that is personal is not kept by any cache', async () => {
    for (const path of ['/users/me', '/purchases', `/purchases/${purchaseId}`]) {
      expect((await shop('GET', path, { token: ann.token })).headers.get('cache-control')).toContain('no-store');
    }
  });
});

describe.each(named(all))('%s', (_title, line) => {
  test('refuses an unknown query parameter', async () => {
    const url = { ...line, path: () => `${line.path()}?surprise=1` };
    const reply = await send(url, line.body === undefined ? {} : { body: line.body });
    expectProblem(reply, 422, 'validation-failed');
    expect(reply.body.errors).toEqual([expect.objectContaining({ pointer: '?surprise' })]);
  });

  test('says which methods there are', async () => {
    const reply = await shop('PROPFIND', line.path());
    expectProblem(reply, 405, 'method-not-allowed');
  });
});

describe.each(named(all.filter(({ access }) => access !== 'anyone')))('%s', (_title, line) => {
  test('refuses clients without permission', async () => {
    const sent = line.body === undefined ? {} : { body: line.body };
    expectProblem(await shop(line.method, line.path(), sent), 401, 'unauthenticated');
    expectProblem(await shop(line.method, line.path(), { ...sent, token: 'made.up.token' }), 401, 'unauthenticated');
    if (line.access === 'admin') {
      expectProblem(await shop(line.method, line.path(), { ...sent, token: ann.token }), 403, 'forbidden');
    }
  });
});

describe.each(named(withBody))('a body for %s', (_title, line) => {
  const json = { 'content-type': 'application/json' };
  test('of another type or encoding is refused', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/json; charset=latin1',
      'multipart/form-data; boundary=x',
    ]) {
      expectProblem(await send(line, { raw: JSON.stringify(line.body), headers: { 'content-type': type } }), 415);
    }
    expectProblem(
      await send(line, { raw: JSON.stringify(line.body), headers: { ...json, 'content-encoding': 'gzip' } }),
      415,
    );
  });

  test('that is broken, not UTF-8, or missing is refused', async () => {
    for (const raw of ['{', '{"a":}', 'x', '{"a":1}}']) expectProblem(await send(line, { raw, headers: json }), 400);
    expectProblem(await send(line, { raw: new Uint8Array([0x22, 0xff, 0xfe, 0x22]), headers: json }), 400);
    expectProblem(await send(line), 422);
  });

  test('that is too large is refused', async () => {
    const size = line.path().endsWith('/batch') ? 2.5 : 0.12;
    expectProblem(await send(line, { raw: JSON.stringify({ x: 'x'.repeat(size * 1024 * 1024) }), headers: json }), 413);
  });

  test('of another shape is refused, with every fault', async () => {
    for (const body of [null, [], 'text', 1, true]) expectProblem(await send(line, { body }), 422, 'validation-failed');
    const faulty = await send(line, { body: { ...(line.body as object), surprise: 1, another: 2 } });
    expectProblem(faulty, 422, 'validation-failed');
    expect(faulty.body.errors.map((error: { pointer: string }) => error.pointer)).toEqual(
      expect.arrayContaining(['#/surprise', '#/another']),
    );
  });

  test('with __proto__, NUL, lone surrogates, numbers beyond 2^53 or endless depth is refused', async () => {
    const field = Object.keys(line.body as object)[0];
    for (const value of [
      '"a\\u0000b"',
      '"\\ud800"',
      '9007199254740993',
      '1e400',
      '-1e999',
      `${'['.repeat(5000)}${']'.repeat(5000)}`,
      '{"__proto__":{"role":"admin"}}',
    ]) {
      expectProblem(await send(line, { raw: `{"${field}":${value}}`, headers: json }), 422, 'validation-failed');
    }
    expectProblem(await send(line, { raw: '{"__proto__":{"role":"admin"}}', headers: json }), 422, 'validation-failed');
  });
});

describe('ids and cursors', () => {
  const wrongIds = [
    '%2e%2e%2f',
    'a%2Fb',
    '%7Bx%7D',
    'a%0d%0aX-Evil:%201',
    '%00',
    'x'.repeat(65),
    '%F0%9F%98%80',
    'users%7D:x',
    'constructor.prototype',
    '__proto__',
  ];
  test.each(wrongIds)('%s is the id of nothing', async (id) => {
    for (const [path, token] of [
      [`/products/${id}`, admin],
      [`/users/${id}`, admin],
      [`/purchases/${id}`, ann.token],
      [`/purchases/${id}/events`, ann.token],
    ] as const) {
      const reply = await shop('GET', path, { token });
      expect([path, reply.status]).toEqual([path, expect.toSatisfy((status) => status === 404 || status === 400)]);
      expectProblem(reply, reply.status);
    }
  });

  test('a percent sign that encodes nothing is a bad request', async () => {
    expectProblem(await shop('GET', '/products/%zz'), 400, 'bad-request');
  });

  test.each(['x', 'AAAA', '%00', '../..', 'eyJhIjoxfQ', `${'A'.repeat(3000)}`, '%F0%9F%98%80'])(
    'the cursor %s is a fault',
    async (cursor) => {
      for (const [path, token] of [
        ['/products', admin],
        ['/users', admin],
        ['/purchases', ann.token],
      ] as const) {
        expectProblem(await shop('GET', `${path}?cursor=${cursor}`, { token }), 422, 'validation-failed');
      }
    },
  );

  test('a real cursor cut short, or used for another question, is a fault', async () => {
    await makeProduct(shop, admin);
    const { nextCursor } = (await shop('GET', '/products?limit=1')).body;
    expectProblem(await shop('GET', `/products?cursor=${encodeURIComponent(nextCursor.slice(0, -3))}`), 422);
    expectProblem(await shop('GET', `/products?sort=price&cursor=${encodeURIComponent(nextCursor)}`), 422);
    expect((await shop('GET', `/products?cursor=${encodeURIComponent(nextCursor)}`)).status).toBe(200);
  });

  test.each([
    'limit=0',
    'limit=101',
    'limit=x',
    'limit=1e1',
    'limit=1&limit=2',
    'sort=stock',
    'minPrice=-1',
    'minPrice=1.5',
    'inStock=perhaps',
  ])('/products?%s is a fault', async (query) => {
    expectProblem(await shop('GET', `/products?${query}`), 422, 'validation-failed');
  });
});

test('requests that are no HTTP are refused without harm', async () => {
  const { port } = new URL(httpUrl);
  for (const text of [
    'GET / HTTP/9.9\r\n\r\n',
    'NONSENSE\r\n\r\n',
    `GET /${'x'.repeat(40_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
  ]) {
    const answer = await new Promise<string>((resolve, reject) => {
      let heard = '';
      const socket = connect(Number(port), '127.0.0.1', () => socket.write(text));
      socket
        .on('data', (data) => {
          heard += data;
        })
        .on('end', () => resolve(heard))
        .on('error', reject);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d|^$/);
  }
  expect((await shop('GET', '/healthz')).status).toBe(200);
});

test('nothing that was refused was stored', async () => {
  const { body } = withBody.find(({ path }) => path() === '/products') ?? {};
  const { category } = body as { category: string };
  const products = await shop('GET', `/products?category=${category}`, { token: admin });
  expect(products.body.data).toEqual([]);
  expect((await shop('POST', '/users/login', { body: { email, password } })).status).toBe(401);
});

describe('one request, one id', () => {
  test('the same in Nginx’s log, in the service’s and in an internal call’s', async () => {
    const id = `trace-${randomUUID()}`;
    await shop('POST', '/purchases', {
      token: ann.token,
      headers: { 'x-request-id': id },
      body: { items: [{ productId, quantity: 1 }] },
    });
    const logs = (name: string) => [1, 2].map((n) => readFileSync(`${logDir}/${name}-${n}.log`, 'utf8')).join('');
    const { waitFor } = await import('../support/wait.ts');
    for (const name of ['nginx', 'purchases', 'products'])
      await waitFor(`${id} in the logs of ${name}`, () => logs(name).includes(id), 3000);
  });
});
