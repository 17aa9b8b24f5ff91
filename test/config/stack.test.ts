/** stack.yml against docker-compose.yml, as far as no engine is needed: the same shop, given the same things. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hasProgram } from '../support/programs.ts';

type Service = {
  image: string;
  environment?: Record<string, string>;
  networks?: Record<string, unknown>;
  secrets?: { source: string; target: string }[];
  ports?: unknown[];
  healthcheck?: { test?: string[]; disable?: boolean };
  deploy?: { resources?: { limits?: { memory?: string } }; update_config?: { failure_action?: string } };
  logging?: { options?: Record<string, string> };
};
type File = { services: Record<string, Service>; networks: Record<string, { driver_opts?: Record<string, string> }> };

const hasCompose = spawnSync('docker', ['compose', 'version'], { stdio: 'ignore' }).status === 0;
const required = {
  SHOP_IMAGES: 'evergreen',
  SHOP_VERSION: 'local',
  REDIS_VERSION: 'local',
  SHOP_URL: 'https://localhost',
  ALERT_EMAIL_FROM: 'none',
  HEARTBEAT_URL: 'none',
};

function render(args: string[], env: Record<string, string>): File {
  const { PATH = '', HOME = '' } = process.env;
  const text = execFileSync('docker', ['compose', ...args, 'config', '--format', 'json'], {
    encoding: 'utf8',
    env: { PATH, HOME, COMPOSE_DISABLE_ENV_FILE: '1', ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return JSON.parse(text);
}

describe.skipIf(!hasCompose)('the stack', () => {
  const compose = hasCompose ? render([], {}) : ({ services: {}, networks: {} } as File);
  const stack = hasCompose ? render(['-f', 'stack.yml'], required) : ({ services: {}, networks: {} } as File);
  const withGrafana = hasCompose
    ? render(['-f', 'stack.yml', '-f', 'ops/stack/grafana.yml'], required)
    : ({ services: {}, networks: {} } as File);
  const services = ['users', 'products', 'purchases'];
  const shared = [...services, 'nginx', 'redis-1', 'redis-2', 'redis-3', 'sentinel-1', 'sentinel-2', 'sentinel-3'];

  /** What ops/stack.sh gives to `docker stack deploy`, as that reads it. */
  function deployed(settings: Record<string, string>): string {
    const parts = ['common', 'deploy'].map((name) => `. "$here/stack/${name}.sh";`).join(' ');
    const code = `here=${resolve('ops')}; scratch=$(mktemp -d); ${parts} rendered_stack >"$scratch/wanted.yml"; docker stack config -c "$scratch/wanted.yml"; rm -r "$scratch"`;
    const { PATH = '', HOME = '' } = process.env;
    return execFileSync('sh', ['-euc', code], { encoding: 'utf8', env: { PATH, HOME, ...required, ...settings } });
  }

  test('is rendered into a file that docker stack deploy takes, with the same meaning', () => {
    const text = deployed({});
    expect(text).toContain('REDIS_PASSWORD=$(cat /run/secrets/REDIS_PASSWORD_EXPORTER)');
    expect(text).toContain("'{{.Service.Name}}.{{.Task.Slot}}'");
    expect(text).toContain('encrypted: "true"');
  });

  test('has no trace of encryption where NETWORK_ENCRYPTION is false: Docker encrypts a network with the option, whatever its value', () => {
    expect(deployed({ NETWORK_ENCRYPTION: 'false' })).not.toContain('encrypted');
  });

  test.each(Object.keys(required))('cannot be rendered without %s', (name) => {
    const { [name as keyof typeof required]: _left, ...rest } = required;
    expect(() => render(['-f', 'stack.yml'], rest)).toThrow();
  });

  test('runs every part that Compose runs', () => {
    for (const name of [
      ...shared,
      'backup',
      'prometheus',
      'alertmanager',
      'redis-exporter',
      'nginx-exporter',
      'status',
    ])
      expect(Object.keys(stack.services)).toContain(name);
  });

  test.each(shared)('gives %s the settings that Compose gives it', (name) => {
    const names = (file: File) => Object.keys(file.services[name]?.environment ?? {}).sort();
    // What differs, and why: a swarm names each replica, and has one Nginx on each machine.
    const only = ['REPLICA', 'PUBLIC_HTTPS_PORT', 'PUBLIC_HOST', 'CERT_NAMES', 'WORKERS', 'TLS_DIR'];
    const common = (list: string[]) => list.filter((each) => !only.includes(each));
    expect(common(names(stack))).toEqual(common(names(compose)));
  });

  test.each([...services, 'redis-1', 'sentinel-1'])('gives %s the same memory', (name) => {
    const memory = (file: File) => file.services[name]?.deploy?.resources?.limits?.memory;
    expect(memory(stack)).toBe(memory(compose));
  });

  test('restarts no Sentinel for more memory of Redis', () => {
    const settings = { REDIS_MAXMEMORY: '1gb', REDIS_MEMORY_LIMIT: '2560M' };
    const enlarged = render(['-f', 'stack.yml'], { ...required, ...settings });
    expect(enlarged.services['redis-1']).not.toEqual(stack.services['redis-1']);
    expect(enlarged.services['sentinel-1']).toEqual(stack.services['sentinel-1']);
    expect(render([], settings).services['sentinel-1']).toEqual(compose.services['sentinel-1']);
  });

  const watchers = ['prometheus', 'alertmanager', 'redis-exporter', 'nginx-exporter', 'node-exporter', 'status'];
  test.each([...watchers, 'grafana'])('checks the health of %s, as Compose does', (name) => {
    for (const [way, file] of Object.entries({ compose, stack: withGrafana }))
      expect({ way, test: file.services[name]?.healthcheck?.test?.[0] }).toEqual({
        way,
        test: expect.stringMatching(/^CMD/),
      });
  });

  test('publishes no port of monitoring, of Grafana neither, and wants the password of Prometheus and Alertmanager', () => {
    for (const name of [...watchers, 'grafana'])
      expect([name, withGrafana.services[name]?.ports]).toEqual([name, undefined]);
    for (const name of ['prometheus', 'alertmanager'])
      expect(stack.services[name]?.environment).toHaveProperty('MONITORING_PASSWORD_BCRYPT_FILE');
  });

  test('takes back an update of any part that does not become healthy', () => {
    for (const [name, { deploy }] of Object.entries(withGrafana.services))
      expect(`${name}: ${deploy?.update_config?.failure_action}`).toBe(`${name}: rollback`);
  });

  test('keeps its networks as they are when Grafana is added', () => {
    expect(withGrafana.networks).toEqual(stack.networks);
  });

  test('encrypts every network between machines', () => {
    for (const [name, { driver_opts }] of Object.entries(stack.networks))
      if (name !== 'default') expect(`${name} ${driver_opts?.encrypted}`).toBe(`${name} true`);
  });

  test('bounds the log of every container and never waits for it', () => {
    for (const [name, { logging }] of Object.entries(stack.services))
      expect({ name, ...logging?.options }).toMatchObject({ name, mode: 'non-blocking', 'max-file': '5' });
  });
});

describe.skipIf(!hasProgram('shellcheck'))('shell scripts', () => {
  const folders = ['ops', 'ops/stack', 'ops/local', 'redis', 'nginx', 'nginx/keepalived', 'monitoring'];
  const scripts = folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((file) => file.endsWith('.sh'))
      .map((file) => join(folder, file)),
  );

  test.each(scripts)('%s passes shellcheck', (script) => {
    execFileSync('shellcheck', ['--severity=warning', script]);
  });
});
