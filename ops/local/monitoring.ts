// The processes that watch the shop, and the lists of what they watch. The shop works without any of them.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashSync } from 'bcryptjs';
import { serviceNames } from '../../api/services.ts';
import { backupDir } from './backups.ts';
import type { Settings } from './settings.ts';
import type { ProcessSpec, portsFrom } from './topology.ts';

const localhost = '127.0.0.1';
const at = (port: number) => `${localhost}:${port}`;

const hashes = new Map<string, string>();
/** The bcrypt of a password, made once: it takes some 50 ms. Prometheus and Alertmanager know passwords in no other form. */
function bcryptOf(password: string): string {
  const hash = hashes.get(password) ?? hashSync(password, 10);
  hashes.set(password, hash);
  return hash;
}

/** Where the mails are, for who has no mail server. */
export function mailDir(dir: string): string {
  return join(dir, 'mail');
}

/** @param node the command that runs a TypeScript file */
export function monitoringProcesses(
  settings: Settings,
  ports: ReturnType<typeof portsFrom>,
  node: readonly string[],
): ProcessSpec[] {
  const shopUrl = settings.shopUrl ?? `http://localhost:${settings.httpPort}`;
  const entry = ['sh', join(settings.projectDir, 'monitoring', 'entry.sh')];
  const folder = (name: string) => join(settings.dir, name);
  const own = (name: string) => [...node, join('monitoring', name, 'main.ts')];
  const watchers = {
    PROMETHEUS: at(ports.prometheus),
    ALERTMANAGER: at(ports.alertmanager),
    RUNBOOKS: `${shopUrl}/status/runbooks`,
    DASHBOARD: `${shopUrl}/status`,
    ...settings.alerting,
  };
  const { MONITORING_PASSWORD = '', STATUS_TOKEN = '' } = settings.secrets;
  const MONITORING_PASSWORD_BCRYPT = bcryptOf(MONITORING_PASSWORD);
  const process = (
    name: string,
    port: number,
    command: string[],
    env: Record<string, string>,
    health: Partial<ProcessSpec['health']> = {},
  ): ProcessSpec => ({
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
    stopOrder: 1, // before what they watch, or they would tell of its end
  });

  return [
    process(
      'prometheus',
      ports.prometheus,
      [...entry, 'prometheus'],
      {
        ...watchers,
        DATA_DIR: folder('prometheus'),
        LISTEN: at(ports.prometheus),
        EXTERNAL_URL: `http://${at(ports.prometheus)}`,
        TARGETS_DIR: targetsDir(settings.dir),
        BACKUPS: String(settings.backups !== undefined),
        SERVICES: serviceNames.join(' '),
        REDIS_NODES: threeOf('redis'),
        SENTINELS: threeOf('sentinel'),
        REDIS_EXPORTER: at(ports.redisExporter),
        EDGE_EXPORTER: at(ports.edgeExporter),
        NODE_EXPORTER: at(ports.nodeExporter),
        MONITORING_PASSWORD,
        MONITORING_PASSWORD_BCRYPT,
      },
      { ask: 'monitoring', path: '/-/ready' },
    ),
    process(
      'alertmanager',
      ports.alertmanager,
      [...entry, 'alertmanager'],
      {
        ...watchers,
        DATA_DIR: folder('alertmanager'),
        LISTEN: at(ports.alertmanager),
        EXTERNAL_URL: `http://${at(ports.alertmanager)}`,
        ALERT_EMAIL_TO: settings.alertEmailTo,
        SMTP_URL: settings.alerting.SMTP_URL ?? `smtp://${at(ports.mailbox)}`,
        MONITORING_PASSWORD_BCRYPT,
      },
      { ask: 'monitoring', path: '/-/ready' },
    ),
    process(
      'redis-exporter',
      ports.redisExporter,
      // No default target, and no CONFIG GET: it would tell the replication password.
      [
        'prometheus-redis-exporter',
        `-web.listen-address=${at(ports.redisExporter)}`,
        '-redis.addr=',
        '-config-command=-',
        '-connection-timeout=1s',
      ],
      { REDIS_USER: 'exporter', REDIS_PASSWORD: settings.secrets.REDIS_PASSWORD_EXPORTER ?? '' },
    ),
    process('edge-exporter', ports.edgeExporter, own('edge'), {
      PORT: String(ports.edgeExporter),
      TLS_TARGET: at(settings.httpsPort),
      TLS_PROXY_PROTOCOL: settings.proxies.PROXY_PROTOCOL ?? 'off',
    }),
    process(
      'node-exporter',
      ports.nodeExporter,
      [
        'prometheus-node-exporter',
        `--web.listen-address=${at(ports.nodeExporter)}`,
        // Only what the dashboards and alerts ask for, and what backups leave behind.
        '--collector.disable-defaults',
        ...['cpu', 'meminfo', 'filesystem', 'diskstats', 'loadavg', 'netdev', 'textfile', 'time'].map(
          (name) => `--collector.${name}`,
        ),
        `--collector.textfile.directory=${join(backupDir(settings.dir), 'metrics')}`,
      ],
      {},
    ),
    process(
      'status',
      ports.status,
      own('status'),
      {
        ...watchers,
        PORT: String(ports.status),
        INTERNAL_URL: `http://${at(ports.internal)}`,
        MONITORING_PASSWORD,
        STATUS_TOKEN,
      },
      { path: '/status' },
    ),
    ...(settings.alerting.SMTP_URL === undefined
      ? [
          process(
            'mailbox',
            ports.mailbox,
            own('mailbox'),
            { PORT: String(ports.mailbox), MAIL_DIR: mailDir(settings.dir) },
            { ask: 'tcp' },
          ),
        ]
      : []),
  ];
}

const threeOf = (kind: string) => [1, 2, 3].map((n) => `${kind}-${n}`).join(' ');

function targetsDir(dir: string): string {
  return join(dir, 'targets');
}

/**
 * Writes for Prometheus who runs where; it reads the files again by itself when they change.
 * @param specs every process of the shop
 */
export function writeTargets(dir: string, specs: readonly ProcessSpec[]): void {
  if (!specs.some(({ kind }) => kind === 'prometheus')) return;
  mkdirSync(targetsDir(dir), { recursive: true });
  mkdirSync(join(backupDir(dir), 'metrics'), { recursive: true });
  const write = (job: string, kinds: readonly string[], portOf: (spec: ProcessSpec) => number) => {
    const targets = specs
      .filter(({ kind }) => kinds.includes(kind))
      .map((spec) => ({
        targets: [at(portOf(spec))],
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
}
