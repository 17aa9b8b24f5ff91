/** The rules of Grafana's dashboard-linter that matter here, for each dashboard and panel. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { dashboardFiles } from '../../monitoring/grafana/source/all.ts';

type Panel = {
  type: string;
  title: string;
  description?: string;
  datasource?: { uid: string };
  targets?: { expr: string; legendFormat: string; datasource: { uid: string } }[];
  fieldConfig?: { defaults: { unit?: string; thresholds?: { steps: unknown[] } } };
  gridPos: { x: number; y: number; w: number; h: number };
};
type Dashboard = {
  uid: string;
  title: string;
  description: string;
  editable: boolean;
  tags: string[];
  links: unknown[];
  annotations: { list: { name: string }[] };
  templating: { list: { name: string; type: string }[] };
  panels: Panel[];
};

const dir = 'monitoring/grafana/dashboards';
const dashboards = readdirSync(dir).map((file) => ({
  file,
  dashboard: JSON.parse(readFileSync(`${dir}/${file}`, 'utf8')) as Dashboard,
}));
const panels = dashboards.flatMap(({ file, dashboard }) =>
  dashboard.panels.filter(({ type }) => type !== 'row').map((panel) => ({ name: `${file}: ${panel.title}`, panel })),
);
// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's own way to name a variable
const datasource = '${datasource}';

test('what is committed is what its source says (node --import tsx monitoring/grafana/source/main.ts)', () => {
  const wanted = dashboardFiles();
  expect(dashboards.map(({ file }) => file).sort()).toEqual(wanted.map(({ name }) => name).sort());
  for (const { name, text } of wanted) expect(readFileSync(`${dir}/${name}`, 'utf8')).toBe(text);
});

describe.each(dashboards)('$file', ({ file, dashboard }) => {
  test('has a title, says what it is for, links to the others, and cannot be edited in Grafana', () => {
    expect(dashboard).toMatchObject({ uid: file.replace('.json', ''), editable: false, tags: ['evergreen'] });
    expect(dashboard.title).not.toBe('');
    expect(dashboard.description).not.toBe('');
    expect(dashboard.links).toHaveLength(1);
  });

  test('shows failovers and deploys, and takes its data source from a variable', () => {
    expect(dashboard.annotations.list.map(({ name }) => name)).toEqual([
      'Failovers',
      'Deploys and restarts',
      'Versions',
    ]);
    expect(dashboard.templating.list[0]).toMatchObject({ name: 'datasource', type: 'datasource' });
  });

  test('has no two panels in one place', () => {
    const taken = new Set<string>();
    for (const { gridPos } of dashboard.panels) {
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.has(`${x},${y}`)).toBe(false);
          taken.add(`${x},${y}`);
        }
      }
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
    }
  });
});

test.each(panels)('$name: title, description, unit, thresholds, data source, legend', ({ panel }) => {
  expect(panel.title).not.toBe('');
  expect(panel.description ?? '').toMatch(/[.?]$/);
  expect(panel.fieldConfig?.defaults.unit).toBeTruthy();
  expect(panel.fieldConfig?.defaults.thresholds?.steps.length).toBeGreaterThan(0);
  expect(panel.datasource?.uid).toBe(datasource);
  expect(panel.targets?.length).toBeGreaterThan(0);
  for (const target of panel.targets ?? []) {
    expect(target.datasource.uid).toBe(datasource);
    expect(target.legendFormat).not.toBe('');
  }
});

test.each(panels)(
  '$name: rates over $__rate_interval or a whole number of minutes, counters aggregated',
  ({ panel }) => {
    for (const { expr: whole } of panel.targets ?? []) {
      const expr = whole.replace(/\{[^}]*\}/g, '');
      for (const [, range] of expr.matchAll(/\brate\([^[]*\[([^\]]+)\]/g)) expect(range).toBe('$__rate_interval');
      for (const [, range] of expr.matchAll(/\b(?:increase|changes)\([^[]*\[([^\]]+)\]/g))
        expect(range).toMatch(/^\d+[mh]$/);
      // A rate of a single series is a line for each replica that ever lived.
      if (/\b(rate|increase)\(/.test(expr)) expect(expr).toMatch(/\b(sum|max|min|avg)( by \([^)]*\))?\s*\(/);
      expect(expr).not.toMatch(/irate\(/);
    }
  },
);
