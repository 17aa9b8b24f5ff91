/** The processes that watch a shop, and the lists of what they watch. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { writeTargets } from '../../../ops/local/monitoring.ts';
import { readSettings, type Settings } from '../../../ops/local/settings.ts';
import { topology } from '../../../ops/local/topology.ts';
import { makeSecrets } from '../../support/secrets.ts';

const dir = mkdtempSync(join(tmpdir(), 'shop-targets-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function settingsOf(given: Record<string, string> = {}): Settings {
  const read = readSettings({ SHOP_DIR: dir, PATH: '/usr/bin', ...makeSecrets(), ...given }, '/project');
  if (read.kind === 'faulty') throw new Error(read.faults.join('\n'));
  return read.settings;
}

const watchers = (settings: Settings) =>
  topology(settings).filter(({ isOptional, kind }) => isOptional && kind !== 'backup');
const names = (settings: Settings) => watchers(settings).map(({ name }) => name);
const targets = (job: string) =>
  JSON.parse(readFileSync(join(dir, 'targets', `${job}.json`), 'utf8')) as {
    targets: string[];
    labels: Record<string, string>;
  }[];

test('a shop is watched unless its settings turn that off', () => {
  expect(names(settingsOf())).toEqual(
    expect.arrayContaining([
      'prometheus',
      'alertmanager',
      'redis-exporter',
      'nginx-exporter',
      'node-exporter',
      'status',
      'mailbox',
    ]),
  );
  const without = settingsOf({ MONITORING: 'false' });
  expect(names(without)).toEqual([]);
  const nginx = topology(without).find(({ kind }) => kind === 'nginx');
  expect(nginx?.env.ACCESS_LOG_TO).toBeUndefined();
  expect(nginx?.env.STATUS_UPSTREAM).toBeUndefined();
});

test('with a mail server there is no mailbox, and mails go to the admin unless another address is set', () => {
  const settings = settingsOf({ SMTP_URL: 'smtps://me:secret@mail.example.com', ADMIN_EMAIL: 'admin@example.org' });
  expect(names(settings)).not.toContain('mailbox');
  const env = (given: Settings) => watchers(given).find(({ name }) => name === 'alertmanager')?.env;
  expect(env(settings)).toMatchObject({
    SMTP_URL: 'smtps://me:secret@mail.example.com',
    ALERT_EMAIL_TO: 'admin@example.org',
  });
  expect(env(settingsOf({ ALERT_EMAIL_TO: 'ops@example.org' }))).toMatchObject({ ALERT_EMAIL_TO: 'ops@example.org' });
});

test('no watcher listens on more than this machine, and none is given a secret but its own', () => {
  const secretsOf: Record<string, string[]> = {
    prometheus: ['MONITORING_PASSWORD', 'MONITORING_PASSWORD_BCRYPT'],
    alertmanager: ['MONITORING_PASSWORD_BCRYPT'],
    status: ['MONITORING_PASSWORD'],
  };
  for (const { name, command, env } of watchers(settingsOf())) {
    expect([...command, ...Object.values(env)].join(' ')).not.toContain('0.0.0.0');
    const secrets = Object.keys(env).filter((key) => /PASSWORD|SECRET|KEY/.test(key));
    expect([name, secrets]).toEqual([name, secretsOf[name] ?? []]);
  }
});

test('the targets of Prometheus name every replica, and are written again when there are more', () => {
  writeTargets(settingsOf(), topology(settingsOf()));
  expect(targets('api').map(({ labels }) => labels.instance)).toEqual([
    'users-1',
    'users-2',
    'products-1',
    'products-2',
    'purchases-1',
    'purchases-2',
  ]);
  expect(targets('api')[0]).toEqual({ targets: ['127.0.0.1:7101'], labels: { instance: 'users-1', service: 'users' } });
  expect(targets('redis')).toHaveLength(3);
  expect(targets('sentinel')).toHaveLength(3);
  // The listener for watchers, not the one for clients.
  expect(targets('nginx').flatMap(({ targets }) => targets)).toEqual(['127.0.0.1:7091', '127.0.0.1:7092']);
  writeTargets(settingsOf(), topology(settingsOf({ REPLICAS_USERS: '3' })));
  expect(targets('api')).toHaveLength(7);
});
