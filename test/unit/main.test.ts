/** `api/main.ts NAME` before it serves: which service it starts, and what it says where it cannot. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';

/** The exit code for a wrong configuration (EX_CONFIG of sysexits.h). */
const exConfig = 78;

/** Runs it with this environment alone. */
async function run(args: string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'api/main.ts', ...args], {
    env: { PATH: process.env.PATH ?? '', ...env },
    timeout: 60_000,
  });
  const [stderr, code] = await Promise.all([
    text(child.stderr),
    new Promise<number | null>((resolve) => child.once('exit', resolve)),
  ]);
  return { code, stderr };
}

test.each([[['no-such']], [[]]])('a service %s that there is not is named, with those that there are', async (args) => {
  const { code, stderr } = await run(args);
  expect(code).toBe(exConfig);
  expect(stderr).toBe(`There is no service '${args[0] ?? ''}'; the services are users, products, purchases.\n`);
});

test('a service lists each setting that it lacks, its own too, and of secrets of calls those of its own', async () => {
  const { code, stderr } = await run(['purchases']);
  expect(code).toBe(exConfig);
  const [first, ...faults] = stderr.trimEnd().split('\n');
  expect(first).toBe("Settings of 'purchases' that are missing or wrong:");
  const names = faults.map((fault) => fault.trim().split(':')[0]);
  expect(names).toContain('REDIS_PASSWORD');
  expect(names.filter((name) => name?.startsWith('INTERNAL_SECRET')).sort()).toEqual([
    'INTERNAL_SECRET_PURCHASES_TO_PRODUCTS',
    'INTERNAL_SECRET_PURCHASES_TO_USERS',
  ]);
});

test('a fault that is no wrong setting is not taken for one', async () => {
  const { code, stderr } = await run(['users'], { REDIS_PASSWORD_FILE: '/no/such/file' });
  expect(code).toBe(1);
  expect(stderr).toContain('ENOENT');
});
