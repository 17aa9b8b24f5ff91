/** Where every npm script begins, on a machine that has no npm package yet. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

let project: string;
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'bootstrap-'));
  for (const folder of ['ops/local', 'bin']) mkdirSync(join(project, folder), { recursive: true });
  cpSync('ops/local/bootstrap.mjs', join(project, 'ops/local/bootstrap.mjs'));
  writeFileSync(join(project, 'package-lock.json'), '{}');
  writeFileSync(
    join(project, 'ops/compile.mjs'),
    "export const compilePrograms = () => '..';\nexport const compiledProgram = () => './program.mjs';\n",
  );
  writeFileSync(join(project, 'ops/local/program.mjs'), "console.log('started');\n");
});
afterEach(() => rmSync(project, { recursive: true, force: true }));

/** An npm that notes that it runs, and takes its time. */
function writeNpm(lines: string): void {
  const path = join(project, 'bin/npm');
  writeFileSync(path, `#!/bin/sh\necho "$*" >> runs\nmkdir -p node_modules\n${lines}\n`);
  chmodSync(path, 0o755);
}

const runs = () => readFileSync(join(project, 'runs'), 'utf8').trim().split('\n');

async function bootstrap(): Promise<{ code: number | null; text: string }> {
  const env = { ...process.env, PATH: `${join(project, 'bin')}:${process.env.PATH}` };
  const child: ChildProcess = spawn(process.execPath, ['ops/local/bootstrap.mjs', 'start'], { cwd: project, env });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (part) => (text += part));
  return new Promise((done) => child.on('close', (code) => done({ code, text })));
}

test('two commands at once install the npm packages once, one after the other', async () => {
  writeNpm('sleep 0.5\ntouch node_modules/.package-lock.json');
  const outcomes = await Promise.all([bootstrap(), bootstrap()]);
  for (const { code, text } of outcomes) {
    expect(text).toContain('started');
    expect(code).toBe(0);
  }
  expect(runs()).toEqual(['ci --no-audit --no-fund']);
});

test('packages that are there are not installed again', async () => {
  writeNpm('touch node_modules/.package-lock.json');
  await bootstrap();
  expect(await bootstrap()).toEqual({ code: 0, text: 'started\n' });
  expect(runs()).toHaveLength(1);
});

test('a failed installation ends the command, and the next one tries again', async () => {
  writeNpm('echo "no network" >&2\nexit 1');
  const { code, text } = await bootstrap();
  expect(code).toBe(1);
  expect(text).toMatch(/no network.*npm ci failed/s);
  writeNpm('touch node_modules/.package-lock.json');
  expect(await bootstrap()).toMatchObject({ code: 0 });
});
