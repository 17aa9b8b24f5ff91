/** A failing schedule as text: what goes wrong, and what happens then, in order. */
import { describeFault, type Schedule } from './schedule.ts';
import type { Outcome } from './simulation.ts';

const maxLines = 120;

/** @returns lines such as `  1 203 ms  sentinel-2 +try-failover redis-1 (epoch 1)` */
export function timelineOf(schedule: Schedule, outcome: Outcome): string {
  const lostIds = new Set([...outcome.lost.map(({ id }) => id), ...outcome.wentBack, ...outcome.stale]);
  // Acknowledgements that were kept are of interest only just before those that were not.
  const isOfInterest = ({ ids }: Outcome['timeline'][number]) => ids === undefined || ids.some((id) => lostIds.has(id));
  const lines = outcome.timeline.filter(isOfInterest).map(({ atMs, text }) => `${milliseconds(atMs)}  ${text}`);
  const shown =
    lines.length <= maxLines ? lines : [...lines.slice(0, maxLines), `... and ${lines.length - maxLines} more`];
  return [
    `seed ${schedule.seed}, messages take up to ${schedule.latencyMs} ms, connections resume ${schedule.resumes}, clocks drift by ${schedule.drift * 100} % at most`,
    ...schedule.faults.map((fault) => `  ${milliseconds(fault.atMs)}  ${describeFault(fault)}`),
    '',
    ...shown,
    '',
    verdictOf(outcome),
  ].join('\n');
}

function verdictOf(outcome: Outcome): string {
  const { lost, wentBack, stale, master, isSettled } = outcome;
  const acknowledged = lost.filter(({ how }) => how === 'acknowledged').length;
  return [
    `In the end ${master} is the master. Promised writes that it does not have: ${lost.length} (${acknowledged} acknowledged, ${lost.length - acknowledged} shown).`,
    `Reads with a token that went back: ${wentBack.length}. Reads without a token that were too old: ${stale.length}.`,
    ...(isSettled ? [] : ['20 s after the last fault there was still no agreed master with all replicas.']),
  ].join('\n');
}

/** `12 345 ms`, right-aligned. */
function milliseconds(ms: number): string {
  const whole = String(Math.round(ms));
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ' ');
  return `${grouped.padStart(7)} ms`;
}
