/** What a client reaches through Nginx, and what every answer has. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { makeProduct, type SignedIn } from '../support/client.ts';
import { waitFor } from '../support/wait.ts';
import { expectProblem, makeClients, shop } from './routes.ts';

const { httpUrl, httpsUrl, logDir } = inject('shop');
let admin: string;
let ann: SignedIn;
let productId: string;
let purchaseId: string;
beforeAll(async () => {
  ({ admin, ann, productId, purchaseId } = await makeClients());
});

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

describe('one request, one id', () => {
  test('the same in Nginx’s log, in the service’s and in an internal call’s', async () => {
    const id = `trace-${randomUUID()}`;
    await shop('POST', '/purchases', {
      token: ann.token,
      headers: { 'x-request-id': id },
      body: { items: [{ productId, quantity: 1 }] },
    });
    const logs = (name: string) => [1, 2].map((n) => readFileSync(`${logDir}/${name}-${n}.log`, 'utf8')).join('');
    for (const name of ['nginx', 'purchases', 'products'])
      await waitFor(`${id} in the logs of ${name}`, () => logs(name).includes(id));
  });
});
