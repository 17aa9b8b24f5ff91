/** Monitoring in Compose: it comes up with the shop, nothing but this machine reaches it, and one can do without it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';

type Port = { host_ip?: string; published: string };
type Service = {
  image: string;
  ports?: Port[];
  restart?: string;
  cap_drop?: string[];
  environment?: Record<string, string>;
  volumes?: { type: string; source: string; read_only?: boolean }[];
};

const watchers = [
  'prometheus',
  'alertmanager',
  'redis-exporter',
  'nginx-exporter',
  'status',
  'node-exporter',
  'mailpit',
  'grafana',
];
const loggers = ['loki', 'alloy'];
const hasCompose = spawnSync('docker', ['compose', 'version'], { stdio: 'ignore' }).status === 0;

function services(...options: string[]): Record<string, Service> {
  const { PATH, HOME } = process.env;
  const text = execFileSync('docker', ['compose', ...options, 'config', '--format', 'json'], {
    encoding: 'utf8',
    // Without the settings of a shop that runs on this machine.
    env: { PATH, HOME, COMPOSE_DISABLE_ENV_FILE: '1' },
  });
  return JSON.parse(text).services;
}

describe.skipIf(!hasCompose)('Compose', () => {
  const all = hasCompose ? services('--profile', 'logs') : {};
  const own = [...watchers, ...loggers];

  test('runs all that watches the shop, each version named, and logs where they are asked for', () => {
    expect(Object.keys(all)).toEqual(expect.arrayContaining(own));
    for (const name of own) expect(all[name]?.image).toMatch(/:[\w.-]+$/);
    const usual = Object.keys(services());
    expect(usual).toEqual(expect.arrayContaining(watchers));
    expect(usual.filter((name) => loggers.includes(name))).toEqual([]);
  });

  test('opens no port of it to others than this machine', () => {
    for (const name of own) {
      for (const { host_ip } of all[name]?.ports ?? []) expect(`${name} ${host_ip}`).toBe(`${name} 127.0.0.1`);
    }
  });

  test('starts each again, takes its powers away, and mounts no more of the machine than the log files', () => {
    for (const name of own) expect(all[name]).toMatchObject({ restart: 'unless-stopped', cap_drop: ['ALL'] });
    const binds = own.flatMap((name) => all[name]?.volumes?.filter(({ type }) => type === 'bind') ?? []);
    expect(binds).toMatchObject([{ source: '/var/lib/docker/containers', read_only: true }]);
  });

  test('runs without it, too, and Nginx then sends its log nowhere', () => {
    const without = services('-f', 'docker-compose.yml', '-f', 'monitoring/without.yml', '--profile', 'logs');
    expect(Object.keys(without).filter((name) => own.includes(name))).toEqual([]);
    expect(Object.keys(all).filter((name) => !own.includes(name))).toEqual(Object.keys(without));
    expect(all.nginx?.environment).toHaveProperty('ACCESS_LOG_TO');
    for (const name of ['ACCESS_LOG_TO', 'STATUS_UPSTREAM'])
      expect(without.nginx?.environment).not.toHaveProperty(name);
  });
});
