/**
 * `npm run bench -- mutants [COUNT] [SEED] [SKIP]`: makes COUNT small faults in `api/`, one at a time, and says which of them the unit, store
 * and http tests related to the file notice. Names the survivors. SKIP leaves out the first ones of the same sample, to go on with a run.
 */
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '../failover/load/random.ts';
import { type Mutant, mutantsOf, withMutant } from './mutate.ts';

const projectDir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const projects = ['unit', 'store', 'http'];
/** A fault that makes the tests hang longer than this was noticed, too. */
const timeoutMs = 300_000;

/** @returns the exit code: 1 when fewer than nine in ten are noticed */
export async function runMutants([count = '100', seed = '1', skip = '0']: string[]): Promise<number> {
  const tracked = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: projectDir, encoding: 'utf8' });
  const files = tracked.trim().split('\n');
  const tree = mkdtempSync(join(tmpdir(), 'mutants-'));
  try {
    for (const file of files) cpSync(join(projectDir, file), join(tree, file));
    symlinkSync(join(projectDir, 'node_modules'), join(tree, 'node_modules'));
    const sample = sampleOf(files, Number(count), Number(seed)).slice(Number(skip));
    const survivors: Mutant[] = [];
    for (const [index, mutant] of sample.entries()) {
      const survived = await survives(tree, files, mutant);
      if (survived) survivors.push(mutant);
      console.log(`${Number(skip) + index + 1} ${survived ? 'SURVIVED' : 'noticed'} ${inWords(mutant)}`);
    }
    const noticed = sample.length - survivors.length;
    console.log(`\n${noticed} of ${sample.length} noticed. Survivors:`);
    for (const mutant of survivors) console.log(`  ${inWords(mutant)}`);
    return noticed >= 0.9 * sample.length ? 0 : 1;
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

function sampleOf(files: readonly string[], count: number, seed: number): Mutant[] {
  const random = seededRandom(seed);
  const sources = files.filter((file) => /^api\/.*\.(ts|lua)$/.test(file));
  const left = sources.flatMap((file) => mutantsOf(file, readFileSync(join(projectDir, file), 'utf8')));
  const sample: Mutant[] = [];
  while (sample.length < count && left.length > 0) sample.push(...left.splice(random.int(0, left.length - 1), 1));
  return sample;
}

/** Whether all related tests pass although the fault is there. */
async function survives(tree: string, files: readonly string[], mutant: Mutant): Promise<boolean> {
  const path = join(tree, mutant.file);
  const source = readFileSync(path, 'utf8');
  writeFileSync(path, withMutant(source, mutant));
  try {
    const related = mutant.file.endsWith('.lua') ? callersOf(tree, files, mutant.file) : [mutant.file];
    for (const project of projects) if (!(await passes(tree, project, related))) return false;
    return true;
  } finally {
    writeFileSync(path, source);
  }
}

/** The modules that load a Lua file: a script is declared in `scripts.ts` above `lua/`, any other file is named where it is read. */
function callersOf(tree: string, files: readonly string[], script: string): string[] {
  if (basename(dirname(script)) === 'lua') return [join(dirname(dirname(script)), 'scripts.ts')];
  return files.filter(
    (file) => /^api\/.*\.ts$/.test(file) && readFileSync(join(tree, file), 'utf8').includes(basename(script)),
  );
}

function passes(tree: string, project: string, related: readonly string[]): Promise<boolean> {
  const words = ['related', ...related, '--run', '--project', project, '--bail=1', '--passWithNoTests'];
  return new Promise((done) => {
    const child = spawn(join(tree, 'node_modules', '.bin', 'vitest'), words, {
      cwd: tree,
      stdio: 'ignore',
      detached: true,
    });
    const timer = setTimeout(() => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL'), timeoutMs);
    child.once('exit', (code) => {
      clearTimeout(timer);
      done(code === 0);
    });
  });
}

function inWords({ file, line, before, after }: Mutant): string {
  return `${file}:${line}  ${before.trim()}  ->  ${after.trim()}`;
}
