/**
 * Makes Grafana's JSON from what a panel's author writes: queries, unit, meaning, thresholds. What all panels share (data source, legend,
 * colours, position) is stated here once.
 * @see https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
 */

/** What a panel's author writes besides its title. */
type PanelText = {
  /** What it means and when to worry: shown at the panel's (i). */
  readonly description: string;
  /** Grafana's name of the unit: reqps, s, percentunit, bytes, ...; `short`, a plain number, by default. */
  readonly unit?: string;
  /** By legend (`{{label}}`): PromQL, or LogQL in a dashboard of logs. Grafana fills in `$__rate_interval` and `$service`. */
  readonly queries: Readonly<Record<string, string>>;
  /** Orange from `warn` and red from `alarm` on; with `below`, under these values. Without it, no value is good or bad. */
  readonly thresholds?: { readonly warn: number; readonly alarm: number; readonly below?: true };
  /** Texts for values, such as 1 = up. */
  readonly texts?: Readonly<Record<number, { readonly text: string; readonly color: string }>>;
  readonly stacked?: true;
  readonly max?: number;
};
type PanelSource = PanelText & { readonly kind: keyof typeof types; readonly title: string };

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
  /** Panels by the title of their row. */
  readonly rows: Readonly<Record<string, readonly PanelSource[]>>;
};

/** Grafana's names of the kinds of panels. */
const types = { stat: 'stat', graph: 'timeseries', states: 'state-timeline', logs: 'logs' } as const;

const panelOf =
  (kind: PanelSource['kind']) =>
  (title: string, text: PanelText): PanelSource => ({ kind, title, ...text });
/** The last value, large. */
export const stat = panelOf('stat');
/** Lines over time. */
export const graph = panelOf('graph');
/** A bar for each series over time, coloured by its value. */
export const states = panelOf('states');
/** Lines of a log. */
export const logLines = panelOf('logs');

// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's own way to name a variable
const chosen = '${datasource}';
const source = { type: 'prometheus', uid: chosen };
const logSource = { type: 'loki', uid: chosen };
/** As in provisioning/datasources. */
const prometheusUid = 'prometheus';
const tag = 'evergreen';

/** The dashboard as Grafana reads it. */
export function dashboardJson(dashboard: DashboardSource): object {
  const eventSource = dashboard.ofLogs ? { ...source, uid: prometheusUid } : source;
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
    annotations: { list: events.map((event) => ({ ...event, datasource: eventSource, enable: true, step: '15s' })) },
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

/** A variable of which one can choose several values, at first all. */
const multipleChoice = {
  type: 'query',
  refresh: 2,
  multi: true,
  includeAll: true,
  allValue: '.+',
  current: { text: 'All', value: '$__all' },
};
const serviceVariable = {
  ...multipleChoice,
  name: 'service',
  label: 'Service',
  datasource: source,
  query: { query: 'label_values(up{job="api"}, service)', refId: 'services' },
  definition: 'label_values(up{job="api"}, service)',
};
/** Values of a label of Loki. */
function labelVariable(label: string, title: string): object {
  const query = { label, stream: '', type: 1, refId: label };
  return { ...multipleChoice, name: label, label: title, datasource: logSource, query };
}

/** What is marked on every graph. */
const events = [
  {
    name: 'Failovers',
    iconColor: 'red',
    expr: 'count(count_over_time(instance:redis_master:info[1m])) > 1',
    titleFormat: 'Redis has a new master',
  },
  {
    name: 'Deploys and restarts',
    iconColor: 'blue',
    // By age: a container comes back under another address, so the start time of no series changes.
    expr: 'count by (service) (time() - process_start_time_seconds{job="api"} < 30) > 0',
    titleFormat: '{{service}} has started',
  },
  {
    name: 'Versions',
    iconColor: 'purple',
    expr: 'count by (version) (shop_build_info) unless on (version) count by (version) (shop_build_info offset 2m)',
    titleFormat: 'Version {{version}} is being deployed',
  },
];

function layOut({ rows, ofLogs }: DashboardSource): object[] {
  const panels: object[] = [];
  let y = 0;
  for (const [title, row] of Object.entries(rows)) {
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y, w: 24, h: 1 },
    });
    y += 1;
    const { perLine, h } = gridOf(row);
    const w = 24 / perLine;
    row.forEach((panel, i) => {
      const gridPos = { x: (i % perLine) * w, y: y + Math.floor(i / perLine) * h, w, h };
      panels.push({ id: panels.length + 1, gridPos, ...panelJson(panel, ofLogs ? logSource : source) });
    });
    y += Math.ceil(row.length / perLine) * h;
  }
  return panels;
}

/** How many panels of a row stand side by side, and how high they are, in units of Grafana's grid. */
function gridOf(row: readonly PanelSource[]): { perLine: number; h: number } {
  if (row.every(({ kind }) => kind === 'stat')) return { perLine: Math.min(6, row.length), h: 4 };
  const perLine = Math.min(row.length, 3);
  return { perLine, h: row.every(({ kind }) => kind === 'logs') ? 20 : 8 };
}

function panelJson(panel: PanelSource, datasource: object): object {
  return {
    type: types[panel.kind],
    title: panel.title,
    description: panel.description,
    datasource,
    targets: Object.entries(panel.queries).map(([legendFormat, expr], i) => ({
      refId: String.fromCharCode(65 + i),
      datasource,
      expr,
      legendFormat,
      ...(panel.kind === 'stat' ? { instant: true, range: false } : { range: true, interval: '5s' }),
    })),
    fieldConfig: { defaults: defaultsOf(panel), overrides: [] },
    options: optionsOf(panel),
  };
}

function defaultsOf({ kind, unit = 'short', thresholds: limits, texts, stacked, max }: PanelSource): object {
  const [good, worse] = limits?.below ? ['red', 'green'] : ['green', 'red'];
  const values = limits === undefined ? [] : limits.below ? [limits.alarm, limits.warn] : [limits.warn, limits.alarm];
  return {
    unit,
    ...(max === undefined ? {} : { max }),
    ...(kind === 'graph' ? { min: 0 } : {}),
    color: { mode: kind === 'graph' ? 'palette-classic' : 'thresholds' },
    thresholds: {
      mode: 'absolute',
      steps: [
        { value: null, color: limits === undefined ? 'blue' : good },
        ...values.map((value, i) => ({ value, color: i === 0 ? 'orange' : worse })),
      ],
    },
    mappings: texts === undefined ? [] : [{ type: 'value', options: texts }],
    ...(kind === 'graph'
      ? {
          custom: {
            lineWidth: 1.5,
            fillOpacity: stacked ? 35 : 8,
            showPoints: 'never',
            spanNulls: false,
            stacking: { mode: stacked ? 'normal' : 'none' },
            thresholdsStyle: { mode: limits === undefined ? 'off' : 'line' },
          },
        }
      : {}),
  };
}

function optionsOf({ kind }: PanelSource): object {
  if (kind === 'stat') {
    return { reduceOptions: { calcs: ['lastNotNull'] }, colorMode: 'background', graphMode: 'none', textMode: 'auto' };
  }
  if (kind === 'logs') return { showTime: true, wrapLogMessage: true, enableLogDetails: true, sortOrder: 'Descending' };
  if (kind === 'states') return { mergeValues: true, showValue: 'auto', rowHeight: 0.8, legend: { showLegend: false } };
  return {
    legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
    tooltip: { mode: 'multi', sort: 'desc' },
  };
}
