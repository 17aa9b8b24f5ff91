/** What clients see, from Nginx' JSON access log: rate, errors and duration by route. */
import { Counter, Histogram, type Registry } from 'prom-client';
import { z } from 'zod';
import { serviceNames } from '../../api/services.ts';

/** The fields of nginx/log.conf that count here. */
const line = z.object({
  method: z.string(),
  path: z.string(),
  status: z.number(),
  seconds: z.number(),
  upstream: z.string().default(''),
});

/** Literal parts of routes; any other second part is an id. */
const literals = new Set(['me', 'login', 'refresh', 'logout', 'batch', '.well-known', 'jwks.json']);
const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
/** The objectives' 0.2 s and 0.5 s are among them, so that they are counted and not guessed. */
const secondsBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 10];
/** More routes than the shop has: a client that makes up paths cannot create series without end. */
const maxRoutes = 60;

/** Requests that do not count as a client's: health checks, internal calls, and the status page, which polls every few seconds. */
const notClients = /^\/(internal|healthz|status|_problem)(\/|$)/;

/**
 * Opens the counters.
 * @returns takes one message as Nginx sends it (syslog, RFC 3164, with the JSON line behind the tag)
 */
export function openAccessLog(registry: Registry): (message: string) => void {
  const total = new Counter({
    name: 'nginx_client_requests_total',
    help: 'Requests of clients that Nginx answered',
    labelNames: ['service', 'route', 'method', 'status'],
    registers: [registry],
  });
  const duration = new Histogram({
    name: 'nginx_client_request_duration_seconds',
    help: 'From the first byte of a request at Nginx to the last of its answer, repetitions on other replicas included',
    labelNames: ['service', 'route', 'method'],
    buckets: secondsBuckets,
    registers: [registry],
  });
  const repeated = new Counter({
    name: 'nginx_upstream_retries_total',
    help: 'Times that Nginx asked another replica because one failed',
    labelNames: ['service'],
    registers: [registry],
  });
  const unreadable = new Counter({
    name: 'nginx_access_log_unreadable_total',
    help: 'Messages that were no line of the access log',
    registers: [registry],
  });
  for (const service of serviceNames) repeated.inc({ service }, 0);
  const routes = new Set<string>();

  return (message) => {
    const read = parse(message);
    if (read === undefined) {
      unreadable.inc();
      return;
    }
    if (notClients.test(read.path)) return;
    const { service, route } = routeOf(read.path, read.status);
    if (routes.size < maxRoutes) routes.add(route);
    const labels = {
      service,
      route: routes.has(route) ? route : 'other',
      method: methods.has(read.method) ? read.method : 'other',
    };
    total.inc({ ...labels, status: read.status });
    duration.observe(labels, read.seconds);
    repeated.inc({ service }, read.upstream.split(',').length - 1);
  };
}

function parse(message: string): z.infer<typeof line> | undefined {
  try {
    return line.parse(JSON.parse(message.slice(message.indexOf('{'))));
  } catch {
    return undefined;
  }
}

/**
 * The route that a path belongs to, with `:id` in place of ids.
 * @returns the service `nginx` for what Nginx answers itself
 */
export function routeOf(path: string, status: number): { service: string; route: string } {
  const [service = '', second, third, ...more] = path.split('/').slice(1).filter(Boolean);
  if (!(serviceNames as readonly string[]).includes(service)) {
    return { service: 'nginx', route: path === '/' ? '/' : 'unmatched' };
  }
  const parts = [service];
  if (second !== undefined) parts.push(literals.has(second) ? second : ':id');
  // Third parts are always written out (stock, cancel, events): where there is no such route it is a 404.
  if (third !== undefined) {
    if (more.length > 0 || status === 404 || !/^[a-z.]{1,16}$/.test(third)) return { service, route: 'unmatched' };
    parts.push(third);
  }
  return { service, route: `/${parts.join('/')}` };
}
