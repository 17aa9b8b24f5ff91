// The processes of monitoring, and the lists of their targets. The shop works without any of them.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serviceNames } from '../../api/services.ts';
import { bcryptOf } from '../credentials.ts';
import { backupDir } from './backups.ts';
import type { Settings } from './settings.ts';
import { addressOf, nodeCommand, type Ports, type ProcessSpec } from './spec.ts';

/** The folder of alert mails, where there is no mail server. */
export function mailDir(dir: string): string {
  return join(dir, 'mail');
}

function monitoringProcess(
  name: string,
  port: number,
  command: string[],
  env: Record<string, string>,
  health: Partial<ProcessSpec['health']> = {},
): ProcessSpec {
  return {
    name,
    kind: name,
    port,
    command,
    env,
    health: { ask: 'http', port, path: '/metrics', ...health },
    isOptional: true,
    stopSignal: 'SIGTERM',
    stopMs: 5000,
    deathSignal: 'TERM',
    stopOrder: 1, // before the shop: otherwise they send alerts about its end
  };
}

/** The command of a program of our own below `monitoring/`. */
const ownCommand = (name: string) => [...nodeCommand, join('monitoring', name, 'main.ts')];

/** Every process of monitoring, for these settings. */
export function monitoringProcesses(settings: Settings, ports: Ports): ProcessSpec[] {
  const shopUrl = settings.shopUrl ?? `http://localhost:${settings.httpPort}`;
  const links = {
    PROMETHEUS: addressOf(ports.prometheus),
    ALERTMANAGER: addressOf(ports.alertmanager),
    RUNBOOKS: `${shopUrl}/status/runbooks`,
    DASHBOARD: `${shopUrl}/status`,
    ...settings.alerting,
  };
  const { MONITORING_PASSWORD = '', STATUS_TOKEN = '' } = settings.secrets;
  const hasMailServer = settings.alerting.SMTP_URL !== undefined;
  return [
    renderedProcess('prometheus', ports.prometheus, settings, { ...links, ...prometheusEnv(settings, ports) }),
    renderedProcess('alertmanager', ports.alertmanager, settings, {
      ...links,
      ALERT_EMAIL_TO: settings.alertEmailTo,
      SMTP_URL: settings.alerting.SMTP_URL ?? `smtp://${addressOf(ports.mailbox)}`,
    }),
    ...exporterProcesses(settings, ports),
    monitoringProcess(
      'status',
      ports.status,
      ownCommand('status'),
      {
        ...links,
        PORT: String(ports.status),
        INTERNAL_URL: `http://${addressOf(ports.internal)}`,
        MONITORING_PASSWORD,
        STATUS_TOKEN,
      },
      { path: '/status' },
    ),
    ...(hasMailServer ? [] : [mailboxProcess(settings, ports)]),
  ];
}

/** Prometheus or Alertmanager: both are rendered and started by monitoring/entry.sh. */
function renderedProcess(
  name: 'prometheus' | 'alertmanager',
  port: number,
  settings: Settings,
  env: Record<string, string>,
): ProcessSpec {
  return monitoringProcess(
    name,
    port,
    ['sh', join(settings.projectDir, 'monitoring', 'entry.sh'), name],
    {
      ...env,
      DATA_DIR: join(settings.dir, name),
      LISTEN: addressOf(port),
      EXTERNAL_URL: `http://${addressOf(port)}`,
      MONITORING_PASSWORD_BCRYPT: bcryptOf(settings.secrets.MONITORING_PASSWORD ?? ''),
    },
    { ask: 'monitoring', path: '/-/ready' },
  );
}

/** What Prometheus looks at, and what must be there. */
function prometheusEnv(settings: Settings, ports: Ports): Record<string, string> {
  return {
    TARGETS_DIR: targetsDir(settings.dir),
    BACKUPS: String(settings.backups !== undefined),
    SERVICES: serviceNames.join(' '),
    REDIS_NODES: threeOf('redis'),
    SENTINELS: threeOf('sentinel'),
    REDIS_EXPORTER: addressOf(ports.redisExporter),
    NGINX_EXPORTER: addressOf(ports.nginxExporter),
    NODE_EXPORTER: addressOf(ports.nodeExporter),
    MONITORING_PASSWORD: settings.secrets.MONITORING_PASSWORD ?? '',
  };
}

