/** What the shop refuses, for every route and through Nginx: unknown parameters, missing permission, bad bodies, wrong ids and cursors. */
import { beforeAll, describe, expect, test } from 'vitest';
import { makeProduct } from '../support/client.ts';
import {
  allRoutes,
  type Clients,
  email,
  expectProblem,
  makeClients,
  named,
  password,
  send,
  shop,
  withBody,
} from './routes.ts';

let clients: Clients;
beforeAll(async () => {
  clients = await makeClients();
});

describe.each(named(allRoutes))('%s', (_title, line) => {
  test('refuses an unknown query parameter', async () => {
    const url = { ...line, path: () => `${line.path(clients)}?surprise=1` };
    const reply = await send(url, clients, line.body === undefined ? {} : { body: line.body });
    expectProblem(reply, 422, 'validation-failed');
    expect(reply.body.errors).toEqual([expect.objectContaining({ pointer: '?surprise' })]);
  });

  test('says which methods there are', async () => {
    // Node.js reads the first one, and would refuse the second one without a word.
    for (const method of ['PROPFIND', 'MAKE-UP']) {
      const reply = await shop(method, line.path(clients));
      expectProblem(reply, 405, 'method-not-allowed');
      expect(reply.headers.get('allow')).toMatch(/GET|POST|DELETE/);
    }
  });
});

describe.each(named(allRoutes.filter(({ access }) => access !== 'anyone')))('%s', (_title, line) => {
  test('refuses clients without permission', async () => {
    const sent = line.body === undefined ? {} : { body: line.body };
    expectProblem(await shop(line.method, line.path(clients), sent), 401, 'unauthenticated');
    // The second one says of itself that it is a JWT, and its payload is not JSON.
    for (const token of ['made.up.token', 'eyJ0eXAiOiJKV1QifQ.eA.eA']) {
      expectProblem(await shop(line.method, line.path(clients), { ...sent, token }), 401, 'unauthenticated');
    }
    if (line.access === 'admin') {
      expectProblem(
        await shop(line.method, line.path(clients), { ...sent, token: clients.ann.token }),
        403,
        'forbidden',
      );
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
      expectProblem(
        await send(line, clients, { raw: JSON.stringify(line.body), headers: { 'content-type': type } }),
        415,
      );
    }
    expectProblem(
      await send(line, clients, { raw: JSON.stringify(line.body), headers: { ...json, 'content-encoding': 'gzip' } }),
      415,
    );
  });

  test('that is broken, not UTF-8, or missing is refused', async () => {
    for (const raw of ['{', '{"a":}', 'x', '{"a":1}}'])
      expectProblem(await send(line, clients, { raw, headers: json }), 400);
    expectProblem(await send(line, clients, { raw: new Uint8Array([0x22, 0xff, 0xfe, 0x22]), headers: json }), 400);
    expectProblem(await send(line, clients), 422);
  });

  test('that is too large is refused', async () => {
    const size = line.path(clients).endsWith('/batch') ? 2.5 : 0.12;
    expectProblem(
      await send(line, clients, { raw: JSON.stringify({ x: 'x'.repeat(size * 1024 * 1024) }), headers: json }),
      413,
    );
  });

  test('of another shape is refused, with every fault', async () => {
    for (const body of [null, [], 'text', 1, true])
      expectProblem(await send(line, clients, { body }), 422, 'validation-failed');
    const faulty = await send(line, clients, { body: { ...(line.body as object), surprise: 1, another: 2 } });
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
      expectProblem(
        await send(line, clients, { raw: `{"${field}":${value}}`, headers: json }),
        422,
        'validation-failed',
      );
    }
    expectProblem(
      await send(line, clients, { raw: '{"__proto__":{"role":"admin"}}', headers: json }),
      422,
      'validation-failed',
    );
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
      [`/products/${id}`, clients.admin],
      [`/users/${id}`, clients.admin],
      [`/purchases/${id}`, clients.ann.token],
      [`/purchases/${id}/events`, clients.ann.token],
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
        ['/products', clients.admin],
        ['/users', clients.admin],
        ['/purchases', clients.ann.token],
      ] as const) {
        expectProblem(await shop('GET', `${path}?cursor=${cursor}`, { token }), 422, 'validation-failed');
      }
    },
  );

  test('a real cursor cut short, or used for another question, is a fault', async () => {
    await makeProduct(shop, clients.admin);
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

test('nothing that was refused was stored', async () => {
  const { body } = withBody.find(({ path }) => path(clients) === '/products') ?? {};
  const { category } = body as { category: string };
  const products = await shop('GET', `/products?category=${category}`, { token: clients.admin });
  expect(products.body.data).toEqual([]);
  expect((await shop('POST', '/users/login', { body: { email, password } })).status).toBe(401);
});
