/** Runs Vitest in a copy of the project and finds out what failed. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';

/** What failed first: a test of a file, or without a file what else kept Vitest from succeeding. */
export type Failure = { readonly file: string | undefined; readonly what: string };

/** What is used of Vitest's report in JSON. */
type Report = {
  testResults: { name: string; status: string; assertionResults: { status: string; fullName: string }[] }[];
};

/**
 * Runs Vitest on one core until the first test fails.
 * @param dir the copy
 * @param words a command of Vitest and its options
 * @returns `undefined` if all tests pass
 */
export function firstFailure(dir: string, words: readonly string[], timeoutMs: number): Promise<Failure | undefined> {
  const report = join(dir, 'report.json');
  rmSync(report, { force: true });
  const options = ['--run', '--bail=1', '--maxWorkers=1', '--passWithNoTests'];
  const output = ['--reporter=json', `--outputFile=${report}`];
  return new Promise((done) => {
    const child = spawn(join(dir, 'node_modules', '.bin', 'vitest'), [...words, ...options, ...output], {
      cwd: dir,
      stdio: 'ignore',
      detached: true,
    });
    const timer = setTimeout(() => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL'), timeoutMs);
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) done(undefined);
      else if (signal === 'SIGKILL') done({ file: undefined, what: `no end within ${timeoutMs / 1000} s` });
      else done(failedTest(dir, report));
    });
  });
}

function failedTest(dir: string, reportPath: string): Failure {
  if (!existsSync(reportPath)) return { file: undefined, what: 'Vitest, which could not start' };
  const { testResults } = JSON.parse(readFileSync(reportPath, 'utf8')) as Report;
  for (const { name, status, assertionResults } of testResults) {
    const failed = assertionResults.find((each) => each.status === 'failed');
    const file = relative(dir, name);
    if (failed || status === 'failed') return { file, what: `${file} > ${failed?.fullName ?? 'its set-up'}` };
  }
  return { file: undefined, what: 'an error outside of the tests' };
}
