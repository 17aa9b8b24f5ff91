/** The examples in the README, run as they stand. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, inject, test } from 'vitest';

const { httpUrl, httpsUrl, adminEmail, adminPassword } = inject('shop');

/** The blocks of shell in a Markdown file in which there is such a command. */
function examplesIn(file: string, command: string): string[] {
  const blocks = [...readFileSync(file, 'utf8').matchAll(/^```sh\n(.*?)^```$/gms)].map((match) => match[1] ?? '');
  return blocks.filter((block) => block.includes(command));
}

test('“Buy something” buys and cancels with curl, with nothing refused; the example in TypeScript buys', async () => {
  const [example = '', ...more] = examplesIn('README.md', 'curl -');
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

    const [own = ''] = examplesIn('README.md', 'npm run client');
    expect(own).toContain("baseUrl: 'http://localhost:8080'");
    // Not into the project: the folder is another one.
    const elsewhere = own.replaceAll(/\bfront\b/g, join(dir, 'front')).replace('http://localhost:8080', httpUrl);
    const run = await promisify(execFile)('sh', ['-euc', elsewhere], { timeout: 80_000 });
    expect(run.stdout).toMatch(/completed \{ amount: 10999, currency: 'USD' \}\n(.*\n)*Hiking Boots 4\n/);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}, 180_000);

test('what the runbooks and operators’ pages ask the shop with curl is answered', async () => {
  const files = ['README.md', 'DESIGN.md', 'CHANGELOG.md', 'SECURITY.md', 'ops', 'monitoring', 'test'].flatMap(
    (path) =>
      path.endsWith('.md')
        ? [path]
        : readdirSync(path, { recursive: true, encoding: 'utf8' }).map((file) => join(path, file)),
  );
  const commands = files
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/\bcurl -\w+ (?:https?:\/\/)?localhost[^\s`]*/g)].map(String),
    )
    .filter((command) => !command.includes(':7021')); // Prometheus, which this shop does not have
  expect(commands.length).toBeGreaterThanOrEqual(6);
  for (const command of new Set(commands)) {
    const own = command
      .replace(/https:\/\/localhost(:\d+)?/, httpsUrl)
      .replace(/(http:\/\/)?\blocalhost(:\d+)?/, (address) => (command.includes('https:') ? address : httpUrl));
    const { stdout } = await promisify(execFile)('sh', ['-euc', own], { timeout: 30_000 });
    expect([command, JSON.parse(stdout)]).toEqual([
      command,
      expect.objectContaining(command.includes('healthz') ? { status: 'ok' } : { name: 'Evergreen' }),
    ]);
  }
});
