/**
 * The dashboards for a shop without Grafana: Grafana's JSON is read here and nowhere else. The page and the tests get queries, units, thresholds
 * and texts; the numbers come from Prometheus.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Prometheus, Series } from './prometheus.ts';

const folder = new URL('../grafana/dashboards/', import.meta.url);

const text = z.object({ text: z.string(), color: z.string() });
const defaults = z.object({
  unit: z.string(),
  max: z.number().optional(),
  thresholds: z.object({ steps: z.array(z.object({ value: z.number().nullable(), color: z.string() })) }),
  mappings: z.array(z.object({ options: z.record(z.string(), text) })),
  custom: z
    .object({ stacking: z.object({ mode: z.string() }), thresholdsStyle: z.object({ mode: z.string() }) })
    .optional(),
});
const kinds = { stat: 'stat', timeseries: 'graph', 'state-timeline': 'states' } as const;

const row = z
  .object({ type: z.literal('row'), title: z.string() })
  .transform(({ title }) => ({ kind: 'row' as const, title }));

const panel = z
  .object({
    type: z.enum(['stat', 'timeseries', 'state-timeline']),
    title: z.string(),
    description: z.string(),
    gridPos: z.object({ w: z.number() }),
    targets: z.array(z.object({ expr: z.string(), legendFormat: z.string() })),
    fieldConfig: z.object({ defaults }),
  })
  .transform(({ type, title, description, gridPos, targets, fieldConfig: { defaults } }) => ({
    kind: kinds[type],
    title,
    description,
    /** Columns of the page's 24. */
    width: gridPos.w,
    queries: targets.map(({ expr, legendFormat }) => ({ expr, legend: legendFormat })),
    /** Grafana's name of it. */
    unit: defaults.unit,
    max: defaults.max,
    /** Colours by the value from which they hold, ascending; the first, with null, holds below all. */
    thresholds: defaults.thresholds.steps,
    /** Texts and colours that stand for values. */
    texts: defaults.mappings[0]?.options ?? {},
    isStacked: defaults.custom?.stacking.mode === 'normal',
    drawsThresholds: defaults.custom?.thresholdsStyle.mode === 'line',
  }));

const dashboard = z
  .object({
    uid: z.string(),
    title: z.string(),
    description: z.string(),
    annotations: z.object({
      list: z.array(z.object({ expr: z.string(), titleFormat: z.string(), iconColor: z.string() })),
    }),
    panels: z.array(z.union([row, panel])),
  })
  .transform(({ annotations, ...rest }) => ({
    ...rest,
    events: annotations.list.map(({ expr, titleFormat, iconColor }) => ({
      expr,
      legend: titleFormat,
      color: iconColor,
    })),
  }));

/** A dashboard as the page shows it. */
type Dashboard = z.infer<typeof dashboard>;
/** A panel with its queries. */
type Panel = z.infer<typeof panel>;
/** A line of a panel: its legend, and where it is at which time. */
type Line = { readonly name: string; readonly points: Series['points'] };

/** In the order in which one looks at them. Logs are missing: they are for Grafana with Loki alone. */
const names = ['overview', 'api', 'redis', 'nginx', 'runtime', 'business', 'monitoring'];

/** Reads all dashboards that show numbers from Prometheus. */
export function readDashboards(): Dashboard[] {
  return names.map((name) => dashboard.parse(JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'))));
}

/** The panels of a dashboard that show numbers, without the rows' titles. */
export function panelsOf({ panels }: Dashboard): Panel[] {
  return panels.filter((each) => each.kind !== 'row');
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

/** The lines of a panel over the last `minutes`; of a stat only the last value. @throws when Prometheus does not answer */
export async function linesOf(prometheus: Prometheus, { kind, queries }: Panel, minutes: number): Promise<Line[]> {
  const now = Math.floor(Date.now() / 1000);
  const step = stepOf(minutes);
  const answers = await Promise.all(
    queries.map(async ({ expr, legend }) => {
      const query = fillVariables(expr, step);
      const found =
        kind === 'stat'
          ? await prometheus.instant(query)
          : await prometheus.range(query, now - 60 * minutes, now, step);
      return found.map(({ labels, points }) => ({ name: legendOf(legend, labels), points }));
    }),
  );
  return answers.flat();
}

/** Failovers, deploys and the like: the beginning of each stretch in which an annotation's expression is true. */
export async function eventsOf(
  prometheus: Prometheus,
  { events }: Dashboard,
  minutes: number,
): Promise<{ at: number; color: string; text: string }[]> {
  const now = Math.floor(Date.now() / 1000);
  const step = Math.max(15, stepOf(minutes));
  const all = await Promise.all(
    events.map(async ({ expr, legend, color }) => {
      const found = await prometheus.range(expr, now - 60 * minutes, now, step);
      return found.flatMap(({ labels, points }) =>
        points
          .filter(([at], i) => at - (points[i - 1]?.[0] ?? Number.NEGATIVE_INFINITY) > 1.5 * step)
          .map(([at]) => ({ at, color, text: legendOf(legend, labels) })),
      );
    }),
  );
  return all.flat().sort((a, b) => a.at - b.at);
}

/** About 240 points, and never more often than is scraped. */
export function stepOf(minutes: number): number {
  return Math.max(5, Math.ceil((60 * minutes) / 240));
}
