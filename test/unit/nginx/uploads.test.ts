/** Large bodies at Nginx, which takes a body in before it asks a replica: which clients may send one, and how many at once. */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { exchange, startNginx, type TestNginx } from '../../support/nginx.ts';
import { waitFor } from '../../support/wait.ts';

const megabyte = 1024 * 1024;
vi.setConfig({ testTimeout: 20_000, hookTimeout: 20_000 });

let nginx: TestNginx;
/** Uploads that arrived at a replica, by length. */
const arrived: number[] = [];
/** The refusals with which `products` answers the question about a token; that of an admin is not among them. */
const refusals: Record<string, [status: number, code: string]> = {
  'no token': [401, 'unauthenticated'],
  'Bearer ended': [401, 'session-ended'],
  'Bearer customer': [403, 'forbidden'],
  'Bearer too-often': [429, 'rate-limited'],
};
const authorized: string[] = [];

beforeAll(async () => {
  nginx = await startNginx(
    async (req, res) => {
      if (req.url === '/authorize/admin') {
        authorized.push(`${req.method} ${req.headers['content-length'] ?? 0} ${req.headers['x-forwarded-for']}`);
        const [status, code] = refusals[req.headers.authorization ?? 'no token'] ?? [204, ''];
        if (code !== '') res.setHeader('X-Refusal', JSON.stringify({ type: `/problems/${code}`, status }));
        if (status === 401) res.setHeader('WWW-Authenticate', 'Bearer realm="shop"');
        if (status === 429) res.setHeader('Retry-After', '17');
        res.setHeader('RateLimit', '"caller";r=0;t=17').setHeader('RateLimit-Policy', '"caller";q=10;w=60');
        res.writeHead(status).end();
        return;
      }
      let bytes = 0;
      for await (const chunk of req) bytes += (chunk as Buffer).length;
      if (req.method === 'POST') arrived.push(bytes);
      res.end(`${req.method} ${req.url}`);
    },
    { TRUSTED_PROXIES: '127.0.0.1' },
  );
});
afterAll(() => nginx.close());

const open: Socket[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
});

const head = (token: string | undefined, from: string, length = 2 * megabyte - 100) =>
  `POST /products/batch HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: ${from}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n${
    token === undefined ? '' : `Authorization: Bearer ${token}\r\n`
  }\r\n`;

/** Begins an upload and stops in the middle of it. */
function beginUpload(token: string | undefined, from = '198.51.100.1', bytes = megabyte): { heard: () => string } {
  let heard = '';
  const socket = connect(nginx.httpPort, '127.0.0.1', () => {
    socket.write(head(token, from));
    socket.write('x'.repeat(bytes));
  });
  socket.on('data', (data) => {
    heard += data;
  });
  socket.on('error', () => undefined);
  open.push(socket);
  return { heard: () => heard };
}

/** How much of bodies lies on the disk: in files that Nginx has open, and has removed from their folder. */
function storedBytes(): number {
  const master = readFileSync(join(nginx.dir, 'nginx.pid'), 'utf8').trim();
  const workers = readFileSync(`/proc/${master}/task/${master}/children`, 'utf8').trim().split(' ');
  const files = workers.flatMap((pid) => readdirSync(`/proc/${pid}/fd`).map((fd) => `/proc/${pid}/fd/${fd}`));
  const bodies = files.filter((path) => readlinkSync(path).includes('/client_body/'));
  return bodies.reduce((sum, path) => sum + statSync(path).size, 0);
}
const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);

