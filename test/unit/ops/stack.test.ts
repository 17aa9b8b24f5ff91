/** The parts of ops/stack.sh that decide, run by themselves: a stub of `docker` says what machines and images there are. */
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const run = promisify(execFile);
const dir = mkdtempSync(join(tmpdir(), 'stack-'));
const settings = join(dir, 'stack.env');

beforeAll(() => {
  const docker = `#!/bin/sh
case "$1 $2" in
  'node ls') printf 'host-2\\nhost-1\\n' ;;
  'node inspect') echo ready ;;
  'config ls') printf '%s\\n' $CONFIGS ;;
  'config inspect') shift 4; cat "${dir}/$1.yml" ;;
  'service inspect') echo "$STATE" ;;
  'service ls') echo "shop_users $REPLICAS" ;;
  'service ps') cat "$TASKS" 2>/dev/null ;;
  'secret inspect') case " $SECRETS " in *" $3 "*) ;; *) exit 1 ;; esac ;;
  'image inspect') case $3 in *missing*) exit 1 ;; esac ;;
  *) exit 1 ;;
esac
`;
  writeFileSync(join(dir, 'docker'), docker);
  chmodSync(join(dir, 'docker'), 0o755);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Runs shell code with the parts of ops/stack.sh loaded. @returns stdout; rejects when the code fails */
async function inStack(code: string, shell: Record<string, string> = {}): Promise<string> {
  const parts = ['common', 'prepare', 'deploy', 'restore'].map((name) => `. "$here/stack/${name}.sh";`).join(' ');
  const { stdout } = await run('sh', ['-eu', '-c', `here=${resolve('ops')}; ${parts} ${code}`], {
    env: { PATH: `${dir}:${process.env.PATH}`, STACK_ENV: settings, ...shell },
  });
  return stdout;
}

const complete = 'SHOP_IMAGES=registry/shop\nSHOP_VERSION=1.1.0\nREDIS_VERSION=1.0.0\nSHOP_URL=https://shop.example\n';

describe('the settings of a deployment', () => {
  test('come from stack.env alone: what the shell of the operator says does not count', async () => {
    writeFileSync(settings, `${complete}# a comment\n\nSMTP_NUMBER=3\n`);
    const shell = { SHOP_VERSION: '0.9.0', REDIS_MAXMEMORY: '64mb', TLS_NUMBER: '1' };
    const printed = await inStack(
      'load_settings; echo "$SHOP_VERSION" "$' + '{REDIS_MAXMEMORY-none}" "$' + '{TLS_NUMBER-none}" "$SMTP_NUMBER"',
      shell,
    );
    expect(printed.trim()).toBe('1.1.0 none none 3');
  });

  test('name every machine of the swarm', async () => {
    writeFileSync(settings, complete);
    expect((await inStack('load_settings; echo "$SHOP_MACHINES"')).trim()).toBe('host-1 host-2');
  });

  test.each([
    ['a required one is missing', complete.replace(/SHOP_URL=.*\n/, ''), 'SHOP_URL is missing'],
    ['one is misspelt', `${complete}REDIS_MAXMEMROY=1gb\n`, 'REDIS_MAXMEMROY is not a setting of stack.yml'],
  ])('are refused when %s', async (_name, text, message) => {
    writeFileSync(settings, text);
    await expect(inStack('load_settings')).rejects.toThrow(message);
  });

  test('say whether Grafana runs as well', async () => {
    writeFileSync(settings, `${complete}GRAFANA=on\n`);
    expect((await inStack('load_settings; echo "$GRAFANA"', { GRAFANA: 'off' })).trim()).toBe('on');
    writeFileSync(settings, complete);
    expect((await inStack('load_settings; echo "$' + '{GRAFANA-unset}"', { GRAFANA: 'on' })).trim()).toBe('unset');
  });

  test('are changed in the file', async () => {
    writeFileSync(settings, `${complete}TLS_NUMBER=1\n`);
    expect(await inStack('set_setting TLS_NUMBER 2; grep TLS_NUMBER "$STACK_ENV"')).toBe('TLS_NUMBER=2\n');
  });
});

describe('a look at every machine', () => {
  const tasks = join(dir, 'tasks');
  const allEnded = async (states: string) => {
    writeFileSync(tasks, states);
    return (await inStack('if all_ended shop-look; then echo yes; else echo no; fi', { TASKS: tasks })).trim();
  };

  test.each([
    ['no machine has its task yet', '', 'no'],
    ['one of two has ended', 'Complete 1 second ago\n', 'no'],
    ['one still runs', 'Complete 1 second ago\nRunning 1 second ago\n', 'no'],
    ['both have ended', 'Complete 1 second ago\nFailed 2 seconds ago\n', 'yes'],
  ])('has ended or not: %s', async (_name, states, ended) => {
    expect(await allEnded(states)).toBe(ended);
  });

  test.each([
    ['in order', '1000 1 madvise', ''],
    ['a clock behind', '900 1 never', 'WARNING: host-1: its clock'],
    ['a clock ahead', '1100 1 never', 'WARNING: host-1: its clock'],
    ['overcommit', '1000 0 never', 'WARNING: host-1: vm.overcommit_memory is 0'],
    ['huge pages', '1000 1 always', "WARNING: host-1: transparent huge pages are 'always'"],
  ])('warns of what it has found: %s', async (_name, found, warning) => {
    const code = `echo "LOOK host-1 ${found}" | warn_of_machines 995 1005 2>&1`;
    expect(await inStack(code)).toMatch(warning === '' ? /^$/ : new RegExp(`^${warning.replace(/[().]/g, '.')}`));
  });
});

describe('a Redis node is left alone', () => {
  const file = (name: string, version: number) =>
    writeFileSync(
      join(dir, `${name}.yml`),
      `services:\n  redis-1:\n    image: shop-redis:${version}\n  users:\n    image: shop-api:${name}\n`,
    );
  test.each([
    ['as deployed, nothing attempted since', 'shop_deployed_1 shop_deployed_2', 'yes'],
    ['as deployed, but another one was attempted since', 'shop_deployed_2 shop_attempted_1', 'no'],
    ['unlike deployed', 'shop_deployed_1', 'no'],
    ['nothing was deployed', '', 'no'],
  ])('or not: %s', async (_name, configs, unchanged) => {
    file('shop_deployed_1', 1);
    file('shop_deployed_2', 2);
    file('shop_attempted_1', 3);
    file('wanted', 2);
    const code = `STACK=shop; scratch=${dir}; wanted=${dir}/wanted.yml; if is_unchanged redis-1; then echo yes; else echo no; fi`;
    expect((await inStack(code, { CONFIGS: configs })).trim()).toBe(unchanged);
  });
});

describe('a deployed service', () => {
  test.each([
    ['is updated', 'updating', '3/3', 60, 'no'],
    ['is taken back', 'rollback_started', '3/3', 60, 'no'],
    ['has ended its update', 'completed', '3/3', 0, 'yes'],
    ['was taken back', 'rollback_completed', '3/3', 0, 'yes'],
    ['lacks a replica', 'completed', '2/3', 60, 'no'],
    ['has its replicas, beside those of a dead machine', 'completed', '4/3', 0, 'yes'],
    ['was deployed just now, and its update may not have begun', '', '3/3', 0, 'no'],
    ['was deployed a while ago and needed no update', '', '3/3', 60, 'yes'],
  ])('has settled or not: %s', async (_name, state, replicas, agoS, settled) => {
    const code = `STACK=shop; if is_settled users $(($(date +%s) - ${agoS})); then echo yes; else echo no; fi`;
    expect((await inStack(code, { STATE: state, REPLICAS: replicas })).trim()).toBe(settled);
  });
});

test('a deployment names the secrets that a new version needs and the swarm does not have', async () => {
  const secrets = ['A', 'B', 'C'].map((name) => `  ${name}:\n    name: shop_${name}\n    external: true\n`).join('');
  writeFileSync(join(dir, 'wanted.yml'), `services:\n  users:\n    image: shop-api:1\nsecrets:\n${secrets}`);
  expect(await inStack(`missing_secrets ${dir}/wanted.yml`, { SECRETS: 'shop_B' })).toBe('shop_A\nshop_C\n');
});

describe('risks of a deployment', () => {
  const rendered = (version: string, certificate: number, image = `shop-api:${version}`) =>
    `services:\n  users:\n    image: ${image}\n  nginx:\n    image: shop-nginx:${version}\nsecrets:\n  A:\n    name: shop_TLS_CERT_${certificate}\n  B:\n    name: shop_SMTP_URL_1\n`;
  const risks = async (last: string, wanted: string) => {
    writeFileSync(join(dir, 'last.yml'), last);
    writeFileSync(join(dir, 'wanted.yml'), wanted);
    return (await inStack(`risks ${dir}/last.yml ${dir}/wanted.yml`)).trim();
  };

  test('none: a newer version, the same certificate', async () => {
    expect(await risks(rendered('1.9.0', 2), rendered('1.10.0', 2))).toBe('');
  });

  test.each([
    ['an older version', rendered('1.10.0', 2), rendered('1.9.0', 2), 'the version goes backwards: 1.10.0 -> 1.9.0'],
    ['an older certificate', rendered('1.0.0', 2), rendered('1.0.0', 1), 'an older TLS_CERT: 2 -> 1'],
    [
      'an image that is nowhere',
      rendered('1.0.0', 1),
      rendered('1.0.0', 1, 'shop-missing-api:1.0.0'),
      'the image shop-missing-api:1.0.0 is neither here nor in a registry',
    ],
  ])('%s', async (_name, last, wanted, risk) => {
    expect(await risks(last, wanted)).toContain(risk);
  });

  test('what changes is shown for the services that it changes, and a new certificate for no Redis node', async () => {
    const file = (version: string, certificate: number) =>
      `x-service:\n  image: shop-api:${version}\nservices:\n  redis-1:\n    image: shop-redis:1\n  users:\n    image: shop-api:${version}\nsecrets:\n  A:\n    name: shop_TLS_CERT_${certificate}\n`;
    writeFileSync(join(dir, 'old.yml'), file('1.0.0', 1));
    writeFileSync(join(dir, 'new.yml'), file('1.1.0', 2));
    const shown = await inStack(`scratch=${dir}; differences ${dir}/old.yml ${dir}/new.yml 2>&1`);
    expect(shown).toBe(
      'users:\n  - image: shop-api:1.0.0\n  + image: shop-api:1.1.0\nnetworks, secrets, volumes:\n  - name: shop_TLS_CERT_1\n  + name: shop_TLS_CERT_2\n',
    );
  });

  test('one service can be cut out of a rendered stack, with what all share', async () => {
    writeFileSync(join(dir, 'one.yml'), rendered('1.0.0', 1));
    const one = await inStack(`only_service ${dir}/one.yml nginx`);
    expect(one).toContain('shop-nginx:1.0.0');
    expect(one).toContain('shop_TLS_CERT_1');
    expect(one).not.toContain('shop-api');
  });
});
