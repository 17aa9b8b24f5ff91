/** The upper half: the verdict, the alerts, and what is up. */
import { ago, inUnit } from './units.js';

/**
 * An element. @param {string} tag @param {string} className @param {(Node | string)[]} children
 * @returns {HTMLElement}
 */
export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** Nodes are scraped a moment apart: less than this is no lag. */
const noticeableBytes = 1024 * 1024;
const levels = { critical: 'bad', warning: 'warn', info: 'info' };

/** @param {HTMLElement} at @param {any[]} alerts @param {any[]} groups */
export function showVerdict(at, alerts, groups) {
  const active = alerts.filter(({ suppressed }) => !suppressed);
  const down = groups.flatMap(({ nodes }) => nodes).filter(({ isUp }) => !isUp);
  const worst = active[0]?.severity;
  at.className = worst ? levels[worst] : down.length > 0 ? 'warn' : 'good';
  at.textContent =
    active.length > 0
      ? `${active.length} ${active.length === 1 ? 'alert' : 'alerts'}`
      : down.length > 0
        ? `${down.map(({ name }) => name).join(', ')} down, no alert yet`
        : 'All is well';
  document.title = `${at.textContent} · Evergreen`;
}

/** @param {HTMLElement} at @param {any[]} alerts */
export function showAlerts(at, alerts) {
  const cards = alerts.filter(({ suppressed }) => !suppressed).map(alertCard);
  const suppressed = alerts.filter((alert) => alert.suppressed);
  const isOpen = at.querySelector('details')?.open ?? false;
  at.replaceChildren(...(cards.length > 0 ? cards : [element('p', 'calm good', 'No alert fires.')]));
  if (suppressed.length === 0) return;
  const list = element(
    'details',
    'suppressed',
    element(
      'summary',
      '',
      `${suppressed.length} inhibited: another alert, firing now or a few minutes ago, explains ${suppressed.length === 1 ? 'it' : 'them'}`,
    ),
    ...suppressed.map(alertCard),
  );
  list.toggleAttribute('open', isOpen);
  at.append(list);
}

/** @param {any} alert */
function alertCard({ severity, summary, description, action, since, runbook }) {
  const link = element('a', '', 'Runbook');
  link.setAttribute('href', runbook);
  return element(
    'article',
    `alert ${levels[severity] ?? 'info'}`,
    element('p', 'what', summary),
    element('p', '', description),
    element('p', '', element('b', '', action), ' ', link),
    element('p', 'since', `${severity}, for ${ago(since)}`),
  );
}

/** @param {HTMLElement} at @param {any[]} groups */
export function showTopology(at, groups) {
  const layers = [['nginx'], ['service'], ['redis', 'sentinel']];
  at.replaceChildren(
    ...layers.map((kinds) =>
      element('div', 'layer', ...groups.filter(({ kind }) => kinds.includes(kind)).map(groupBox)),
    ),
  );
}

/** @param {any} group */
function groupBox({ kind, name, nodes }) {
  const items = nodes.map((node) => {
    const colour = !node.isUp ? 'bad' : node.role === 'replica' || kind === 'sentinel' ? 'info' : 'good';
    return element(
      'li',
      `node ${colour}${node.role === 'master' ? ' master' : ''}`,
      element('b', '', node.name),
      element('span', '', describeNode(node)),
    );
  });
  if (items.length === 0) items.push(element('li', 'node bad', 'none known'));
  return element('div', 'group', element('h3', '', name), element('ul', 'nodes', ...items));
}

/** @param {any} node */
function describeNode({ isUp, role, lagBytes, requestsPerS }) {
  if (!isUp) return 'down';
  if (role === 'master') return 'master';
  if (role === 'replica')
    return lagBytes > noticeableBytes ? `replica, ${inUnit(lagBytes, 'bytes')} lag` : 'replica, in step';
  return requestsPerS === undefined ? 'up' : `up, ${inUnit(requestsPerS, 'reqps')}`;
}
