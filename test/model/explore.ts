/** Plays schedules, seed after seed, and counts what went wrong. */
import type { RuleName } from './rules.ts';
import { rules } from './rules.ts';
import { apartMs, drawSchedule, type Mode, type Schedule } from './schedule.ts';
import type { SentinelSettings } from './sentinel.ts';
import { shrink } from './shrink.ts';
import { type Outcome, play } from './simulation.ts';

export type Exploration = {
  readonly rule: RuleName;
  readonly mode: Mode;
  readonly settings: SentinelSettings;
};

export type Count = {
  schedules: number;
  /** Schedules that lost promised writes, in which a read with a token went back, in which one without was too old, that did not settle. */
  lost: number;
  wentBack: number;
  stale: number;
  unsettled: number;
  /** The first failing seeds. */
  readonly seeds: number[];
};

const hasFailed = (outcome: Outcome) =>
  outcome.lost.length > 0 || outcome.wentBack.length > 0 || outcome.stale.length > 0 || !outcome.isSettled;

export function playSeed(seed: number, { rule, mode, settings }: Exploration): Outcome {
  return playSchedule(drawSchedule(seed, mode), { rule, settings });
}

export function playSchedule(
  schedule: Schedule,
  { rule, settings }: Omit<Exploration, 'mode'>,
  withTimeline = false,
): Outcome {
  return play(schedule, { rule: rules[rule], settings, withTimeline });
}

/**
 * Plays seeds from `firstSeed` on until `isOver` says so.
 * @param onFailure hears of each failing seed
 */
export function explore(
  exploration: Exploration,
  firstSeed: number,
  isOver: (count: Count) => boolean,
  onFailure: (seed: number, outcome: Outcome) => void = () => undefined,
): Count {
  const count: Count = { schedules: 0, lost: 0, wentBack: 0, stale: 0, unsettled: 0, seeds: [] };
  for (let seed = firstSeed; !isOver(count); seed++) {
    const outcome = playSeed(seed, exploration);
    count.schedules++;
    if (!hasFailed(outcome)) continue;
    count.lost += Number(outcome.lost.length > 0);
    count.wentBack += Number(outcome.wentBack.length > 0);
    count.stale += Number(outcome.stale.length > 0);
    count.unsettled += Number(!outcome.isSettled);
    count.seeds.push(seed);
    onFailure(seed, outcome);
  }
  return count;
}

/** The smallest schedule found that fails in the same way and is still of its mode. */
export function shrinkSeed(seed: number, exploration: Exploration): Schedule {
  const before = playSeed(seed, exploration);
  const isSame = (schedule: Schedule) => {
    if (exploration.mode === 'promised' && !isPromised(schedule)) return false;
    const outcome = playSchedule(schedule, exploration);
    if (before.lost.length > 0) return outcome.lost.length > 0;
    if (before.wentBack.length > 0) return outcome.wentBack.length > 0;
    if (before.stale.length > 0) return outcome.stale.length > 0;
    return !outcome.isSettled;
  };
  return shrink(drawSchedule(seed, exploration.mode), isSame);
}

function isPromised({ faults }: Schedule): boolean {
  const death = faults.find((fault) => fault.kind === 'death');
  return faults.every((fault) => fault.kind !== 'cut' || death === undefined || fault.untilMs - death.atMs >= apartMs);
}
