/** Numbers with their unit, by Grafana's name of the unit. */

/** @param {number} value @param {string} unit @returns {string} */
export function inUnit(value, unit) {
  if (!Number.isFinite(value)) return '–';
  switch (unit) {
    case 's':
      return seconds(value);
    case 'bytes':
      return scaled(value, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB']);
    case 'percentunit':
      return `${trimmed(100 * value, Math.abs(value) < 0.1 || value > 0.99 ? 2 : 1)} %`;
    case 'reqps':
      return `${scaled(value, 1000, ['', 'k', 'M'])} req/s`;
    case 'ops':
    case 'cps':
      return `${scaled(value, 1000, ['', 'k', 'M'])}/s`;
    default:
      return scaled(value, 1000, ['', 'k', 'M', 'G']);
  }
}

/** How long ago, roughly. @param {string} when RFC 3339 @returns {string} */
export function ago(when) {
  return seconds(Math.max(0, (Date.now() - Date.parse(when)) / 1000));
}

/** @param {number} value @returns {string} */
function seconds(value) {
  const size = Math.abs(value);
  if (size === 0) return '0 s';
  if (size < 0.001) return `${trimmed(1e6 * value, 0)} µs`;
  if (size < 1) return `${trimmed(1000 * value, size < 0.01 ? 1 : 0)} ms`;
  if (size < 120) return `${trimmed(value, size < 10 ? 1 : 0)} s`;
  if (size < 7200) return `${trimmed(value / 60, 0)} min`;
  if (size < 172_800) return `${trimmed(value / 3600, 0)} h`;
  return `${trimmed(value / 86_400, 0)} days`;
}

/** @param {number} value @param {number} base @param {string[]} names @returns {string} */
function scaled(value, base, names) {
  let left = value;
  let i = 0;
  while (Math.abs(left) >= base && i < names.length - 1) {
    left /= base;
    i += 1;
  }
  const size = Math.abs(left);
  return `${trimmed(left, size >= 100 || Number.isInteger(left) ? 0 : size >= 1 ? 1 : 2)}${names[i] ? `${base === 1024 ? ' ' : ''}${names[i]}` : ''}`;
}

/** @param {number} value @param {number} digits @returns {string} */
function trimmed(value, digits) {
  return String(Number(value.toFixed(digits)));
}
