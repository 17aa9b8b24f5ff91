/** The Postman collection, run from top to bottom by newman, as a developer would in Postman. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, inject, test } from 'vitest';

const { httpUrl, adminEmail, adminPassword } = inject('shop');

test('the collection runs from top to bottom, with every test in it passed', async () => {
  const variables = { baseUrl: httpUrl, adminEmail, adminPassword };
  const words = Object.entries(variables).flatMap(([name, value]) => ['--env-var', `${name}=${value}`]);
  const { stdout } = await promisify(execFile)(
    'node_modules/.bin/newman',
    [
      'run',
      `${httpUrl}/postman.json`,
      '--environment',
      `${httpUrl}/postman-environment.json`,
      ...words,
      '--color',
      'off',
    ],
    { timeout: 80_000, maxBuffer: 10_000_000 },
  ).catch((error: { stdout: string }) => ({ stdout: error.stdout }));
  const failures = stdout.split(/\n\s*#\s+failure/)[1] ?? '';
  expect(failures).toBe('');
  expect(Number(/assertions\s*│\s*(\d+)\s*│\s*0/.exec(stdout)?.[1])).toBeGreaterThan(60);
});
