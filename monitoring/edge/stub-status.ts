/** An Nginx' connections, from its stub_status, under the names of nginx-prometheus-exporter, which can only ask a single Nginx. */

/** Asks the Nginx whose watch listener is `target` (host:port). @returns Prometheus' text format; `nginx_up 0` when it does not answer */
export async function scrapeNginx(target: string, timeoutMs = 2000): Promise<string> {
  try {
    const answer = await fetch(`http://${target}/stub_status`, { signal: AbortSignal.timeout(timeoutMs) });
    if (!answer.ok) return text({ up: 0 });
    const fits = await fetch(`http://${target}/certificate`, { signal: AbortSignal.timeout(timeoutMs) });
    const certificate = fits.ok ? { certificate_fits: Number(await fits.text()) } : {}; // an older Nginx does not say
    return text({ up: 1, ...certificate, ...parseStubStatus(await answer.text()) });
  } catch {
    return text({ up: 0 });
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

const counters = new Set(['connections_accepted', 'connections_handled', 'http_requests_total']);

function text(values: Record<string, number>): string {
  return Object.entries(values)
    .map(
      ([name, value]) => `# TYPE nginx_${name} ${counters.has(name) ? 'counter' : 'gauge'}\nnginx_${name} ${value}\n`,
    )
    .join('');
}
