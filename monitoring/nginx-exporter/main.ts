/**
 * The Nginx exporter: what Prometheus scrapes about Nginx.
 *
 *   /metrics             what clients see (from the access log, which every Nginx also sends here by syslog over UDP), a probe of the public
 *                        listener, and the certificate
 *   /nginx?target=H:P    connections of one Nginx (from its stub_status)
 *
 * One process for all Nginx. If it does not run, Nginx does not wait: the datagrams are lost.
 * Environment: HOST, PORT (of both, TCP and UDP), TLS_TARGET (host:port of HTTPS, which is probed and whose certificate is read; none if empty),
 * TLS_PROXY_PROTOCOL (`on`: every connection there begins with a line of the PROXY protocol).
 */
import { createSocket } from 'node:dgram';
import { createServer, type ServerResponse } from 'node:http';
import process from 'node:process';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { z } from 'zod';
import { watchContainer } from '../../api/http/container-metrics.ts';
import { openAccessLog } from './access-log.ts';
import { startProbe } from './probe.ts';
import { scrapeNginx } from './stub-status.ts';

const settings = z
  .object({
    HOST: z.string().default('127.0.0.1'),
    PORT: z.coerce.number().int().min(1).max(65535),
    TLS_TARGET: z.string().default(''),
    TLS_PROXY_PROTOCOL: z.enum(['on', 'off']).default('off'),
  })
  .parse(process.env);

const registry = new Registry();
collectDefaultMetrics({ register: registry });
watchContainer(registry);
const count = openAccessLog(registry);
if (settings.TLS_TARGET !== '') {
  startProbe(registry, { address: settings.TLS_TARGET, speaksProxy: settings.TLS_PROXY_PROTOCOL === 'on' });
}

// As much as the kernel gives: what comes while this process collects garbage waits there.
const log = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 });
log.on('message', (message) => count(message.toString()));
log.on('error', fail);
log.bind(settings.PORT, settings.HOST);

const server = createServer((req, res) => {
  const url = new URL(req.url ?? '/', 'http://exporter');
  answer(url, res).catch((error) => res.writeHead(500).end(String(error)));
});
server.on('error', fail);
server.listen(settings.PORT, settings.HOST);

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0));

async function answer(url: URL, res: ServerResponse): Promise<void> {
  const target = url.searchParams.get('target') ?? '';
  if (url.pathname === '/metrics') res.setHeader('content-type', registry.contentType).end(await registry.metrics());
  else if (url.pathname === '/nginx' && /^[A-Za-z0-9._-]+:\d+$/.test(target))
    res.setHeader('content-type', registry.contentType).end(await scrapeNginx(target));
  else res.writeHead(404).end();
}

function fail(error: Error): never {
  process.stderr.write(`${JSON.stringify({ level: 60, service: 'nginx-exporter', msg: error.message })}\n`);
  process.exit(1);
}
