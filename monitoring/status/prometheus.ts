/** Asking Prometheus and Alertmanager over HTTP. @see https://prometheus.io/docs/prometheus/latest/querying/api/ */
import { z } from 'zod';

/** One series of an answer. `points` holds [seconds since 1970, value]; a single one for an instant query. */
export type Series = {
  readonly labels: Readonly<Record<string, string>>;
  readonly points: readonly (readonly [number, number])[];
};

/** See {@link openPrometheus}. */
export type Prometheus = {
  instant(query: string): Promise<Series[]>;
  range(query: string, fromS: number, toS: number, stepS: number): Promise<Series[]>;
};

/** An alert as Alertmanager knows it; suppressed while another alert inhibits it, or a silence. */
type Alert = {
  readonly name: string;
  readonly severity: string;
  readonly since: string;
  readonly suppressed: boolean;
  readonly summary: string;
  readonly description: string;
  readonly action: string;
  readonly runbook: string;
};

const timeoutMs = 5000;
const point = z.tuple([z.number(), z.string()]);
const labels = z.record(z.string(), z.string());
const reply = z.object({
  data: z.object({
    result: z.array(z.object({ metric: labels, value: point.optional(), values: z.array(point).optional() })),
  }),
});
const alerts = z.array(
  z.object({ labels, annotations: labels, startsAt: z.string(), status: z.object({ state: z.string() }) }),
);

async function getJson(url: URL, password: string | undefined): Promise<unknown> {
  const answer = await fetch(url, { headers: authorizationOf(password), signal: AbortSignal.timeout(timeoutMs) });
  if (!answer.ok) throw new Error(`${url.host} answered ${answer.status}: ${(await answer.text()).slice(0, 300)}`);
  return answer.json();
}

/** The header with which Prometheus and Alertmanager are asked (RFC 7617); none where they want no password. */
export function authorizationOf(password: string | undefined): Record<string, string> {
  if (password === undefined || password === '') return {};
  return { authorization: `Basic ${Buffer.from(`monitoring:${password}`).toString('base64')}` };
}

/** @param address host:port. Every function throws when there is no proper answer. */
export function openPrometheus(address: string, password?: string): Prometheus {
  async function ask(path: string, parameters: Record<string, string>): Promise<Series[]> {
    const url = new URL(`http://${address}/api/v1/${path}`);
    url.search = new URLSearchParams(parameters).toString();
    const { result } = reply.parse(await getJson(url, password)).data;
    return result.map(({ metric, value, values }) => ({
      labels: metric,
      points: (values ?? (value ? [value] : [])).map(([at, text]) => [at, Number(text)] as const),
    }));
  }
  return {
    instant: (query) => ask('query', { query }),
    range: (query, from, to, step) =>
      ask('query_range', { query, start: String(from), end: String(to), step: String(step) }),
  };
}

/** The alerts that fire, the worst and then the oldest first. @param address of Alertmanager, host:port */
export async function firingAlerts(address: string, password?: string): Promise<Alert[]> {
  const found = alerts.parse(await getJson(new URL(`http://${address}/api/v2/alerts`), password));
  const order = ['critical', 'warning', 'info'];
  return found
    .filter(({ labels: { severity = '' } }) => order.includes(severity))
    .map(({ labels, annotations, startsAt, status }) => ({
      name: labels.alertname ?? '',
      severity: labels.severity ?? '',
      since: startsAt,
      suppressed: status.state === 'suppressed',
      summary: annotations.summary ?? '',
      description: annotations.description ?? '',
      action: annotations.action ?? '',
      runbook: `/status/runbooks/${labels.alertname ?? ''}`,
    }))
    .sort(
      (a, b) =>
        Number(a.suppressed) - Number(b.suppressed) ||
        order.indexOf(a.severity) - order.indexOf(b.severity) ||
        a.since.localeCompare(b.since),
    );
}
