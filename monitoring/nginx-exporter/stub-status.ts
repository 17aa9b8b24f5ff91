/** An Nginx' connections, from its stub_status, under the names of nginx-prometheus-exporter, which can only ask a single Nginx. */
import { Counter, Gauge, Registry } from 'prom-client';

const counters = new Set(['connections_accepted', 'connections_handled', 'http_requests_total']);

/** Asks the Nginx whose watch listener is `target` (host:port). @returns Prometheus' text format; `nginx_up 0` when it does not answer */
export async function scrapeNginx(target: string, timeoutMs = 2000): Promise<string> {
  const registry = new Registry();
  for (const [key, value] of Object.entries(await valuesOf(target, timeoutMs))) {
    const options = { name: `nginx_${key}`, help: `${key} of Nginx`, registers: [registry] };
    if (counters.has(key)) new Counter(options).inc(value);
    else new Gauge(options).set(value);
  }
  return registry.metrics();
}

async function valuesOf(target: string, timeoutMs: number): Promise<Record<string, number>> {
  try {
    // One deadline for both: Prometheus gives the whole scrape 3 s, and without an answer by then it would be the exporter that counts as down.
    const signal = AbortSignal.timeout(timeoutMs);
    const [answer, fits] = await Promise.all(
      ['stub_status', 'certificate'].map((page) => fetch(`http://${target}/${page}`, { signal })),
    );
    if (answer?.ok !== true || fits === undefined) return { up: 0 };
    const certificate = fits.ok ? { certificate_fits: Number(await fits.text()) } : {}; // an older Nginx has no such page
    return { up: 1, ...certificate, ...parseStubStatus(await answer.text()) };
  } catch {
    return { up: 0 };
  }
}

/** @see https://nginx.org/en/docs/http/ngx_http_stub_status_module.html */
export function parseStubStatus(page: string): Record<string, number> {
  const [active, accepted, handled, requests, reading, writing, waiting] = (page.match(/\d+/g) ?? []).map(Number);
  return Object.fromEntries(
    Object.entries({
      connections_active: active,
      connections_accepted: accepted,
      connections_handled: handled,
      http_requests_total: requests,
      connections_reading: reading,
      connections_writing: writing,
      connections_waiting: waiting,
    }).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
