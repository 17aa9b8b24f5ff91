/**
 * `npm run bench -- mutants`: makes small faults in `api/`, one at a time, says which of them the tests notice, and names the survivors.
 * Options: `--count 100`, `--seed 1`, `--only 7,41-100` (these of the sample, to go on with a run), `--projects unit,config,store,http`.
 * `VITEST_MAX_WORKERS=1` lets it run beside other work.
 */
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { seededRandom } from '../failover/load/random.ts';
import { type Mutant, mutantsOf, nearestTests, numbersOf, withMutant } from './mutate.ts';

const projectDir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** The typed client runs in the client's program: the tests of the project `flow` are its own. */
const mutated = /^api\/(?!client\/).*\.(ts|lua)$/;

/** Projects whose tests need no Redis: these are tried first. */
const withoutRedis = ['unit', 'config'];

/** A copy of the working tree, in which the faults are made. */
type Tree = { readonly dir: string; readonly files: readonly string[]; readonly projects: readonly string[] };

/** What is used of Vitest's report in JSON. */
type Report = {
  testResults: { name: string; status: string; assertionResults: { status: string; fullName: string }[] }[];
};

/** @returns the exit code: 1 when fewer than nine in ten are noticed, 2 when the tests fail without a fault */
export async function runMutants(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      count: { type: 'string', default: '100' },
      seed: { type: 'string', default: '1' },
      only: { type: 'string', default: '1-' },
      projects: { type: 'string', default: 'unit,config,store,http' },
    },
  });
  const isWanted = numbersOf(values.only);
  const tracked = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: projectDir, encoding: 'utf8' });
  const files = tracked.trim().split('\n');
  const tree: Tree = { dir: mkdtempSync(join(tmpdir(), 'mutants-')), files, projects: values.projects.split(',') };
  try {
    for (const file of files) cpSync(join(projectDir, file), join(tree.dir, file));
    symlinkSync(join(projectDir, 'node_modules'), join(tree.dir, 'node_modules'));
    const startedAtMs = performance.now();
    const failure = await firstFailure(tree.dir, ['run', ...projectOptions(tree.projects)], 1_800_000);
    if (failure !== undefined) {
      console.error(`Without any fault, a test fails: ${failure}`);
      return 2;
    }
    const controlMs = performance.now() - startedAtMs;
    console.log(`Without a fault all tests pass, in ${Math.round(controlMs / 1000)} s.`);
    const sample = sampleOf(files, Number(values.count), Number(values.seed)).filter(({ number }) => isWanted(number));
    const survivors: Mutant[] = [];
    for (const { number, mutant } of sample) {
      const notice = await noticeOf(tree, mutant, 60_000 + 2 * controlMs);
      if (notice === undefined) survivors.push(mutant);
      console.log(`${number} ${notice === undefined ? 'SURVIVED' : 'noticed'} ${inWords(mutant)}`);
      if (notice !== undefined) console.log(`    by ${notice}`);
    }
    const noticed = sample.length - survivors.length;
    console.log(`\n${noticed} of ${sample.length} noticed. Survivors:`);
    for (const mutant of survivors) console.log(`  ${inWords(mutant)}`);
    return noticed >= 0.9 * sample.length ? 0 : 1;
  } finally {
    rmSync(tree.dir, { recursive: true, force: true });
  }
}

/** Mutants chosen by the seed, numbered from 1. */
function sampleOf(files: readonly string[], count: number, seed: number): { number: number; mutant: Mutant }[] {
  const random = seededRandom(seed);
  const sources = files.filter((file) => mutated.test(file));
  const left = sources.flatMap((file) => mutantsOf(file, readFileSync(join(projectDir, file), 'utf8')));
  const sample: Mutant[] = [];
  while (sample.length < count && left.length > 0) sample.push(...left.splice(random.int(0, left.length - 1), 1));
  return sample.map((mutant, index) => ({ number: index + 1, mutant }));
}

/** The first related test that fails because of the fault, the likeliest ones tried first; `undefined` if all pass. */
async function noticeOf(
  { dir, files, projects }: Tree,
  mutant: Mutant,
  timeoutMs: number,
): Promise<string | undefined> {
  const path = join(dir, mutant.file);
  const source = readFileSync(path, 'utf8');
  writeFileSync(path, withMutant(source, mutant));
  try {
    const related = mutant.file.endsWith('.lua') ? callersOf(dir, files, mutant.file) : [mutant.file];
    const quick = projects.filter((project) => withoutRedis.includes(project));
    const withRedis = projects.filter((project) => !quick.includes(project));
    const nearest = nearestTests(mutant.file, files, withRedis);
    const options = projectOptions(withRedis);
    const steps = [
      quick.length > 0 && ['related', ...related, ...projectOptions(quick)],
      nearest.length > 0 && ['run', ...nearest, ...options],
      withRedis.length > 0 && ['related', ...related, ...options, ...nearest.flatMap((test) => ['--exclude', test])],
    ];
    for (const step of steps) {
      const failure = step ? await firstFailure(dir, step, timeoutMs) : undefined;
      if (failure !== undefined) return failure;
    }
    return undefined;
  } finally {
    writeFileSync(path, source);
  }
}

/** The modules that load a Lua file: a script is declared in `scripts.ts` above `lua/`, any other file is named where it is read. */
function callersOf(dir: string, files: readonly string[], script: string): string[] {
  if (basename(dirname(script)) === 'lua') return [join(dirname(dirname(script)), 'scripts.ts')];
  return files.filter(
    (file) => /^api\/.*\.ts$/.test(file) && readFileSync(join(dir, file), 'utf8').includes(basename(script)),
  );
}

function projectOptions(projects: readonly string[]): string[] {
  return projects.flatMap((project) => ['--project', project]);
}

/**
 * The first test that fails, or what else kept Vitest from succeeding within the time; `undefined` if all pass.
 * @param words a command of Vitest and its options
 */
function firstFailure(dir: string, words: readonly string[], timeoutMs: number): Promise<string | undefined> {
  const report = join(dir, 'report.json');
  rmSync(report, { force: true });
  const options = ['--run', '--bail=1', '--passWithNoTests', '--reporter=json', `--outputFile=${report}`];
  return new Promise((done) => {
    const child = spawn(join(dir, 'node_modules', '.bin', 'vitest'), [...words, ...options], {
      cwd: dir,
      stdio: 'ignore',
      detached: true,
    });
    const timer = setTimeout(() => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL'), timeoutMs);
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) done(undefined);
      else done(signal === 'SIGKILL' ? `no end within ${timeoutMs / 1000} s` : failedTest(dir, report));
    });
  });
}

function failedTest(dir: string, reportPath: string): string {
  if (!existsSync(reportPath)) return 'Vitest, which could not start';
  const { testResults } = JSON.parse(readFileSync(reportPath, 'utf8')) as Report;
  for (const { name, status, assertionResults } of testResults) {
    const failed = assertionResults.find((each) => each.status === 'failed');
    if (failed || status === 'failed') return `${relative(dir, name)} > ${failed?.fullName ?? 'its set-up'}`;
  }
  return 'an error outside of the tests';
}

function inWords({ file, line, before, after }: Mutant): string {
  return `${file}:${line}  ${before.trim()}  ->  ${after.trim()}`;
}
