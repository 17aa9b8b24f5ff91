/** What the Nginx exporter makes of Nginx' log and counters. */
import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { openAccessLog, routeOf } from '../../../monitoring/nginx-exporter/access-log.ts';
import { parseStubStatus } from '../../../monitoring/nginx-exporter/stub-status.ts';

describe('a path becomes a route', () => {
  test.each([
    ['/products', 200, 'products', '/products'],
    ['/products/', 200, 'products', '/products'],
    ['/products/boots', 200, 'products', '/products/:id'],
    ['/products/boots/stock', 200, 'products', '/products/:id/stock'],
    ['/products/batch', 200, 'products', '/products/batch'],
    ['/users/me/password', 204, 'users', '/users/me/password'],
    ['/users/.well-known/jwks.json', 200, 'users', '/users/.well-known/jwks.json'],
    ['/purchases/0190/events', 200, 'purchases', '/purchases/:id/events'],
    ['/purchases/0190/anything', 404, 'purchases', 'unmatched'],
    ['/purchases/1/2/3/4', 404, 'purchases', 'unmatched'],
    ['/', 200, 'nginx', '/'],
    ['/wp-login.php', 404, 'nginx', 'unmatched'],
  ])('%s (%i) is of %s: %s', (path, status, service, route) => {
    expect(routeOf(path, status)).toEqual({ service, route });
  });
});

describe('the access log', () => {
  const line = (changes: object) =>
    `<190>Nov 20 19:00:00 nginx: ${JSON.stringify({ method: 'GET', path: '/products', status: 200, seconds: 0.15, upstream: '127.0.0.1:1', ...changes })}`;

  async function counted(...messages: string[]): Promise<string> {
    const registry = new Registry();
    const count = openAccessLog(registry);
    for (const message of messages) count(message);
    return registry.metrics();
  }

  test('is counted by service, route, method and status, with its duration', async () => {
    const text = await counted(line({}), line({}), line({ status: 503 }));
    expect(text).toContain(
      'nginx_client_requests_total{service="products",route="/products",method="GET",status="200"} 2',
    );
    expect(text).toContain(
      'nginx_client_requests_total{service="products",route="/products",method="GET",status="503"} 1',
    );
    expect(text).toMatch(/duration_seconds_bucket\{le="0.2",service="products",route="\/products",method="GET"\} 3/);
  });

  test('counts how often another replica was asked', async () => {
    const text = await counted(line({ upstream: '127.0.0.1:1, 127.0.0.1:2, 127.0.0.1:3' }));
    expect(text).toContain('nginx_upstream_retries_total{service="products"} 2');
  });

  test('leaves out what no client asked: internal calls, health, the status page', async () => {
    const text = await counted(...['/internal/users/x', '/healthz', '/status/data/now'].map((path) => line({ path })));
    expect(text).not.toMatch(/^nginx_client_requests_total\{/m);
  });

  test('makes no series without end out of what clients make up', async () => {
    const lines = Array.from({ length: 500 }, (_, i) =>
      line({ path: `/products/p${i}/${'abcdefgh'[i % 8]}${'x'.repeat(i % 14)}`, method: `M${i}` }),
    );
    const text = await counted(...lines);
    const series = text.match(/^nginx_client_requests_total\{/gm) ?? [];
    expect(series.length).toBeLessThanOrEqual(61);
  });

  test('survives what is no line of it', async () => {
    expect(await counted('', 'nonsense', '<190>nginx: {"method":', '{}')).toContain(
      'nginx_access_log_unreadable_total 4',
    );
  });
});

test('the seven numbers of stub_status are read in their order', () => {
  const page =
    'Active connections: 291 \nserver accepts handled requests\n 16630948 16630947 31070465 \nReading: 6 Writing: 179 Waiting: 106 \n';
  expect(parseStubStatus(page)).toEqual({
    connections_active: 291,
    connections_accepted: 16630948,
    connections_handled: 16630947,
    http_requests_total: 31070465,
    connections_reading: 6,
    connections_writing: 179,
    connections_waiting: 106,
  });
});
