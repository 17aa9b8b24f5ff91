/** `ops/compose.sh upgrade` with a stub of `docker`, which answers for an engine and writes down each call. */
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';

const run = promisify(execFile);
const dir = mkdtempSync(join(tmpdir(), 'compose-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Runs the upgrade. @param answers branches of `case` in a shell, by the words of a call; a call without one fails */
async function upgrade(answers: string): Promise<{ error: Error | undefined; calls: string[] }> {
  const log = join(dir, 'calls');
  writeFileSync(join(dir, 'docker'), `#!/bin/sh\necho "$*" >>"${log}"\ncase "$*" in\n${answers}\n*) exit 1 ;;\nesac\n`);
  chmodSync(join(dir, 'docker'), 0o755);
  writeFileSync(log, '');
  const env = { PATH: `${dir}:${process.env.PATH}` };
  const error = await run('sh', ['ops/compose.sh', 'upgrade'], { env }).then(
    () => undefined,
    (error: Error) => error,
  );
  return { error, calls: readFileSync(log, 'utf8').trim().split('\n') };
}

test('an upgrade to an image that is nowhere changes nothing and names it', async () => {
  const { error, calls } = await upgrade("'compose config --images') echo evergreen-api:9 ;;");
  expect(error?.message).toContain('the image evergreen-api:9 is neither here');
  expect(calls.filter((words) => / (up|run|stop|rm) /.test(words))).toEqual([]);
});

test('an upgrade that changes nothing replaces no node and no replica, and removes containers whose service is gone', async () => {
  const { error, calls } = await upgrade(`
'compose config --hash '*) echo "service hash" ;;
'compose config'*) echo evergreen-api:9 ;;
'compose ps '*) echo container ;;
'compose exec '*) echo redis-2:6379 ;;
'image inspect -f '*) echo image ;;
'inspect -f '*) echo 'hash image' ;;
'image inspect '* | 'compose build '* | 'compose run '* | 'compose up '*) ;;`);
  expect(error).toBeUndefined();
  expect(calls.filter((words) => / (up|stop|rm) /.test(words))).toEqual([
    'compose up -d --no-deps nginx',
    'compose up -d --wait --remove-orphans',
  ]);
});
