/** The dashboards that Grafana shows, for a shop without Grafana: read from the same JSON, filled with numbers from Prometheus. */
import { readdirSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Prometheus, Series } from './prometheus.ts';

const folder = new URL('../grafana/dashboards/', import.meta.url);

const panel = z.object({
  id: z.number(),
  type: z.string(),
  title: z.string(),
  description: z.string().default(''),
  gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
  targets: z.array(z.object({ expr: z.string(), legendFormat: z.string() })).default([]),
  fieldConfig: z.object({ defaults: z.record(z.string(), z.unknown()) }).optional(),
});
const dashboard = z.object({
  uid: z.string(),
  title: z.string(),
  description: z.string(),
  annotations: z.object({ list: z.array(z.object({ name: z.string(), expr: z.string(), titleFormat: z.string() })) }),
  templating: z.object({ list: z.array(z.object({ name: z.string(), query: z.unknown() })) }),
  panels: z.array(panel),
});

/** A dashboard as its file says. */
type Dashboard = z.infer<typeof dashboard>;
/** One panel of it. */
type Panel = z.infer<typeof panel>;
/** A line of a panel: its legend, and where it is at which time. */
export type Line = { readonly name: string; readonly points: Series['points'] };

/** In the order in which one looks at them. */
const order = ['overview', 'api', 'redis', 'nginx', 'runtime', 'business', 'monitoring'];

/** Reads all dashboards that show numbers from Prometheus: logs are for Grafana alone. */
export function readDashboards(): Dashboard[] {
  const all = readdirSync(folder).map((file) =>
    dashboard.parse(JSON.parse(readFileSync(new URL(file, folder), 'utf8'))),
  );
  const isOfPrometheus = ({ templating }: Dashboard) =>
    templating.list.some(({ name, query }) => name === 'datasource' && query === 'prometheus');
  return all.filter(isOfPrometheus).sort((a, b) => order.indexOf(a.uid) - order.indexOf(b.uid));
}

/**
 * Grafana's variables, replaced as Grafana would: all services, and a rate over at least four scrapes.
 * @see https://grafana.com/docs/grafana/latest/datasources/prometheus/template-variables/
 */
export function fillVariables(expr: string, stepS: number, scrapeS = 5): string {
  return expr.replaceAll('$__rate_interval', `${Math.max(stepS + scrapeS, 4 * scrapeS)}s`).replaceAll('$service', '.+');
}

/** `{{label}}` filled in. */
export function legendOf(format: string, labels: Series['labels']): string {
  return format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_all, name: string) => labels[name] ?? '').trim();
}

/** The lines of a panel over the last `minutes`; of a stat or table only the last value. @throws when Prometheus does not answer */
export async function linesOf(prometheus: Prometheus, { type, targets }: Panel, minutes: number): Promise<Line[]> {
  const now = Math.floor(Date.now() / 1000);
  const step = stepOf(minutes);
  const answers = await Promise.all(
    targets.map(async ({ expr, legendFormat }) => {
      const query = fillVariables(expr, step);
      const found =
        type === 'stat' || type === 'table'
          ? await prometheus.instant(query)
          : await prometheus.range(query, now - 60 * minutes, now, step);
      return found.map(({ labels, points }) => ({ name: legendOf(legendFormat, labels), points }));
    }),
  );
  return answers.flat();
}

/** What happened meanwhile: the beginning of each stretch in which an annotation's expression is true. */
export async function eventsOf(
  prometheus: Prometheus,
  { annotations }: Dashboard,
  minutes: number,
): Promise<{ at: number; text: string }[]> {
  const now = Math.floor(Date.now() / 1000);
  const step = Math.max(15, stepOf(minutes));
  const all = await Promise.all(
    annotations.list.map(async ({ expr, titleFormat }) => {
      const found = await prometheus.range(expr, now - 60 * minutes, now, step);
      return found.flatMap(({ labels, points }) =>
        points
          .filter(([at], i) => at - (points[i - 1]?.[0] ?? Number.NEGATIVE_INFINITY) > 1.5 * step)
          .map(([at]) => ({ at, text: legendOf(titleFormat, labels) })),
      );
    }),
  );
  return all.flat().sort((a, b) => a.at - b.at);
}

/** About 240 points, and never more often than is scraped. */
export function stepOf(minutes: number): number {
  return Math.max(5, Math.ceil((60 * minutes) / 240));
}
