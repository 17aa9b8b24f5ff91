/** Nginx' log of requests: what it says of those that Nginx answers itself, and what the Nginx exporter counts of that. */
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openAccessLog } from '../../../monitoring/nginx-exporter/access-log.ts';
import { exchange, startNginx, type TestNginx } from '../../support/nginx.ts';
import { waitFor } from '../../support/wait.ts';

vi.setConfig({ testTimeout: 20_000, hookTimeout: 20_000 });

let nginx: TestNginx;
beforeAll(async () => {
  nginx = await startNginx(undefined);
});
afterAll(() => nginx.close());

let requests = 0;
/** Sends the head of a request and returns its line in the log. */
async function lineOf(method: string, path: string, bodyLength = 0): Promise<string> {
  requests += 1;
  const id = `request-${requests}`;
  const head = `${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-Id: ${id}\r\nContent-Length: ${bodyLength}\r\n\r\n`;
  await exchange(nginx.httpPort, head, { enough: (heard) => heard.endsWith('}') });
  const isWanted = (line: string) => line.startsWith('{') && line.includes(`"requestId":"${id}"`);
  return waitFor(`${id} in the log`, () => nginx.log().split('\n').find(isWanted));
}

test.each([
  ['POST', '/purchases', 0, 503],
  ['HEAD', '/products', 0, 503],
  ['PUT', '/users/me/password', 200_000, 413],
  ['DELETE', '/nothing', 0, 404],
  ['PROPFIND', '/users', 0, 405],
  ['POST', '/healthz', 0, 405],
  ['POST', '/products/batch', 0, 503],
] as const)(
  '%s %s, %i bytes, to which Nginx answers %i, has its own method and path',
  async (method, path, length, status) => {
    expect(JSON.parse(await lineOf(method, path, length))).toMatchObject({ method, path, status });
  },
);

test('an outage of purchases counts as failed purchases', async () => {
  const registry = new Registry();
  openAccessLog(registry)(`<190>Nov 20 19:00:00 nginx: ${await lineOf('POST', '/purchases')}`);
  expect(await registry.metrics()).toContain(
    'nginx_client_requests_total{service="purchases",route="/purchases",method="POST",status="503"} 1',
  );
});
