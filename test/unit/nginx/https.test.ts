/** Plain HTTP at Nginx: where HTTPS is required, nothing secret is sent on by it, and no redirect goes to a host that a client names. */
import { request as httpsRequest } from 'node:https';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { probe } from '../../../monitoring/nginx-exporter/probe.ts';
import { exchange, startNginx, type TestNginx } from '../../support/nginx.ts';
import { waitFor } from '../../support/wait.ts';

vi.setConfig({ testTimeout: 20_000, hookTimeout: 20_000 });

const call = (path: string, headers = '', method = 'GET') =>
  `${method} ${path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n${headers}\r\n`;
const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
const headerOf = (answer: string, name: string) => new RegExp(`^${name}: (.*)\r$`, 'im').exec(answer)?.[1];

describe('where HTTPS is required', () => {
  let nginx: TestNginx;
  const reached: string[] = [];
  beforeAll(async () => {
    nginx = await startNginx(
      (req, res) => {
        reached.push(`${req.method} ${req.url} ${req.headers['x-forwarded-proto']}`);
        res.end('from a replica');
      },
      { FORCE_HTTPS: 'true', SHOP_URL: 'https://shop.example', STATUS_UPSTREAM: '127.0.0.1:1' },
    );
  });
  afterAll(() => nginx.close());

  test.each([
    ['POST', '/users/login'],
    ['GET', '/products'],
    ['DELETE', '/users/me'],
    ['POST', '/products/batch'],
    ['GET', '/purchases/x'],
    ['GET', '/nothing'],
  ])('an API call by HTTP is refused, not redirected with what it carries: %s %s', async (method, path) => {
    const answer = await exchange(nginx.httpPort, call(path, 'Authorization: Bearer x\r\n', method));
    expect(statusOf(answer)).toBe(403);
    expect(headerOf(answer, 'Location')).toBeUndefined();
    expect(headerOf(answer, 'Content-Type')).toBe('application/problem+json');
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({
      type: '/problems/https-required',
      status: 403,
      requestId: headerOf(answer, 'X-Request-Id'),
    });
    expect(reached).toEqual([]);
  });

  test.each(['/', '/status', '/status/runbooks/NginxDown', '/docs', '/problems/not-found?x=1'])(
    'the page %s is redirected to the configured host',
    async (path) => {
      const answer = await exchange(nginx.httpPort, call(path));
      expect([statusOf(answer), headerOf(answer, 'Location')]).toEqual([308, `https://shop.example${path}`]);
    },
  );

  test('a client that claims HTTPS by X-Forwarded-Proto is not believed', async () => {
    const answer = await exchange(nginx.httpPort, call('/products', 'X-Forwarded-Proto: https\r\n'));
    expect(statusOf(answer)).toBe(403);
  });

  test('by HTTPS the call arrives', async () => {
    const status = await new Promise((resolve, reject) => {
      httpsRequest(
        { host: '127.0.0.1', port: nginx.httpsPort, path: '/products', ca: nginx.certificate, servername: 'localhost' },
        (res) => resolve(res.resume().statusCode),
      )
        .on('error', reject)
        .end();
    });
    expect(status).toBe(200);
    expect(reached).toEqual(['GET /products https']);
  });
});

describe('a load balancer in TRUSTED_PROXIES that ends TLS itself', () => {
  let nginx: TestNginx;
  const seen: (string | undefined)[][] = [];
  beforeAll(async () => {
    nginx = await startNginx(
      (req, res) => {
        seen.push([String(req.headers['x-forwarded-for']), String(req.headers['x-forwarded-proto'])]);
        res.end('from a replica');
      },
      { FORCE_HTTPS: 'true', TRUSTED_PROXIES: '127.0.0.0/8,fd00::/8' },
    );
  });
  afterAll(() => nginx.close());

  test('says where the client is and how it came', async () => {
    const headers = 'X-Forwarded-For: 203.0.113.9, 198.51.100.7\r\nX-Forwarded-Proto: https\r\n';
    expect(statusOf(await exchange(nginx.httpPort, call('/products', headers)))).toBe(200);
    // The last address is the one that the balancer saw; what stands before it is the client's word.
    expect(seen).toEqual([['198.51.100.7', 'https']]);
  });

  test('says it when the client came by HTTP, too', async () => {
    const headers = 'X-Forwarded-For: 198.51.100.7\r\nX-Forwarded-Proto: http\r\n';
    expect(statusOf(await exchange(nginx.httpPort, call('/products', headers)))).toBe(403);
  });
});

describe('a load balancer that speaks the PROXY protocol', () => {
  let nginx: TestNginx;
  beforeAll(async () => {
    nginx = await startNginx((_req, res) => res.end('from a replica'), {
      FORCE_HTTPS: 'true',
      TRUSTED_PROXIES: '127.0.0.1',
      PROXY_PROTOCOL: 'on',
    });
  });
  afterAll(() => nginx.close());

  test('passes on the client’s own X-Forwarded-Proto, which does not count', async () => {
    const first = 'PROXY TCP4 198.51.100.7 127.0.0.1 4711 80\r\n';
    const answer = await exchange(nginx.httpPort, first + call('/products', 'X-Forwarded-Proto: https\r\n'));
    expect(statusOf(answer)).toBe(403);
    await waitFor('the log to have the client', () => nginx.log().includes('"client":"198.51.100.7"'));
  });

  test('does not keep the exporter from probing, and from reading how long the certificate lasts', async () => {
    const address = `127.0.0.1:${nginx.httpsPort}`;
    expect(await probe({ address, speaksProxy: true })).toBeGreaterThan(Date.now() / 1000);
    await expect(probe({ address, speaksProxy: false })).rejects.toThrow();
  });
});

describe('HTTP published to this machine only', () => {
  let nginx: TestNginx;
  beforeAll(async () => {
    nginx = await startNginx((_req, res) => res.end('from a replica'), { HTTP_ADDRESS: '127.0.0.1' });
  });
  afterAll(() => nginx.close());
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  // Linux answers on all of 127.0.0.0/8.
  const others = ['127.0.0.2', ...addresses.filter(({ internal }) => !internal).map(({ address }) => address)].filter(
    (address) => !address.startsWith('fe80'),
  );

  test('is answered on the loopback address, and on no other', async () => {
    expect(statusOf(await exchange(nginx.httpPort, call('/products')))).toBe(200);
    for (const host of others)
      await expect(exchange(nginx.httpPort, call('/products'), { host })).rejects.toThrow(/ECONNREFUSED/);
  });

  test('while HTTPS is on all of them', async () => {
    // Plain text to the port of HTTPS: Nginx answers, so it listens there.
    for (const host of ['127.0.0.1', ...others]) {
      expect(statusOf(await exchange(nginx.httpsPort, call('/products'), { host }))).toBe(400);
    }
  });
});
