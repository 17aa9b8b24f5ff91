/** The lower half: the panels of a dashboard, as Grafana's JSON describes them. */
import { element } from './now.js';
import { inUnit } from './units.js';
import uPlot from './uPlot.js';

const colours = ['#2f8f6b', '#c77b1e', '#3f77c4', '#b34a78', '#7a68c9', '#8d9a2b', '#2a9aa5', '#a2583a', '#6d7b85'];
const named = { green: '#2f9e68', red: '#d0453b', orange: '#dd9a22', blue: '#4a86c9' };
const classes = { green: 'good', red: 'bad', orange: 'warn', blue: 'info' };
const most = colours.length;

/** @type {uPlot[]} */
let plots = [];

/** @param {HTMLElement} at @param {any} dashboard as /status/data/dashboards/<uid> gives it */
export function showPanels(at, dashboard) {
  for (const plot of plots) plot.destroy();
  plots = [];
  const sync = uPlot.sync(dashboard.uid);
  const drawn = [];
  at.replaceChildren(
    ...dashboard.panels.map((panel) => {
      if (panel.type === 'row') return element('h3', '', panel.title);
      const body = element('div', 'body');
      const box = element(
        'section',
        `panel ${panel.type}`,
        element('h4', '', panel.title),
        body,
        element('p', 'about', panel.description),
      );
      box.style.setProperty('--span', panel.gridPos.w);
      drawn.push(() => draw(body, panel, dashboard, sync));
      return box;
    }),
  );
  // Only what stands in the page has a width.
  for (const each of drawn) each();
}

/** @param {HTMLElement} at @param {any} panel @param {any} dashboard @param {any} sync */
function draw(at, panel, dashboard, sync) {
  if (panel.lines.length === 0) at.append(element('p', 'none', 'Nothing was measured.'));
  else if (panel.type === 'stat') drawStat(at, panel);
  else if (panel.type === 'state-timeline') drawStates(at, panel, dashboard.minutes, dashboard.stepS);
  else drawGraph(at, panel, dashboard, sync);
}

/** @param {HTMLElement} at @param {any} panel */
function drawStat(at, { lines, fieldConfig: { defaults } }) {
  const values = lines.map(({ name, points }) => {
    const value = points.at(-1)?.[1] ?? Number.NaN;
    const word = wordFor(value, defaults);
    const colour = word?.color ?? colourOf(value, defaults);
    const text = word?.text ?? inUnit(value, defaults.unit);
    return element(
      'div',
      `value ${classes[colour] ?? 'info'}`,
      text,
      ...(lines.length > 1 ? [element('small', '', name)] : []),
    );
  });
  at.append(element('div', 'values', ...values));
}

/** The colour of the last threshold that the value has reached. @param {number | null} value @param {any} defaults */
function colourOf(value, { thresholds }) {
  const reached = thresholds.steps.filter((step) => step.value === null || (value ?? Number.NaN) >= step.value);
  return reached.at(-1)?.color ?? 'blue';
}

/** @param {number | null} value @param {any} defaults @returns {{ text: string, color: string } | undefined} */
function wordFor(value, { mappings }) {
  return mappings[0]?.options[String(value)];
}

const svgNames = 'http://www.w3.org/2000/svg';

