/** `npm run chaos -- model`: plays random schedules against a rule of acknowledgement, and shrinks and prints those that fail. */
import { parseArgs } from 'node:util';
import { type Exploration, explore, playSchedule, shrinkSeed } from './explore.ts';
import { timelineOf } from './report.ts';
import { type RuleName, rules } from './rules.ts';
import { drawSchedule } from './schedule.ts';
import { earlierSettings, shopSettings } from './sentinel.ts';

const usage = `npm run chaos -- model          simulates random schedules of one fault for a minute
  --minutes N                   for N minutes
  --seed S                      begins with seed S (1)
  --schedules N                 N schedules, however long they take
  --rule NAME                   the rule of acknowledgement: ${Object.keys(rules).join(', ')}
  --unpromised                  two faults at once, for which the shop promises nothing
  --earlier                     the Sentinels' earlier periods: INFO and hello messages every second
  --show S                      prints the timeline of seed S
  --examples N                  prints the first N failures, each shortened to what matters (1)`;

const options = {
  minutes: { type: 'string', default: '1' },
  seed: { type: 'string', default: '1' },
  schedules: { type: 'string' },
  rule: { type: 'string', default: 'production' },
  unpromised: { type: 'boolean', default: false },
  earlier: { type: 'boolean', default: false },
  show: { type: 'string' },
  examples: { type: 'string', default: '1' },
  help: { type: 'boolean', default: false },
} as const;

/**
 * Does what the words ask for.
 * @returns the exit code: 1 when a schedule failed, 2 when the words make no sense
 */
export function runModel(words: string[]): number {
  let asked: ReturnType<typeof read>;
  try {
    asked = read(words);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    return 2;
  }
  if (asked.values.help) {
    console.log(usage);
    return 0;
  }
  const { exploration } = asked;
  if (asked.show !== undefined) {
    const schedule = drawSchedule(asked.show, exploration.mode);
    console.log(timelineOf(schedule, playSchedule(schedule, exploration, true)));
    return 0;
  }
  const startedAt = performance.now();
  const isOver = ({ schedules }: { schedules: number }) =>
    asked.schedules === undefined
      ? performance.now() - startedAt >= asked.minutes * 60_000
      : schedules >= asked.schedules;
  let printed = 0;
  const count = explore(exploration, asked.seed, isOver, (seed) => {
    if (printed++ >= asked.examples) return;
    const schedule = shrinkSeed(seed, exploration);
    console.log(`${timelineOf(schedule, playSchedule(schedule, exploration, true))}\n`);
  });
  const minutes = (performance.now() - startedAt) / 60_000;
  console.log(
    `${exploration.rule}, INFO every ${exploration.settings.infoPeriod} ms, ${exploration.mode}: ${count.schedules} schedules from seed ${asked.seed} in ${minutes.toFixed(1)} minutes. ` +
      `Lost promised writes in ${count.lost}, reads went back in ${count.wentBack}, reads too old in ${count.stale}, did not settle ${count.unsettled}.`,
  );
  if (count.seeds.length > 0) console.log(`Failing seeds: ${count.seeds.slice(0, 50).join(' ')}`);
  return count.seeds.length === 0 ? 0 : 1;
}

function read(words: string[]) {
  const { values } = parseArgs({ args: words, options });
  const whole = (text: string, name: string) => {
    if (!/^\d+(\.\d+)?$/.test(text)) throw new Error(`--${name} takes a number`);
    return Number(text);
  };
  if (!(values.rule in rules)) throw new Error(`there is no rule ${values.rule}`);
  const exploration: Exploration = {
    rule: values.rule as RuleName,
    mode: values.unpromised ? 'not promised' : 'promised',
    settings: values.earlier ? earlierSettings : shopSettings,
  };
  return {
    values,
    exploration,
    minutes: whole(values.minutes, 'minutes'),
    seed: whole(values.seed, 'seed'),
    schedules: values.schedules === undefined ? undefined : whole(values.schedules, 'schedules'),
    show: values.show === undefined ? undefined : whole(values.show, 'show'),
    examples: whole(values.examples, 'examples'),
  };
}
