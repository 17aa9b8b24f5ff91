/** `npm run chaos`: starts a shop, injects the faults of the catalogue under load, and checks every answer that clients got. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { check } from './checker/check.ts';
import { projectDir } from './cluster.ts';
import { createClusterPool } from './cluster-pool.ts';
import { catalogue, randomFaults } from './faults/catalogue.ts';
import type { Fault } from './faults/fault.ts';
import { randomCut } from './faults/random-cut.ts';
import { readHistory } from './history/history.ts';
import { type Random, seededRandom } from './load/random.ts';
import { complaints, summary, table } from './report/table.ts';
import { type Run, rest, runFaults } from './run.ts';

const usage = `npm run chaos                 every fault once, about an hour
  -- --only TEXT                only those whose names contain TEXT (several: --only a --only b)
  -- --minutes N                random faults for N minutes instead; --pairs: two at a time
  -- --seed S                   the same choices again
  -- --replay FILE              judges a kept history again; nothing is started
  -- --list                     names the faults
  -- model --help                the simulation of failovers: test/model/README.md`;

const options = {
  only: { type: 'string', multiple: true },
  minutes: { type: 'string' },
  seed: { type: 'string' },
  pairs: { type: 'boolean', default: false },
  replay: { type: 'string' },
  list: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

function readWords(args: string[]) {
  return parseArgs({ args, options }).values;
}
type Options = ReturnType<typeof readWords>;

/**
 * Does what the words ask for.
 * @returns the exit code: 0 if everything was as promised, 2 when the words make no sense
 */
export async function runChaos(words: string[]): Promise<number> {
  let asked: Options;
  try {
    asked = readWords(words);
    listedRows(asked.only);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    return 2;
  }
  if (asked.help) {
    console.log(usage);
    return 0;
  }
  if (asked.list) {
    for (const { name } of catalogue) console.log(name);
    return 0;
  }
  if (asked.replay === undefined) return runRows(asked);
  const violations = check(readHistory(asked.replay));
  for (const { kind, rule, what } of violations) console.log(`${kind.toUpperCase()}: ${rule}: ${what}`);
  console.log(`${violations.length} violations`);
  return violations.length === 0 ? 0 : 1;
}

async function runRows(asked: Options): Promise<number> {
  const seed = Number(asked.seed ?? Date.now() % 1_000_000);
  const folder = join(projectDir, '.shop', 'chaos', new Date().toISOString().replaceAll(':', '-').slice(0, 19));
  console.log(`seed ${seed}, histories in ${folder}`);
  const random = seededRandom(seed);
  const restRandom = random.fork('rest');
  const minutes = Number(asked.minutes ?? 0);
  const rows = minutes > 0 ? randomRows(random, minutes, asked.pairs) : listedRows(asked.only);
  const pool = createClusterPool();
  process.once('SIGINT', () => void pool.end().finally(() => process.exit(130)));
  const startedMs = performance.now();
  const runs: Run[] = [];
  let number = 0;
  let stopped = 0;
  for (const faults of rows) {
    number += 1;
    process.stdout.write(`${String(number).padStart(3)} ${faults.map(({ name }) => name).join(' + ')} … `);
    try {
      const cluster = await pool.clusterFor(minutes > 0 ? 'proxies' : needsOf(faults));
      const rests = minutes > 0 ? restRandom.next() < restShare : needsOf(faults) === 'proxies';
      if (rests) await rest(cluster);
      const run = await runFaults(cluster, faults, seed + number, join(folder, `${number}.jsonl`));
      runs.push(run);
      report(run);
      if (!isGood(run)) {
        cpSync(join(cluster.settings.dir, 'logs'), join(folder, `${number}-logs`), { recursive: true });
        if (run.brokenPromises.some((broken) => broken.startsWith('not healed'))) await pool.end();
      }
    } catch (error) {
      stopped += 1;
      console.log(`STOPPED: ${error instanceof Error ? error.message : error}`);
      await pool.end();
    }
  }
  await pool.end();
  console.log(`\n${table(runs)}\n\n${summary(runs, stopped, seed, (performance.now() - startedMs) / 60_000)}`);
  console.log(`\nhistories in ${folder}`);
  return stopped === 0 && runs.every(isGood) ? 0 : 1;
}

function isGood({ violations, brokenPromises }: Run): boolean {
  return violations.length + brokenPromises.length === 0;
}

/** One line for a run, and one for each thing that was not as promised. */
function report(run: Run): void {
  const { requests, failedReads, failedWrites, longestGapMs } = run.clientView;
  const soon = run.requestDelayMs === 0 ? '' : `, ${run.requestDelayMs} ms more allowed soon after the last fault`;
  const verdict = run.violations.length > 0 ? 'VIOLATED' : isGood(run) ? 'ok' : 'NOTICED';
  const failed = failedReads + failedWrites;
  console.log(
    `${verdict}: ${requests} requests, ${failed} failed first tries, ${Math.round(longestGapMs)} ms gap${soon}`,
  );
  for (const line of complaints(run)) console.log(line);
}

function listedRows(only: readonly string[] | undefined): Fault[][] {
  const wanted = only?.map((text) => text.toLowerCase());
  const chosen = catalogue.filter(({ name }) => wanted?.some((text) => name.toLowerCase().includes(text)) ?? true);
  if (chosen.length === 0) throw new Error(`No fault has such a name. --list shows the names.`);
  return chosen.map((fault) => [fault]);
}

/** How many of the random faults come so long after the last one that they are judged by their row alone. The others find what close faults do. */
const restShare = 0.5;

/** How many of the random faults are random cuts. */
const randomCutShare = 0.5;

/** Random faults until the time is over. */
function* randomRows(random: Random, minutes: number, pairs: boolean): Generator<Fault[]> {
  const untilMs = performance.now() + minutes * 60_000;
  while (performance.now() < untilMs) {
    const first = random.next() < randomCutShare ? randomCut : random.pick(randomFaults);
    yield pairs ? [first, random.pick(randomFaults.filter((fault) => fault !== first))] : [first];
  }
}

function needsOf(faults: readonly Fault[]) {
  return faults.find(({ needs }) => needs !== 'nothing')?.needs ?? 'nothing';
}