describe('an upload', () => {
  test.each([
    [undefined, 401, 'unauthenticated'],
    ['ended', 401, 'session-ended'],
    ['customer', 403, 'forbidden'],
    ['too-often', 429, 'rate-limited'],
  ])('with the token %s is refused before its body is read, in the words of products', async (token, status, code) => {
    const answer = await exchange(nginx.httpPort, head(token, '198.51.100.2'), {
      enough: (heard) => heard.endsWith('}'),
    });
    expect(statusOf(answer)).toBe(status);
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({ type: `/problems/${code}`, status });
    const headers = answer.match(/^(WWW-Authenticate|Retry-After|RateLimit|RateLimit-Policy): .*$/gim)?.sort();
    expect(headers).toEqual([
      'RateLimit-Policy: "caller";q=10;w=60',
      'RateLimit: "caller";r=0;t=17',
      ...(status === 429 ? ['Retry-After: 17'] : []),
      ...(status === 401 ? ['WWW-Authenticate: Bearer realm="shop"'] : []),
    ]);
    expect(answer).toMatch(/^Content-Type: application\/problem\+json/im);
    expect(authorized.at(-1)).toBe('GET 0 198.51.100.2');
    expect(arrived).toEqual([]);
  });

  test('80 at once without a token take no space', async () => {
    const begun = Array.from({ length: 80 }, () => beginUpload(undefined));
    await waitFor('all to be refused', () => begun.every(({ heard }) => statusOf(heard()) === 401), 8000);
    expect(storedBytes()).toBe(0);
  });

  test('of an admin arrives, under its own address', async () => {
    const body = JSON.stringify({ products: ['x'.repeat(megabyte)] });
    const request = head('admin', '198.51.100.3', body.length).replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n');
    const answer = await exchange(nginx.httpPort, request + body);
    expect(answer).toContain('POST /products/batch');
    expect(arrived).toEqual([body.length]);
  });

  test('is one of 4 at most of one client, and one of 32 in all', async () => {
    const fifth = Array.from({ length: 5 }, () => beginUpload('admin', '2001:db8::1'));
    const refused = () => fifth.filter(({ heard }) => statusOf(heard()) === 429).length;
    await waitFor('the fifth of the same client to be refused', () => refused() > 0, 8000);
    await waitFor('four to be taken in', () => storedBytes() > 3 * megabyte, 8000);
    // Another address of the same /64 is the same client.
    const neighbour = beginUpload('admin', '2001:db8::ffff');
    await waitFor('the neighbour to be refused', () => statusOf(neighbour.heard()) === 429, 8000);
    const others = Array.from({ length: 29 }, (_, i) => beginUpload('admin', `203.0.113.${i}`, megabyte / 8));
    await waitFor('the 33rd to be refused', () => others.some(({ heard }) => statusOf(heard()) === 429), 8000);
    expect(others.filter(({ heard }) => heard() !== '')).toHaveLength(1);
    expect(refused()).toBe(1);
  });

  test('under the same address, any other method is a request like others', async () => {
    const answer = await exchange(
      nginx.httpPort,
      'GET /products/batch HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    );
    expect([statusOf(answer), answer.includes('GET /products/batch')]).toEqual([200, true]);
  });

  test('of more than 2 MB is refused as too large, for an admin and for others', async () => {
    const answer = await exchange(nginx.httpPort, head('admin', '198.51.100.4', 3 * megabyte), {
      enough: (heard) => heard.endsWith('}'),
    });
    expect(statusOf(answer)).toBe(413);
  });
});

test('of bodies of 10 kB and more one client has 64 at once; smaller ones are not counted', async () => {
  const begin = (length: number, from: string) => {
    let heard = '';
    const socket = connect(nginx.httpPort, '127.0.0.1', () =>
      socket.write(`POST /users HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: ${from}\r\nContent-Length: ${length}\r\n\r\nx`),
    );
    socket.on('data', (data) => {
      heard += data;
    });
    socket.on('error', () => undefined);
    open.push(socket);
    return () => heard;
  };
  const large = Array.from({ length: 65 }, () => begin(90_000, '198.51.100.9'));
  await waitFor('the 65th to be refused', () => large.some((heard) => statusOf(heard()) === 429), 8000);
  expect(large.filter((heard) => heard() !== '')).toHaveLength(1);
  const answer = await exchange(
    nginx.httpPort,
    'POST /users HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 198.51.100.9\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}',
  );
  expect(statusOf(answer)).toBe(200);
});

test.each(['/authorize/admin', '/_authorize/admin', '/_upload/products/batch', '/_problem/not-found'])(
  'a client does not reach %s',
  async (path) => {
    for (const method of ['GET', 'POST']) {
      const head = `${method} ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer admin\r\nConnection: close\r\n\r\n`;
      expect([method, statusOf(await exchange(nginx.httpPort, head))]).toEqual([method, 404]);
    }
  },
);

test('the status page asks by the address of its client', async () => {
  const headers = { authorization: 'Bearer admin', 'x-forwarded-for': '198.51.100.6' };
  expect((await fetch(`${nginx.internalUrl}/internal/authorize/admin`, { headers })).status).toBe(204);
  expect(authorized.at(-1)).toBe('GET 0 198.51.100.6');
});

test('uploads are refused while no replica can tell whose token it is', async () => {
  const without = await startNginx(undefined);
  try {
    const answer = await exchange(without.httpPort, head('admin', '198.51.100.5'), {
      enough: (heard) => heard.endsWith('}'),
    });
    expect(statusOf(answer)).toBe(503);
    expect(answer).toContain('/problems/temporarily-unavailable');
  } finally {
    await without.close();
  }
});
