/** The lower half: the panels of a dashboard. Each comes with its queries' lines and how to show them: see ../dashboards.ts. */
import { element } from './now.js';
import { colourOf, lineTimes, stack, stretchesOf } from './series.js';
import { inUnit } from './units.js';
import uPlot from './uPlot.js';

const colours = ['#2f8f6b', '#c77b1e', '#3f77c4', '#b34a78', '#7a68c9', '#8d9a2b', '#2a9aa5', '#a2583a', '#6d7b85'];
const named = { green: '#2f9e68', red: '#d0453b', orange: '#dd9a22', blue: '#4a86c9' };
const classes = { green: 'good', red: 'bad', orange: 'warn', blue: 'info' };

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
      if (panel.kind === 'row') return element('h3', '', panel.title);
      const body = element('div', 'body');
      const box = element(
        'section',
        panel.kind === 'stat' ? 'panel stat' : 'panel',
        element('h4', '', panel.title),
        body,
        element('p', 'about', panel.description),
      );
      box.style.setProperty('--span', panel.width);
      drawn.push(() => draw(body, panel, dashboard, sync));
      return box;
    }),
  );
  // Only what stands in the page has a width.
  for (const each of drawn) each();
}

/** @param {HTMLElement} at @param {any} panel @param {any} dashboard @param {any} sync */
function draw(at, panel, dashboard, sync) {
  if (panel.lines.length === 0) at.append(element('p', 'none', 'No data.'));
  else if (panel.kind === 'stat') drawStat(at, panel);
  else if (panel.kind === 'states') drawStates(at, panel, dashboard.minutes, dashboard.stepS);
  else drawGraph(at, panel, dashboard, sync);
}

/** @param {HTMLElement} at @param {any} panel */
function drawStat(at, { lines, unit, texts, thresholds }) {
  const values = lines.map(({ name, points }) => {
    const value = points.at(-1)?.[1] ?? Number.NaN;
    const { text = inUnit(value, unit), color = colourOf(value, thresholds) } = texts[value] ?? {};
    const label = lines.length > 1 ? [element('small', '', name)] : [];
    return element('div', `value ${classes[color] ?? 'info'}`, text, ...label);
  });
  at.append(element('div', 'values', ...values));
}

const svgNames = 'http://www.w3.org/2000/svg';

/** @param {string} tag @param {Record<string, string | number>} attributes */
function svg(tag, attributes) {
  const made = document.createElementNS(svgNames, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  return made;
}

/** A bar for each line, coloured by what it was when. @param {HTMLElement} at @param {any} panel @param {number} minutes @param {number} stepS */
function drawStates(at, { lines, texts }, minutes, stepS) {
  const to = Date.now() / 1000;
  const from = to - 60 * minutes;
  const xOf = (when) => (1000 * (Math.min(Math.max(when, from), to) - from)) / (to - from);
  const rows = lines
    .toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
    .flatMap(({ name, points }) => {
      const bar = svg('svg', { viewBox: '0 0 1000 20', preserveAspectRatio: 'none', role: 'img' });
      for (const { value, from: start, to: end } of stretchesOf(points, stepS)) {
        const fill = named[texts[value]?.color] ?? '#888888';
        bar.append(svg('rect', { x: xOf(start), width: Math.max(2, xOf(end) - xOf(start)), y: 0, height: 20, fill }));
      }
      bar.setAttribute('aria-label', texts[points.at(-1)?.[1]]?.text ?? '');
      return [element('span', '', name), bar];
    });
  const key = Object.values(texts).map(({ text, color }) => [text, named[color]]);
  at.append(element('div', 'states', ...rows), keyOf(key));
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
function drawGraph(at, panel, { events, minutes, stepS }, sync) {
  const { unit, max, isStacked, thresholds } = panel;
  const last = ({ points }) => points.at(-1)?.[1] ?? 0;
  // There are only so many colours: shows the largest lines.
  const lines = panel.lines.toSorted((a, b) => last(b) - last(a)).slice(0, colours.length);
  const times = lineTimes(lines, stepS);
  const columns = lines.map(({ points }) => {
    const byTime = new Map(points);
    return times.map((when) => byTime.get(when) ?? null);
  });
  const highestThreshold = Math.max(0, ...thresholds.map(({ value }) => value ?? 0)) || 1;
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
        y: { range: (_plot, _low, high) => [0, max ?? (high > 0 ? high * 1.08 : highestThreshold)] },
      },
      cursor: { sync: { key: sync.key } },
      legend: { show: false },
      axes: [hours, { ...axis, size: 72, values: (_plot, ticks) => ticks.map((tick) => inUnit(tick, unit)) }],
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
      hooks: { draw: [(drawn) => drawMarks(drawn, panel, events)] },
    },
    // What lies above is drawn first, or it would cover what lies below.
    [times, ...(isStacked ? stack(columns) : columns)],
    at,
  );
  plots.push(plot);
  at.append(keyOf(lines.map((line, i) => [`${line.name} ${inUnit(last(line), unit)}`, colours[i]])));
}

/** Events as vertical lines, thresholds as horizontal ones. @param {uPlot} plot @param {any} panel @param {any[]} events */
function drawMarks(plot, { thresholds, drawsThresholds }, events) {
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
  for (const { at, color } of events) {
    const x = plot.valToPos(at, 'x', true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    line(x, bbox.top, x, bbox.top + bbox.height, named[color] ?? named.blue);
  }
  if (drawsThresholds) {
    for (const { value, color } of thresholds) {
      if (value === null || value > (plot.scales.y.max ?? 0)) continue;
      const y = plot.valToPos(value, 'y', true);
      line(bbox.left, y, bbox.left + bbox.width, y, named[color] ?? named.red);
    }
  }
  ctx.restore();
}