/** @param {string} tag @param {Record<string, string | number>} attributes */
function svg(tag, attributes) {
  const made = document.createElementNS(svgNames, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  return made;
}

/** Stretches in which a line had the same value. @param {number[][]} points @param {number} stepS */
function stretchesOf(points, stepS) {
  const stretches = [];
  for (const [when, value] of points) {
    const last = stretches.at(-1);
    if (last?.value === value && when - last.to <= 2 * stepS) last.to = when + stepS;
    else stretches.push({ value, from: when, to: when + stepS });
  }
  return stretches;
}

/** A bar for each line, coloured by what it was when. @param {HTMLElement} at @param {any} panel @param {number} minutes @param {number} stepS */
function drawStates(at, { lines, fieldConfig: { defaults } }, minutes, stepS) {
  const to = Date.now() / 1000;
  const from = to - 60 * minutes;
  const xOf = (when) => (1000 * (Math.min(Math.max(when, from), to) - from)) / (to - from);
  const rows = lines
    .toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
    .flatMap(({ name, points }) => {
      const bar = svg('svg', { viewBox: '0 0 1000 20', preserveAspectRatio: 'none', role: 'img' });
      for (const { value, from: start, to: end } of stretchesOf(points, stepS)) {
        const fill = named[wordFor(value, defaults)?.color] ?? '#888888';
        bar.append(svg('rect', { x: xOf(start), width: Math.max(2, xOf(end) - xOf(start)), y: 0, height: 20, fill }));
      }
      bar.setAttribute('aria-label', wordFor(points.at(-1)?.[1], defaults)?.text ?? '');
      return [element('span', '', name), bar];
    });
  const words = Object.values(defaults.mappings[0]?.options ?? {});
  at.append(element('div', 'states', ...rows), keyOf(words.map(({ text, color }) => [text, named[color]])));
}

/** @param {(string | undefined)[][]} entries text and colour */
function keyOf(entries) {
  const items = entries.map(([text, colour]) => {
    const patch = svg('svg', { viewBox: '0 0 12 10' });
    patch.append(svg('rect', { width: 12, height: 10, rx: 2, fill: colour }));
    return element('li', '', patch, text ?? '');
  });
  return element('ul', 'key', ...items);
}

/** @param {HTMLElement} at @param {any} panel @param {any} dashboard @param {any} sync */
function drawGraph(at, { lines: all, fieldConfig: { defaults } }, { events, minutes, stepS }, sync) {
  const last = ({ points }) => points.at(-1)?.[1] ?? 0;
  // More lines than colours are no help: the largest ones.
  const lines = all.toSorted((a, b) => last(b) - last(a)).slice(0, most);
  const measured = [...new Set(lines.flatMap(({ points }) => points.map(([when]) => when)))].sort((a, b) => a - b);
  // A moment without values where nothing was measured, or the line would go straight across.
  const times = measured.flatMap((when, i) =>
    when - (measured[i - 1] ?? when) > 1.5 * stepS ? [when - stepS, when] : [when],
  );
  const columns = lines.map(({ points }) => {
    const byTime = new Map(points);
    return times.map((when) => byTime.get(when) ?? null);
  });
  const isStacked = defaults.custom?.stacking?.mode === 'normal';
  const shown = isStacked ? stack(columns) : columns;
  const worst = Math.max(0, ...defaults.thresholds.steps.map(({ value }) => value ?? 0)) || 1;
  const ink = getComputedStyle(at).getPropertyValue('color');
  const grid = { stroke: 'rgba(128,140,134,.2)', width: 1 };
  const axis = { stroke: ink, grid, ticks: grid, font: '11px system-ui' };
  const clock = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
  const day = minutes > 1440 ? { month: 'short', day: 'numeric' } : clock;
  const hours = {
    ...axis,
    values: (_plot, ticks) => ticks.map((tick) => new Date(1000 * tick).toLocaleString([], day)),
  };
  const now = Date.now() / 1000;
  const plot = new uPlot(
    {
      width: at.clientWidth,
      height: 190,
      scales: {
        x: { min: now - 60 * minutes, max: now },
        y: { range: (_plot, _low, high) => [0, defaults.max ?? (high > 0 ? high * 1.08 : worst)] },
      },
      cursor: { sync: { key: sync.key } },
      legend: { show: false },
      axes: [hours, { ...axis, size: 72, values: (_plot, ticks) => ticks.map((tick) => inUnit(tick, defaults.unit)) }],
      series: [
        {},
        ...lines.map(({ name }, i) => ({
          label: name,
          stroke: colours[i],
          width: 1.6,
          points: { show: false },
          ...(isStacked ? { fill: `${colours[i]}55` } : {}),
        })),
      ],
      hooks: { draw: [(drawn) => marks(drawn, defaults, events)] },
    },
    // What lies above is drawn first, or it would cover what lies below.
    [times, ...shown],
    at,
  );
  plots.push(plot);
  at.append(keyOf(lines.map((line, i) => [`${line.name} ${inUnit(last(line), defaults.unit)}`, colours[i]])));
}

/** Each column on top of those after it. @param {(number | null)[][]} columns */
function stack(columns) {
  const sums = columns[0]?.map(() => 0) ?? [];
  return columns
    .toReversed()
    .map((column) =>
      column.map((value, i) => {
        if (value !== null) sums[i] += value;
        return value === null ? null : sums[i];
      }),
    )
    .toReversed();
}

/** Events as upright lines, thresholds as level ones. @param {uPlot} plot @param {any} defaults @param {any[]} events */
function marks(plot, { thresholds, custom }, events) {
  const { ctx, bbox } = plot;
  const line = (x0, y0, x1, y1, colour) => {
    ctx.strokeStyle = colour;
    ctx.beginPath();
    ctx.moveTo(x0, y0);
    ctx.lineTo(x1, y1);
    ctx.stroke();
  };
  ctx.save();
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
  for (const { at, text } of events) {
    const x = plot.valToPos(at, 'x', true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    line(x, bbox.top, x, bbox.top + bbox.height, text.startsWith('Redis') ? named.red : named.blue);
  }
  if (custom?.thresholdsStyle?.mode === 'line') {
    for (const { value, color } of thresholds.steps) {
      if (value === null || value > (plot.scales.y.max ?? 0)) continue;
      const y = plot.valToPos(value, 'y', true);
      line(bbox.left, y, bbox.left + bbox.width, y, named[color] ?? named.red);
    }
  }
  ctx.restore();
}
