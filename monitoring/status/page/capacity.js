/** How full Redis is, in one sentence. */
import { inUnit } from './units.js';

/** Beyond this the forecast says nothing. */
const manyDays = 365;
/** RedisFullSoon fires below this: monitoring/prometheus/rules/alerts-redis.yml. */
const fewDays = 14;

/**
 * @param {{ used?: number, daysLeft?: number }} capacity
 * @returns {{ text: string, level: 'good' | 'warn' | 'info' }}
 */
export function capacityOf({ used, daysLeft }) {
  if (used === undefined) return { text: 'The memory of Redis cannot be read now.', level: 'info' };
  const share = `The fullest Redis node uses ${inUnit(used, 'percentunit')} of its memory`;
  if (daysLeft === undefined) return { text: `${share}; a forecast needs 6 hours of history.`, level: 'info' };
  if (daysLeft > manyDays)
    return { text: `${share}; at the growth of the last day it is not full within a year.`, level: 'good' };
  const days = Math.floor(daysLeft);
  const when = `in ${days} ${days === 1 ? 'day' : 'days'} the shop begins to refuse sign-ups and purchases (80 %)`;
  return { text: `${share}; at the growth of the last day, ${when}.`, level: daysLeft < fewDays ? 'warn' : 'good' };
}

/** @param {HTMLElement} at @param {{ used?: number, daysLeft?: number }} capacity */
export function showCapacity(at, capacity) {
  const { text, level } = capacityOf(capacity);
  at.className = `calm ${level}`;
  at.textContent = text;
}
