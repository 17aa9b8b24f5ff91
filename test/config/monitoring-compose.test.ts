/** Monitoring in Compose: Docker takes the file on top of the shop's own, and nothing but this machine reaches it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, test } from 'vitest';

type Port = { host_ip?: string; published: string };
type Service = { image: string; ports?: Port[]; restart?: string; cap_drop?: string[] };

const watchers = [
  'prometheus',
  'alertmanager',
  'redis-exporter',
  'edge-exporter',
  'status',
  'node-exporter',
  'mailpit',
  'grafana',
];
const hasCompose = spawnSync('docker', ['compose', 'version'], { stdio: 'ignore' }).status === 0;

describe.skipIf(!hasCompose)('Compose', () => {
  let services: Record<string, Service>;

  beforeAll(() => {
    const files = ['-f', 'docker-compose.yml', '-f', 'monitoring/compose.yml'];
    services = JSON.parse(
      execFileSync('docker', ['compose', ...files, 'config', '--format', 'json'], { encoding: 'utf8' }),
    ).services;
  });

  test('runs all that watches the shop, each version named', () => {
    expect(Object.keys(services)).toEqual(expect.arrayContaining(watchers));
    for (const name of watchers) expect(services[name]?.image).toMatch(/:[\w.-]+$/);
  });

  test('opens no port of it to others than this machine', () => {
    for (const name of watchers) {
      for (const { host_ip } of services[name]?.ports ?? []) expect(`${name} ${host_ip}`).toBe(`${name} 127.0.0.1`);
    }
  });

  test('starts each again and takes its powers away', () => {
    for (const name of watchers) expect(services[name]).toMatchObject({ restart: 'unless-stopped', cap_drop: ['ALL'] });
  });
});
