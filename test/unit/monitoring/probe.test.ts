/** The probe of the public listener, and what a process reports about the memory of its container. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { afterEach, describe, expect, test } from 'vitest';
import { watchContainer } from '../../../api/http/container-metrics.ts';
import { probe } from '../../../monitoring/nginx-exporter/probe.ts';
import { connectTo } from '../../../monitoring/nginx-exporter/tls-target.ts';
import { seriesOf } from '../../../monitoring/prometheus/used-series.ts';

describe('the probe', () => {
  let server: Server | undefined;
  afterEach(() => server?.close());

  test('fails when the port is closed', async () => {
    await expect(probe({ address: '127.0.0.1:1', speaksProxy: false }, 500)).rejects.toThrow('ECONNREFUSED');
  });

  test('fails when the listener accepts connections and never answers', async () => {
    server = createServer(() => undefined);
    await new Promise<void>((listening) => server?.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as { port: number };
    const target = { address: `127.0.0.1:${port}`, speaksProxy: false };
    await expect(probe(target, 100)).rejects.toThrow('no answer within 100 ms');
  });
});

// A second error event of a socket, which its only listener no longer hears, ends the whole exporter while Nginx is away.
test('a connection that is refused reports one error', async () => {
  const errors: Error[] = [];
  const socket = connectTo({ address: '127.0.0.1:1', speaksProxy: false }, 500);
  socket.on('error', (error) => errors.push(error));
  await new Promise((closed) => socket.on('close', closed));
  expect(errors.map(({ message }) => message)).toEqual(['connect ECONNREFUSED 127.0.0.1:1']);
});

describe('memory of the container', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cgroup-'));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('is reported against its limit, without cache that the kernel can drop', async () => {
    const write = (file: string, text: string) => writeFileSync(join(folder, file), text);
    write('memory.max', '1000\n');
    write('memory.current', '700\n');
    write('memory.stat', 'anon 400\ninactive_file 200\n');
    write('memory.events', 'oom 3\noom_kill 2\n');
    const registry = new Registry();
    watchContainer(registry, folder);
    const text = await registry.metrics();
    expect(text).toContain('container_memory_limit_bytes 1000');
    expect(text).toContain('container_memory_usage_bytes 500');
    expect(text).toContain('container_oom_kills_total 2');
    expect(await registry.metrics()).toContain('container_oom_kills_total 2');
  });

  test('is not reported where there is no limit', async () => {
    const registry = new Registry();
    watchContainer(registry, folder);
    expect(await registry.metrics()).not.toContain('container');
  });
});

describe('the series that an expression reads', () => {
  test.each([
    ['sum by (service) (rate(http_requests_total{job="api", status=~"5.."}[1m])) / 2', ['http_requests_total']],
    ['redis_up == 1 unless on (instance) instance:redis_master:info', ['redis_up']],
    ['max(a offset 5m) or vector(0)', ['a']],
    ['count(ALERTS{alertname="up"}) > 1', []],
    ['sum(rate(x{service=~"$service"}[$__rate_interval])) by (le)', ['x']],
  ])('%s', (expr, series) => expect(seriesOf(expr)).toEqual(series));
});
