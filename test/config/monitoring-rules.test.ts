/** What Prometheus and Alertmanager are given: valid in both ways to run the shop, every alert complete, tested, and with a page. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { usedSeries } from '../../monitoring/prometheus/used-series.ts';
import { hasProgram } from '../support/programs.ts';

const folder = 'monitoring';
const scratch = mkdtempSync(join(tmpdir(), 'monitoring-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const common = {
  PATH: process.env.PATH ?? '',
  LISTEN: '127.0.0.1:9090',
  EXTERNAL_URL: 'http://127.0.0.1:9090',
  PROMETHEUS: '127.0.0.1:9090',
  ALERTMANAGER: '127.0.0.1:9093',
  RUNBOOKS: 'http://localhost/status/runbooks',
  DASHBOARD: 'http://localhost/status',
  REDIS_EXPORTER: '127.0.0.1:9121',
  NGINX_EXPORTER: '127.0.0.1:9145',
  NODE_EXPORTER: '127.0.0.1:9100',
};

function render(what: 'prometheus' | 'alertmanager', name: string, env: Record<string, string>): string {
  const dir = join(scratch, name);
  execFileSync('sh', [`${folder}/entry.sh`, what, 'render'], { env: { ...common, ...env, DATA_DIR: dir } });
  return join(dir, `${what}.yml`);
}

/** All alerts, each with its lines. */
const alerts = readdirSync(`${folder}/prometheus/rules`).flatMap((file) =>
  readFileSync(`${folder}/prometheus/rules/${file}`, 'utf8')
    .split(/^ {6}- alert: /m)
    .slice(1)
    .map((text) => ({ name: text.split('\n')[0] ?? '', text })),
);
const testTexts = readdirSync(`${folder}/prometheus/tests`).map((file) =>
  readFileSync(`${folder}/prometheus/tests/${file}`, 'utf8'),
);

