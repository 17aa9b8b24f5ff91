/**
 * Grafana's JSON from as little as a panel's author has to say: what it shows, why one looks at it, in which unit, and from where on it
 * is bad. Everything else (data source, legend, colours, place) is the same for all panels and stands here once.
 * @see https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
 */

/** A line or value: PromQL (LogQL in a dashboard of logs), and its legend (`{{label}}`). `$__rate_interval` and `$service` are Grafana's to fill in. */
type Query = readonly [expr: string, legend: string];

/** One panel, as its author writes it. */
type PanelSource = {
  readonly kind: 'stat' | 'graph' | 'states' | 'table' | 'logs';
  readonly title: string;
  /** What it means and when to worry: shown at the panel's (i). */
  readonly description: string;
  /** Grafana's name of the unit: reqps, s, percentunit, bytes, short, ... */
  readonly unit: string;
  readonly queries: readonly Query[];
  /** From these values on it is orange and red; with `below`, under them. Without: nothing about it is good or bad. */
  readonly bad?: { readonly warn: number; readonly alarm: number; readonly below?: true };
  /** Texts for values, such as 1 = up. */
  readonly words?: Readonly<Record<number, readonly [text: string, colour: string]>>;
  readonly stacked?: true;
  readonly max?: number;
};

/** One dashboard, as its author writes it. */
export type DashboardSource = {
  /** File name and address. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  /** Whether one can choose the service (`$service`). */
  readonly byService?: true;
  /** Whether it shows logs, from Loki; one can then choose `$service` and `$level`, and `$search` for a text. */
  readonly ofLogs?: true;
  readonly rows: readonly { readonly title: string; readonly panels: readonly PanelSource[] }[];
};

// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's own way to name a variable
const chosen = '${datasource}';
const source = { type: 'prometheus', uid: chosen };
const logSource = { type: 'loki', uid: chosen };
/** As in provisioning/datasources. */
const prometheusUid = 'prometheus';
const tag = 'evergreen';

/** The dashboard as Grafana reads it. */
export function dashboardJson(dashboard: DashboardSource): object {
  return {
    uid: dashboard.uid,
    title: dashboard.title,
    description: dashboard.description,
    tags: [tag],
    editable: false,
    graphTooltip: 1,
    schemaVersion: 39,
    version: 1,
    refresh: '10s',
    time: { from: 'now-1h', to: 'now' },
    timezone: 'browser',
    links: [
      { type: 'dashboards', title: 'Evergreen', tags: [tag], asDropdown: false, includeVars: true, keepTime: true },
    ],
    annotations: { list: annotations(dashboard.ofLogs ? { ...source, uid: prometheusUid } : source) },
    templating: { list: variables(dashboard) },
    panels: layOut(dashboard),
  };
}

function variables({ byService, ofLogs }: DashboardSource): object[] {
  const { type } = ofLogs ? logSource : source;
  return [
    { name: 'datasource', label: 'Data source', type: 'datasource', query: type, hide: 2 },
    ...(byService ? [serviceVariable] : []),
    ...(ofLogs
      ? [
          labelVariable('service', 'Service'),
          labelVariable('level', 'Level'),
          { name: 'search', label: 'Text or request id', type: 'textbox', query: '' },
        ]
      : []),
  ];
}

/** Values of a label of Loki. */
function labelVariable(label: string, title: string): object {
  return {
    name: label,
    label: title,
    type: 'query',
    datasource: logSource,
    query: { label, stream: '', type: 1, refId: label },
    refresh: 2,
    multi: true,
    includeAll: true,
    allValue: '.+',
    current: { text: 'All', value: '$__all' },
  };
}

const serviceVariable = {
  name: 'service',
  label: 'Service',
  type: 'query',
  datasource: source,
  query: { query: 'label_values(up{job="api"}, service)', refId: 'services' },
  definition: 'label_values(up{job="api"}, service)',
  refresh: 2,
  multi: true,
  includeAll: true,
  allValue: '.+',
  current: { text: 'All', value: '$__all' },
};
const annotations = (datasource: object) => [
  {
    name: 'Failovers',
    datasource,
    enable: true,
    iconColor: 'red',
    expr: 'count(count_over_time(instance:redis_master:info[1m])) > 1',
    step: '15s',
    titleFormat: 'Redis has a new master',
  },
  {
    name: 'Deploys and restarts',
    datasource,
    enable: true,
    iconColor: 'blue',
    // By age: a container comes back under another address, so the start time of no series changes.
    expr: 'count by (service) (time() - process_start_time_seconds{job="api"} < 30) > 0',
    step: '15s',
    titleFormat: '{{service}} has started',
  },
  {
    name: 'Versions',
    datasource,
    enable: true,
    iconColor: 'purple',
    expr: 'count by (version) (shop_build_info) unless on (version) count by (version) (shop_build_info offset 2m)',
    step: '15s',
    titleFormat: 'Version {{version}} is being deployed',
  },
];

