/** `ops/compose.sh upgrade` before it changes anything: a stub of `docker` says which images there are, and notes what it is asked for. */
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const run = promisify(execFile);
const dir = mkdtempSync(join(tmpdir(), 'compose-'));

beforeAll(() => {
  const docker = `#!/bin/sh
echo "$*" >>"${dir}/asked"
case "$*" in
  'compose config --images') echo evergreen-api:9 ;;
  *) exit 1 ;;
esac
`;
  writeFileSync(join(dir, 'docker'), docker);
  chmodSync(join(dir, 'docker'), 0o755);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('an upgrade to an image that is nowhere changes nothing and names it', async () => {
  const upgrade = run('sh', ['ops/compose.sh', 'upgrade'], { env: { PATH: `${dir}:${process.env.PATH}` } });
  await expect(upgrade).rejects.toThrow('the image evergreen-api:9 is neither here');
  const asked = readFileSync(join(dir, 'asked'), 'utf8').split('\n');
  expect(asked.filter((words) => / (up|run|stop|rm) /.test(words))).toEqual([]);
});
