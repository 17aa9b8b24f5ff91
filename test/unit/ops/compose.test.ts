/** `ops/compose.sh` with a stub of `docker`, which answers for an engine and writes down each call. */
import { execFile } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';

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

describe('an upgrade of outdated services', () => {
  const containers = join(dir, 'containers');
  beforeEach(() => {
    rmSync(containers, { recursive: true, force: true });
    mkdirSync(containers);
    for (const service of ['users', 'products', 'purchases'])
      writeFileSync(join(containers, service), `${service}-old-1\n${service}-old-2\n`);
    // The script waits for Nginx, which has nothing to find here.
    writeFileSync(join(dir, 'sleep'), '#!/bin/sh\n');
    chmodSync(join(dir, 'sleep'), 0o755);
  });

  /** Redis and the Sentinels are up to date. @param started how many of two new replicas of `products` start */
  const answers = (started: number) => `
'compose config --images') echo evergreen-api:9 ;;
'compose config --hash '*) echo "service hash" ;;
'compose config'*) echo evergreen-api:9 ;;
'compose ps -q '*) cat "${containers}/$4" 2>/dev/null || echo "$4-1" ;;
'compose exec '*) echo redis-2:6379 ;;
'image inspect -f '*) echo image ;;
inspect*config-hash*-old-*) echo 'former image' ;;
inspect*config-hash*) echo 'hash image' ;;
inspect*) echo healthy ;;
*--scale*) for service do :; done
  case $service in products) count=${started} ;; *) count=2 ;; esac
  for number in $(seq "$count"); do echo "$service-new-$number" >>"${containers}/$service"; done ;;
'image inspect '* | 'compose build '* | 'compose run '* | 'compose up '* | 'stop '* | 'rm '*) ;;`;
  const changesIn = (calls: string[]) =>
    calls.filter((words) => /--scale|^stop |^rm /.test(words)).map((words) => words.replace(/.*--scale /, ''));

  test('stops no old replica before all new ones run, then those of callers first', async () => {
    const { error, calls } = await upgrade(answers(2));
    expect(error).toBeUndefined();
    const stopped = ['purchases', 'products', 'users'].flatMap((service) =>
      [1, 2].flatMap((number) => [`stop --time 20 ${service}-old-${number}`, `rm ${service}-old-${number}`]),
    );
    expect(changesIn(calls)).toEqual(['users=4 users', 'products=4 products', 'purchases=4 purchases', ...stopped]);
  });

  test('removes the new replicas of all services when one of them does not start', async () => {
    const { error, calls } = await upgrade(answers(1));
    expect(error?.message).toContain('products: not all new replicas were started');
    const removed = 'rm -f users-new-1 users-new-2 products-new-1';
    expect(changesIn(calls)).toEqual(['users=4 users', 'products=4 products', removed]);
  });

  test('removes no secret before its end: a container of the release before may start again', async () => {
    const { calls } = await upgrade(answers(2));
    const ofSecrets = calls.filter((words) => words.includes(' secrets '));
    expect(ofSecrets).toEqual(['compose run --rm --no-deps secrets add']);
  });
});

test('a new memory size is written to .env, and other users can read neither .env nor its copy', async () => {
  const shop = join(dir, 'shop');
  mkdirSync(shop);
  cpSync('ops', join(shop, 'ops'), { recursive: true });
  writeFileSync(join(shop, '.env'), 'SMTP_PASSWORD=secret\nREDIS_MAXMEMORY=1gb\n', { mode: 0o600 });
  const stub = (name: string, text: string) => writeFileSync(join(dir, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  stub('docker', 'case "$*" in *CONFIG*) echo OK ;; esac');
  stub('rm', `stat -c '%a %n' .env "$@" >>"${shop}/modes"; exec /bin/rm "$@"`);
  try {
    await run('sh', [join(shop, 'ops/compose.sh'), 'memory', '2gb'], { env: { PATH: `${dir}:${process.env.PATH}` } });
  } finally {
    rmSync(join(dir, 'rm'));
  }
  expect(readFileSync(join(shop, '.env'), 'utf8')).toMatch(
    /^SMTP_PASSWORD=secret\nREDIS_MAXMEMORY=2gb\nREDIS_MEMORY_LIMIT=\S+\n$/,
  );
  const modes = readFileSync(join(shop, 'modes'), 'utf8').trim().split('\n');
  expect(new Set(modes)).toEqual(new Set(['600 .env', '600 .env.new']));
});
