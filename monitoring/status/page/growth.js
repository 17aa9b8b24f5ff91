/** Which users have added most today: a table. */
import { element } from './now.js';
import { inUnit } from './units.js';

/**
 * @param {HTMLElement} at
 * @param {{ users: { userId: string, bytes: number, services: Record<string, number> }[], missing: string[] }} growth
 */
export function showGrowth(at, { users, missing }) {
  const rows = users.map(({ userId, bytes, services }) => {
    const parts = Object.entries(services).map(([name, part]) => `${name} ${inUnit(part, 'bytes')}`);
    return element(
      'tr',
      '',
      element('td', '', element('code', '', userId)),
      element('td', 'number', inUnit(bytes, 'bytes')),
      element('td', '', parts.join(', ')),
    );
  });
  const head = element(
    'tr',
    '',
    ...['User', 'Added', 'Where'].map((title, i) => element('th', i === 1 ? 'number' : '', title)),
  );
  const table =
    rows.length === 0
      ? element('p', 'calm', 'No user has added anything today.')
      : element('table', 'growth', element('thead', '', head), element('tbody', '', ...rows));
  const fault = missing.length === 0 ? [] : [element('p', 'since', `${missing.join(', ')} did not answer.`)];
  at.replaceChildren(table, ...fault);
}
