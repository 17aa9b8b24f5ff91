/**
 * Which series the alerts, the recording rules, the dashboards and the status page use. Prometheus stores these and drops the rest: 30 days of
 * everything that the exporters offer would not fit. Run it after a change to any of them; a test compares the file with what it prints:
 *
 *   node --import tsx monitoring/prometheus/used-series.ts > monitoring/prometheus/used-series.txt
 */
import { readdirSync, readFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { panelsOf, readDashboards } from '../status/dashboards.ts';
import { topologyQueries } from '../status/topology.ts';

const rulesFolder = fileURLToPath(new URL('rules', import.meta.url));

/** The words of PromQL that are neither functions nor series. */
const keywords = new Set(
  'and or unless by without on ignoring group_left group_right offset bool inf nan start end'.split(' '),
);

/**
 * The names of the series that a PromQL expression reads.
 * @param expr may contain Grafana's variables; recorded series (`level:metric:operation`) and `ALERTS` do not count: Prometheus makes them itself
 */
export function seriesOf(expr: string): string[] {
  const bare = expr
    .replace(/"(?:[^"\\]|\\.)*"/g, '') // label values
    .replace(/\{[^}]*\}/g, '') // label matchers
    .replace(/\[[^\]]*\]/g, '') // ranges
    .replace(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/gi, ''); // lists of labels
  const names = [...bare.matchAll(/(?<![\w$.:])([a-zA-Z_][\w:]*)(?!\w*\s*\()/g)].map(([, name = '']) => name);
  return names.filter((name) => !keywords.has(name.toLowerCase()) && !name.includes(':') && name !== 'ALERTS');
}

/** Every series that is used anywhere, sorted. */
export function usedSeries(): string[] {
  const rules = readdirSync(rulesFolder).flatMap((file) => [
    ...readFileSync(`${rulesFolder}/${file}`, 'utf8').matchAll(/^ *(?:- )?.*?\bexpr: (>-\n(?: {10}.*\n)+|.*)/gm),
  ]);
  const exprs = [
    ...rules.map(([, expr = '']) => expr.replace(/^>-\n/, '').replace(/ \}$/, '')),
    ...readDashboards().flatMap((dashboard) => [
      ...dashboard.events.map(({ expr }) => expr),
      ...panelsOf(dashboard).flatMap(({ queries }) => queries.map(({ expr }) => expr)),
    ]),
    ...Object.values(topologyQueries),
  ];
  return [...new Set(exprs.flatMap(seriesOf))].sort();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(usedSeries().join('\n'));
