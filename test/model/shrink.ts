/** Makes a failing schedule as small as it gets: fewer faults, fewer links, shorter, rounder numbers, the plainest network. */
import type { Fault, Schedule } from './schedule.ts';

/**
 * @param fails whether a schedule still shows the failure
 * @param tries how many schedules to play at most
 */
export function shrink(schedule: Schedule, fails: (schedule: Schedule) => boolean, tries = 400): Schedule {
  let best = schedule;
  let left = tries;
  for (let isSmaller = true; isSmaller && left > 0; ) {
    isSmaller = false;
    for (const candidate of smaller(best)) {
      if (left-- <= 0) break;
      if (!fails(candidate)) continue;
      best = candidate;
      isSmaller = true;
      break;
    }
  }
  return best;
}

function* smaller(schedule: Schedule): Generator<Schedule> {
  const { faults } = schedule;
  const withFaults = (changed: readonly Fault[]): Schedule => ({ ...schedule, faults: changed });
  const replace = (i: number, fault: Fault) => withFaults(faults.map((old, j) => (j === i ? fault : old)));
  if (faults.length > 1) for (let i = 0; i < faults.length; i++) yield withFaults(faults.filter((_, j) => j !== i));
  for (const [i, fault] of faults.entries()) {
    if (fault.kind !== 'cut' && fault.kind !== 'slow') continue;
    const { links } = fault;
    for (const half of [links.slice(0, links.length / 2), links.slice(links.length / 2)])
      if (half.length > 0 && half.length < links.length) yield replace(i, { ...fault, links: half });
    const pairs = links.map((link) => links.filter((other) => !isSamePair(link, other)));
    for (const fewer of pairs) if (fewer.length > 0) yield replace(i, { ...fault, links: fewer });
    if (links.length <= 8)
      for (const link of links)
        if (links.length > 1) yield replace(i, { ...fault, links: links.filter((other) => other !== link) });
  }
  if (schedule.drift > 0) yield { ...schedule, drift: 0 };
  if (schedule.resumes === 'by TCP') yield { ...schedule, resumes: 'at once' };
  if (schedule.latencyMs > 1) yield { ...schedule, latencyMs: 1 };
  for (const [i, fault] of faults.entries()) for (const shorter of shorten(fault)) yield replace(i, shorter);
}

const isSamePair = (a: { from: string; to: string }, b: { from: string; to: string }) =>
  (a.from === b.from && a.to === b.to) || (a.from === b.to && a.to === b.from);

function* shorten(fault: Fault): Generator<Fault> {
  for (const unit of [1000, 100]) {
    const atMs = Math.round(fault.atMs / unit) * unit;
    if (atMs !== fault.atMs && fault.atMs % unit !== 0) yield { ...fault, atMs };
  }
  if (fault.kind === 'death') {
    if (fault.withHost) yield { ...fault, withHost: false };
    return;
  }
  const lengthMs = fault.untilMs - fault.atMs;
  for (const shorter of [lengthMs / 2, lengthMs - 1000, lengthMs - 100]) {
    const rounded = Math.floor(shorter / 100) * 100;
    if (rounded > 0 && rounded < lengthMs) yield { ...fault, untilMs: fault.atMs + rounded };
  }
  for (const unit of [1000, 100]) {
    const untilMs = Math.round(fault.untilMs / unit) * unit;
    if (fault.untilMs % unit !== 0 && untilMs > fault.atMs) yield { ...fault, untilMs };
  }
}