function exporterProcesses(settings: Settings, ports: Ports): ProcessSpec[] {
  return [
    monitoringProcess(
      'redis-exporter',
      ports.redisExporter,
      // No default target, and no CONFIG GET, whose answer holds the replication password.
      [
        'prometheus-redis-exporter',
        `-web.listen-address=${addressOf(ports.redisExporter)}`,
        '-redis.addr=',
        '-config-command=-',
        '-connection-timeout=1s',
        // By target and not for all: every local program, and every page in a local browser, can name a target of its own.
        `-redis.password-file=${exporterPasswordFile(settings.dir)}`,
      ],
      { REDIS_USER: 'exporter' },
    ),
    monitoringProcess('nginx-exporter', ports.nginxExporter, ownCommand('nginx-exporter'), {
      PORT: String(ports.nginxExporter),
      TLS_TARGET: addressOf(settings.httpsPort),
      TLS_PROXY_PROTOCOL: settings.proxies.PROXY_PROTOCOL ?? 'off',
    }),
    monitoringProcess(
      'node-exporter',
      ports.nodeExporter,
      [
        'prometheus-node-exporter',
        `--web.listen-address=${addressOf(ports.nodeExporter)}`,
        // Only what the dashboards and alerts query, and the metrics of backups (textfile).
        '--collector.disable-defaults',
        ...['cpu', 'meminfo', 'filesystem', 'diskstats', 'loadavg', 'netdev', 'textfile', 'time'].map(
          (name) => `--collector.${name}`,
        ),
        `--collector.textfile.directory=${join(backupDir(settings.dir), 'metrics')}`,
      ],
      {},
    ),
  ];
}

function mailboxProcess(settings: Settings, ports: Ports): ProcessSpec {
  const env = { PORT: String(ports.mailbox), MAIL_DIR: mailDir(settings.dir) };
  return monitoringProcess('mailbox', ports.mailbox, ownCommand('mailbox'), env, { ask: 'tcp' });
}

const threeOf = (kind: string) => [1, 2, 3].map((n) => `${kind}-${n}`).join(' ');

function targetsDir(dir: string): string {
  return join(dir, 'targets');
}

function exporterPasswordFile(dir: string): string {
  return join(targetsDir(dir), 'redis-exporter.json');
}

/**
 * Writes the addresses of all processes for Prometheus, which reads the files again when they change, and for the Redis exporter the password of
 * each of its targets.
 * @param specs every process of the shop
 */
export function writeTargets({ dir, secrets }: Pick<Settings, 'dir' | 'secrets'>, specs: readonly ProcessSpec[]): void {
  if (!specs.some(({ kind }) => kind === 'prometheus')) return;
  mkdirSync(targetsDir(dir), { recursive: true });
  mkdirSync(join(backupDir(dir), 'metrics'), { recursive: true });
  const write = (job: string, kinds: readonly string[], portOf: (spec: ProcessSpec) => number) => {
    const targets = specs
      .filter(({ kind }) => kinds.includes(kind))
      .map((spec) => ({
        targets: [addressOf(portOf(spec))],
        labels: { instance: spec.name, ...(job === 'api' ? { service: spec.kind } : {}) },
      }));
    const path = join(targetsDir(dir), `${job}.json`);
    writeFileSync(`${path}.new`, JSON.stringify(targets, null, 2));
    renameSync(`${path}.new`, path);
  };
  write('api', serviceNames, ({ port }) => port);
  write('redis', ['redis'], ({ port }) => port);
  write('sentinel', ['sentinel'], ({ port }) => port);
  write('nginx', ['nginx'], ({ health }) => health.port);
  const scraped = specs
    .filter(({ kind }) => kind === 'redis' || kind === 'sentinel')
    .map(({ port }) => addressOf(port));
  // Debian's exporter (1.45) looks a target up without the user, newer ones with it.
  const passwords = scraped.flatMap((address) => {
    return ['', 'exporter@'].map((user) => [`redis://${user}${address}`, secrets.REDIS_PASSWORD_EXPORTER]);
  });
  writeFileSync(exporterPasswordFile(dir), JSON.stringify(Object.fromEntries(passwords)), { mode: 0o600 });
}
