/**
 * `npm run bench -- mutants`: makes small faults in `api/`, one at a time, says which of them the tests notice, and names the survivors.
 * Options: `--count 100`, `--seed 1`, `--only 7,41-100` (these of the sample), `--projects unit,config,store,http`, `--workers 2` (faults
 * tried at the same time, each with one core), `--results FILE` (keeps each result there, and goes on where an earlier run stopped),
 * `--nearest` (of the tests with Redis only the likeliest: some minutes in place of an hour, and a lower bound).
 */
import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { transformSync } from 'esbuild';
import { seededRandom } from '../failover/load/random.ts';
import { type Mutant, mutantsOf, numbersOf, withMutant } from './mutate.ts';
import { noticeOf, type Tree } from './notice.ts';

const projectDir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** The typed client runs in the client's program: the tests of the project `flow` are its own. */
const mutated = /^api\/(?!client\/).*\.(ts|lua)$/;

/** A line of the file of results. @property notice the test, `null` for a survivor */
type Result = { readonly fault: string; readonly notice: string | null };

/** @returns the exit code: 1 when fewer than nine in ten are noticed */
export async function runMutants(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      count: { type: 'string', default: '100' },
      seed: { type: 'string', default: '1' },
      only: { type: 'string', default: '1-' },
      projects: { type: 'string', default: 'unit,config,store,http' },
      workers: { type: 'string', default: '2' },
      results: { type: 'string' },
      nearest: { type: 'boolean', default: false },
    },
  });
  const isWanted = numbersOf(values.only);
  const tracked = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: projectDir, encoding: 'utf8' });
  const files = tracked.trim().split('\n');
  const sample = sampleOf(files, Number(values.count), Number(values.seed)).filter(({ number }) => isWanted(number));
  const known = resultsIn(values.results);
  const trees = Array.from({ length: Number(values.workers) }, () => ({
    dir: mkdtempSync(join(tmpdir(), 'mutants-')),
    files,
    projects: values.projects.split(','),
    isNearestOnly: values.nearest,
  }));
  const waiting = sample.values();
  const survivors: Mutant[] = [];

  async function tryAll(tree: Tree) {
    for (const { number, mutant } of waiting) {
      const fault = inWords(mutant);
      const before = known.get(fault);
      const notice = before === undefined ? await noticeOf(tree, mutant) : (before ?? undefined);
      if (before === undefined && values.results) keepResult(values.results, { fault, notice: notice ?? null });
      if (notice === undefined) survivors.push(mutant);
      console.log(`${number} ${notice === undefined ? 'SURVIVED' : 'noticed'} ${fault}`);
      if (notice !== undefined) console.log(`    by ${notice}`);
    }
  }

  try {
    for (const { dir } of trees) {
      for (const file of files) cpSync(join(projectDir, file), join(dir, file));
      symlinkSync(join(projectDir, 'node_modules'), join(dir, 'node_modules'));
    }
    await Promise.all(trees.map(tryAll));
  } finally {
    for (const { dir } of trees) rmSync(dir, { recursive: true, force: true });
  }
  const noticed = sample.length - survivors.length;
  console.log(`\n${noticed} of ${sample.length} noticed. Survivors:`);
  for (const mutant of survivors) console.log(`  ${inWords(mutant)}`);
  return noticed >= 0.9 * sample.length ? 0 : 1;
}

/** Faults chosen by the seed, numbered from 1. */
function sampleOf(files: readonly string[], count: number, seed: number): { number: number; mutant: Mutant }[] {
  const random = seededRandom(seed);
  const sourceOf = (file: string) => readFileSync(join(projectDir, file), 'utf8');
  const left = files.filter((file) => mutated.test(file)).flatMap((file) => mutantsOf(file, sourceOf(file)));
  const sample: Mutant[] = [];
  while (sample.length < count && left.length > 0) {
    const drawn = left.splice(random.int(0, left.length - 1), 1);
    sample.push(...drawn.filter((mutant) => isCode(mutant, sourceOf(mutant.file))));
  }
  return sample.map((mutant, index) => ({ number: index + 1, mutant }));
}

/** Whether the file with the fault can be read as a program: otherwise no test has to notice it. */
function isCode(mutant: Mutant, source: string): boolean {
  if (mutant.file.endsWith('.lua')) return true;
  try {
    transformSync(withMutant(source, mutant), { loader: 'ts', logLevel: 'silent' });
    return true;
  } catch {
    return false;
  }
}

/** What earlier runs found out, by fault; one in a line that has changed since is another fault. */
function resultsIn(path: string | undefined): Map<string, string | null> {
  const lines = path !== undefined && existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
  const results = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Result);
  return new Map(results.map(({ fault, notice }) => [fault, notice]));
}

function keepResult(path: string, result: Result): void {
  appendFileSync(path, `${JSON.stringify(result)}\n`);
}

function inWords({ file, line, before, after }: Mutant): string {
  return `${file}:${line}  ${before.trim()}  ->  ${after.trim()}`;
}