function layOut({ rows, ofLogs }: DashboardSource): object[] {
  const panels: object[] = [];
  let y = 0;
  for (const row of rows) {
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title: row.title,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y, w: 24, h: 1 },
    });
    y += 1;
    const isStats = row.panels.every(({ kind }) => kind === 'stat');
    const perLine = isStats
      ? Math.min(6, row.panels.length)
      : Math.min(row.panels.length, 3) === 3
        ? 3
        : row.panels.length % 2 === 0
          ? 2
          : 1;
    const w = 24 / perLine;
    const h = isStats ? 4 : row.panels.every(({ kind }) => kind === 'logs') ? 20 : 8;
    row.panels.forEach((panel, i) => {
      const gridPos = { x: (i % perLine) * w, y: y + Math.floor(i / perLine) * h, w, h };
      panels.push({ id: panels.length + 1, gridPos, ...panelJson(panel, ofLogs ? logSource : source) });
    });
    y += Math.ceil(row.panels.length / perLine) * h;
  }
  return panels;
}

const types = { stat: 'stat', graph: 'timeseries', states: 'state-timeline', table: 'table', logs: 'logs' };

function panelJson(panel: PanelSource, datasource: object): object {
  const isInstant = panel.kind === 'stat' || panel.kind === 'table';
  return {
    type: types[panel.kind],
    title: panel.title,
    description: panel.description,
    datasource,
    targets: panel.queries.map(([expr, legendFormat], i) => ({
      refId: String.fromCharCode(65 + i),
      datasource,
      expr,
      legendFormat,
      ...(isInstant ? { instant: true, range: false } : { range: true, interval: '5s' }),
      ...(panel.kind === 'table' ? { format: 'table' } : {}),
    })),
    fieldConfig: { defaults: defaultsOf(panel), overrides: [] },
    options: optionsOf(panel),
  };
}

function defaultsOf({ kind, unit, bad, words, stacked, max }: PanelSource): object {
  const [good, worse] = bad?.below ? ['red', 'green'] : ['green', 'red'];
  const edges = bad === undefined ? [] : bad.below ? [bad.alarm, bad.warn] : [bad.warn, bad.alarm];
  return {
    unit,
    ...(max === undefined ? {} : { max }),
    ...(kind === 'graph' ? { min: 0 } : {}),
    color: { mode: kind === 'graph' ? 'palette-classic' : 'thresholds' },
    thresholds: {
      mode: 'absolute',
      steps: [
        { value: null, color: bad === undefined ? 'blue' : good },
        ...edges.map((value, i) => ({ value, color: i === 0 ? 'orange' : worse })),
      ],
    },
    mappings:
      words === undefined
        ? []
        : [
            {
              type: 'value',
              options: Object.fromEntries(
                Object.entries(words).map(([value, [text, color]]) => [value, { text, color }]),
              ),
            },
          ],
    ...(kind === 'graph'
      ? {
          custom: {
            lineWidth: 1.5,
            fillOpacity: stacked ? 35 : 8,
            showPoints: 'never',
            spanNulls: false,
            stacking: { mode: stacked ? 'normal' : 'none' },
            thresholdsStyle: { mode: bad === undefined ? 'off' : 'line' },
          },
        }
      : {}),
  };
}

function optionsOf({ kind }: PanelSource): object {
  if (kind === 'stat') {
    return { reduceOptions: { calcs: ['lastNotNull'] }, colorMode: 'background', graphMode: 'none', textMode: 'auto' };
  }
  if (kind === 'table') return { showHeader: true };
  if (kind === 'logs') return { showTime: true, wrapLogMessage: true, enableLogDetails: true, sortOrder: 'Descending' };
  if (kind === 'states') return { mergeValues: true, showValue: 'auto', rowHeight: 0.8, legend: { showLegend: false } };
  return {
    legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
    tooltip: { mode: 'multi', sort: 'desc' },
  };
}
