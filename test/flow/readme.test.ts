/** The examples with curl in the README, run as they stand. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, inject, test } from 'vitest';

const { httpUrl, adminEmail, adminPassword } = inject('shop');

/** The blocks of shell in a Markdown file that call the shop with curl. */
function examplesIn(file: string): string[] {
  const blocks = [...readFileSync(file, 'utf8').matchAll(/^```sh\n(.*?)^```$/gms)].map((match) => match[1] ?? '');
  return blocks.filter((block) => block.includes('curl -'));
}

test('“Buy something” of the README buys and cancels, with nothing refused', async () => {
  const [example = '', ...more] = examplesIn('README.md');
  expect(more).toEqual([]);
  // The one thing that is other than with `npm start`: the port.
  expect(example).toContain('shop=http://localhost:8080\n');
  const dir = mkdtempSync(join(tmpdir(), 'readme-'));
  try {
    writeFileSync(join(dir, '.env'), `ADMIN_EMAIL=${adminEmail}\nADMIN_PASSWORD=${adminPassword}\n`);
    const { stdout } = await promisify(execFile)('sh', ['-euc', example.replace('http://localhost:8080', httpUrl)], {
      cwd: dir,
      timeout: 60_000,
    });
    expect(stdout).not.toContain('"/problems/');
    const answers = [/HTTP\/1.1 201 Created/, /Idempotent-Replayed: true/i, /"stock":3/, /"status":"cancelled"/];
    for (const expected of answers) expect(stdout).toMatch(expected);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