describe.skipIf(!hasProgram('promtool'))('Prometheus', () => {
  test('takes its configuration for processes, which find each other by files', () => {
    execFileSync('promtool', ['check', 'config', render('prometheus', 'processes', { TARGETS_DIR: scratch })]);
  });

  test('gives every alert the URL of its runbook', () => {
    const rules = join(dirname(render('prometheus', 'runbooks', { TARGETS_DIR: scratch })), 'rules');
    const rendered = readdirSync(rules).map((file) => readFileSync(join(rules, file), 'utf8'));
    const links = rendered.flatMap((text) => [
      ...text.matchAll(/- alert: (\w+)\n(?:(?! {6}- ).*\n)*? {10}runbook_url: (.+)\n/g),
    ]);
    expect(links.map(([, name, url]) => [name, url]).sort()).toEqual(
      alerts.map(({ name }) => [name, `${common.RUNBOOKS}/${name}`]).sort(),
    );
  });

  test('takes its configuration for containers, which find each other by name', () => {
    const path = render('prometheus', 'containers', {
      SERVICES: 'users products purchases',
      REDIS_NODES: 'redis-1:6379 redis-2:6379',
      SENTINELS: 'sentinel-1:26379',
    });
    execFileSync('promtool', ['check', 'config', path]);
    expect(readFileSync(path, 'utf8')).toMatch(/^ {4}dns_sd_configs: .*users", "products", "purchases"/m);
  });

  // Some 25 s of computing in all: much longer on a busy machine.
  test.each(readdirSync(`${folder}/prometheus/tests`))(
    'passes the unit tests of the rules in %s',
    (file) => {
      execFileSync('promtool', ['test', 'rules', `${folder}/prometheus/tests/${file}`]);
    },
    180_000,
  );
});

test('Prometheus keeps just the series that alerts, dashboards and the status page use', () => {
  // Different: run `node --import tsx monitoring/prometheus/used-series.ts > monitoring/prometheus/used-series.txt`.
  expect(readFileSync(`${folder}/prometheus/used-series.txt`, 'utf8').trim().split('\n')).toEqual(usedSeries());
});

describe('the rules that name what must exist', () => {
  const expected = (env: Record<string, string>) => {
    const dir = dirname(render('prometheus', 'expected', env));
    return readFileSync(join(dir, 'rules', 'expected.yml'), 'utf8');
  };

  test('name each service, Redis node, Sentinel and machine', () => {
    const text = expected({
      SERVICES: 'tasks.users tasks.products',
      REDIS_NODES: 'redis-1:6379',
      SENTINELS: 'sentinel-1:26379',
      MACHINES: 'host-1 host-2',
    });
    for (const part of [
      'expected:service:info, labels: { service: users }',
      'expected:service:info, labels: { service: products }',
      'expected:node:info, labels: { job: redis, instance: "redis-1:6379" }',
      'expected:node:info, labels: { job: sentinel, instance: "sentinel-1:26379" }',
      'expected:machine:info, labels: { nodename: "host-2" }',
    ])
      expect(text).toContain(part);
    expect(text).not.toContain('backup');
  });

  test('give the memory limit of a Redis container in bytes, and whether backups must be made', () => {
    const text = expected({ REDIS_MEMORY_LIMIT: '1G', BACKUPS: 'true' });
    expect(text).toContain('expected:redis_memory_limit:bytes, labels: {  }, expr: vector(1073741824)');
    expect(text).toContain('expected:backup:info');
  });
});

describe.skipIf(!hasProgram('amtool'))('Alertmanager', () => {
  const check = (name: string, env: Record<string, string>) => {
    const path = render('alertmanager', name, { ALERT_EMAIL_TO: 'a@example.com', ...env });
    execFileSync('amtool', ['check-config', path]);
    return readFileSync(path, 'utf8');
  };

  test('takes its configuration for a mailbox next door, without password and without TLS', () => {
    const text = check('mailbox', { SMTP_URL: 'smtp://127.0.0.1:7026' });
    expect(text).toContain("smarthost: '127.0.0.1:7026'".replaceAll("'", '"'));
    expect(text).toMatch(/^ {2}smtp_require_tls: false$/m);
    expect(text).not.toMatch(/^ *smtp_auth/m);
  });

  test('never sends a password without TLS, and takes one with any character in it', () => {
    const text = check('server', { SMTP_URL: 'smtp://me%40example.com:p%26%2Fa%20%25%5Css@mail.example.com' });
    expect(text).toContain('mail.example.com:587');
    expect(text).toMatch(/^ {2}smtp_require_tls: true$/m);
    expect(text).toContain('me@example.com');
    expect(text).not.toContain('p&/a');
    expect(readFileSync(join(scratch, 'server', 'smtp-password'), 'utf8')).toBe('p&/a %\\ss');
  });

  test('calls the heartbeat address, if there is one', () => {
    const url = 'https://example.com/ping?a=1&b=2';
    expect(check('heartbeat', { SMTP_URL: 'smtp://127.0.0.1', HEARTBEAT_URL: url })).toMatch(
      /^ {4}webhook_configs.*a=1&b=2/m,
    );
  });
});

describe('every alert', () => {
  test.each(alerts)('$name has a severity, a class, a summary, a description and an action', ({ name, text }) => {
    for (const wanted of ['summary', 'description', 'action'])
      expect(text).toMatch(new RegExp(`^ {10}${wanted}: `, 'm'));
    expect(text).toMatch(/severity: (critical|warning|info|none)\b/);
    expect(text).toMatch(/class: (cause|symptom|own)\b/);
    // Only an alert that is certain at once, or whose expression looks back, needs no `for`.
    if (!['OversoldUnits', 'Watchdog', 'RecentCause', 'Starting'].includes(name))
      expect(text).toMatch(/^ {8}for: \d+[smh]$/m);
  });

  test.each(alerts)('$name has a test in which it fires', ({ name }) => {
    expect(testTexts.some((text) => new RegExp(`\\b${name}\\b`).test(text))).toBe(true);
  });

  test.each(alerts)(
    '$name has a runbook with its first action, meaning, diagnosis, mitigation, and when it is resolved',
    ({ name, text }) => {
      const page = readFileSync(`${folder}/runbooks/${name}.md`, 'utf8');
      const action = /^ {10}action: "(.*)"$/m.exec(text)?.[1];
      expect(page).toContain(`\n**First: ${action}**\n`);
      expect(readFileSync(`${folder}/runbooks/README.md`, 'utf8')).toContain(`| ${action} `);
      for (const part of ['## Meaning', '## Diagnosis', '## Mitigation', '## Resolved when'])
        expect(page).toContain(part);
    },
  );

  test('is on the list of pages, and no page is left without its alert', () => {
    const names = [...new Set(alerts.map(({ name }) => name))].sort();
    const pages = readdirSync(`${folder}/runbooks`).filter((file) => file !== 'README.md');
    expect(pages.sort()).toEqual(names.map((name) => `${name}.md`));
    const list = readFileSync(`${folder}/runbooks/README.md`, 'utf8');
    for (const name of names) expect(list).toContain(`(${name}.md)`);
  });
});
