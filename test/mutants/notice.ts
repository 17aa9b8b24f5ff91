/** Which test notices a fault: tests are tried from the likeliest and quickest to the rest. */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Mutant, nearestTests, withMutant } from './mutate.ts';
import { firstFailure } from './vitest.ts';

/** A copy of the project, in which one fault at a time is made. */
export type Tree = {
  readonly dir: string;
  readonly files: readonly string[];
  /** The test projects that are tried. */
  readonly projects: readonly string[];
  /** Whether of the tests that need Redis only the nearest are tried. */
  readonly isNearestOnly: boolean;
};

/** Projects whose tests need no Redis: these are tried first. */
const withoutRedis = ['unit', 'config'];

const timeoutMs = 300_000;
/** Both projects with Redis, one file after the other. */
const allTimeoutMs = 1_800_000;

/**
 * The first test that fails because of the fault; `undefined` if all pass. A failure counts only if the same file passes without the fault
 * right after: on a busy machine a test may miss a deadline.
 */
export async function noticeOf(tree: Tree, mutant: Mutant): Promise<string | undefined> {
  for (const step of stepsFor(tree, mutant)) {
    const failure = await withFault(tree, mutant, () => firstFailure(tree.dir, step.words, step.timeoutMs));
    if (failure === undefined) continue;
    const words = failure.file === undefined ? step.words : ['run', failure.file];
    const again = await firstFailure(tree.dir, words, step.timeoutMs);
    if (!again) return failure.what;
    console.error(`    ${again.what} fails without the fault, too: it does not count`);
  }
  return undefined;
}

type Step = { readonly words: readonly string[]; readonly timeoutMs: number };

/** Runs of Vitest: tests without Redis that name the file, then all related ones, then the same of each project with Redis. */
function stepsFor({ dir, files, projects, isNearestOnly }: Tree, { file }: Mutant): Step[] {
  const related = file.endsWith('.lua') ? callersOf(dir, files, file) : [file];
  const quick = projects.filter((project) => withoutRedis.includes(project));
  const withRedis = projects.filter((project) => !quick.includes(project));
  const naming = (project: string) => testsNaming(dir, files, related, project);
  const named = quick.flatMap(naming);
  const near = withRedis.map((project) => [
    ...new Set([...naming(project).slice(0, 3), ...nearestTests(file, files, project)]),
  ]);
  const run = (tests: readonly string[], options: readonly string[]) =>
    tests.length === 0 ? [] : [{ words: ['run', ...tests, ...options], timeoutMs }];
  const rest = (some: readonly string[], tried: readonly string[], timeoutMs: number) => {
    const words = ['related', ...related, ...optionsFor(some), ...tried.flatMap((test) => ['--exclude', test])];
    return some.length === 0 || related.length === 0 ? [] : [{ words, timeoutMs }];
  };
  return [
    ...run(named, optionsFor(quick)),
    ...rest(quick, named, timeoutMs),
    ...near.flatMap((tests, i) => run(tests, optionsFor(withRedis.slice(i, i + 1)))),
    ...(isNearestOnly ? [] : rest(withRedis, near.flat(), allTimeoutMs)),
  ];
}

function optionsFor(projects: readonly string[]): string[] {
  return projects.flatMap((project) => ['--project', project]);
}

async function withFault<T>({ dir }: Tree, mutant: Mutant, run: () => Promise<T>): Promise<T> {
  const path = join(dir, mutant.file);
  const source = readFileSync(path, 'utf8');
  writeFileSync(path, withMutant(source, mutant));
  try {
    return await run();
  } finally {
    writeFileSync(path, source);
  }
}

/** The modules that load a Lua file: a script is declared in `scripts.ts` above `lua/`, any other file is named where it is read. */
function callersOf(dir: string, files: readonly string[], script: string): string[] {
  if (basename(dirname(script)) === 'lua') return [`${dirname(dirname(script))}/scripts.ts`];
  return files.filter(
    (file) => /^api\/.*\.ts$/.test(file) && readFileSync(join(dir, file), 'utf8').includes(basename(script)),
  );
}

/** The test files of a project that import one of these modules themselves. */
function testsNaming(dir: string, files: readonly string[], modules: readonly string[], project: string): string[] {
  const tests = files.filter((file) => file.startsWith(`test/${project}/`) && file.endsWith('.test.ts'));
  return tests.filter((test) => {
    const source = readFileSync(join(dir, test), 'utf8');
    return modules.some((module) => source.includes(`/${module}'`));
  });
}
