// `npm test`: types, lint, then every test, and a last line that says how many passed and failed.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installBrowser, installMissing, packages } from './programs.ts';
import { withSystemFolders } from './settings.ts';

type Report = {
  numPassedTests: number;
  numFailedTests: number;
  testResults: { status: string; assertionResults: unknown[] }[];
};

/**
 * Runs everything that must hold before a change is good. A fault in types or lint counts as one failed each.
 * @param rest handed on to Vitest, such as a file's name
 * @returns the exit code
 */
export async function runTests(
  projectDir: string,
  environment: Record<string, string | undefined>,
  rest: string[],
): Promise<number> {
  const path = withSystemFolders(environment.PATH ?? '');
  const install = (of: Readonly<Record<string, string>>) => installMissing(projectDir, path, of);
  if (!install(packages.shop)) return 1;
  if (!install(packages.monitoring)) console.error('Without these, the tests of monitoring are skipped.');
  if (!install(packages.tests)) console.error('Without it, shell scripts are not checked.');
  const env = { ...environment, PATH: path };
  const dir = mkdtempSync(join(tmpdir(), 'shop-test-'));
  const reportPath = join(dir, 'report.json');
  const run = (name: string, ...words: string[]) => {
    console.log(`\n> ${name} ${words.join(' ')}`);
    return new Promise<number>((done) => {
      const child = spawn(join(projectDir, 'node_modules', '.bin', name), words, {
        cwd: projectDir,
        env,
        stdio: 'inherit',
      });
      child.once('error', () => done(1));
      child.once('exit', (code) => done(code ?? 1));
    });
  };
  try {
    // Takes half a minute, and at most two. The tests of /docs come among the last, after others that wait for longer than that.
    const browser = installBrowser(projectDir, path);
    const checks = await Promise.all([run('tsc'), run('biome', 'check', '.')]);
    const faults = checks.filter((code) => code !== 0).length;
    if (rest.length > 0) await browser; // some tests alone: those of /docs may be the first
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportPath}`];
    const code = await run('vitest', 'run', ...reporters, ...rest);
    if (!(await browser)) console.error('SKIPPED without Chromium: the tests of /docs in a browser.');
    const { passed, failed } = countTests(reportPath, code);
    console.log(`\n${passed} passed, ${failed + faults} failed`);
    return failed + faults === 0 ? 0 : 1;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Counts the tests of a report of Vitest. Files that could not be loaded and errors outside of tests count as failed, too. */
function countTests(reportPath: string, code: number): { passed: number; failed: number } {
  try {
    const report = JSON.parse(readFileSync(reportPath, 'utf8')) as Report;
    const unloaded = report.testResults.filter(
      ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
    );
    const failed = report.numFailedTests + unloaded.length;
    return { passed: report.numPassedTests, failed: failed === 0 && code !== 0 ? 1 : failed };
  } catch {
    return { passed: 0, failed: 1 };
  }
}
