// The whole shop on one page: every process, its port, its command, its environment, and the order in which all of it stops.
// There is no order of starting: each process waits for what it needs, and logs what it waits for.
import { join } from 'node:path';
import { serviceNames, settingName } from '../../api/services.ts';
import { secretOwners } from '../credentials.ts';
import { backupProcesses } from './backups.ts';
import { cacheDirOf } from './cache-dirs.ts';
import { monitoringProcesses } from './monitoring.ts';
import type { Settings } from './settings.ts';
import { addressOf, localhost, masterName, nodeCommand, type Ports, type ProcessSpec, portsFrom } from './spec.ts';

const redisCount = 3;
const sentinelCount = 3;
const nginxCount = 2;

/** What the processes are made from: settings, ports, and the addresses of Redis and the Sentinels. */
type Place = { settings: Settings; ports: Ports; redisNodes: string[]; sentinels: string[] };

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

/** Every process of the shop, for these settings. Nothing is started, read or written here. */
export function topology(settings: Settings): ProcessSpec[] {
  const ports = portsFrom(settings.portBase);
  const place: Place = {
    settings,
    ports,
    redisNodes: upTo(redisCount).map((number) => addressOf(ports.redis(number))),
    sentinels: upTo(sentinelCount).map((number) => addressOf(ports.sentinel(number))),
  };
  const services = serviceNames.flatMap((service) => serviceProcesses(place, service));
  return [
    ...upTo(sentinelCount).map((number) => sentinelProcess(place, number)),
    ...upTo(redisCount).map((number) => redisProcess(place, number)),
    ...services,
    ...upTo(nginxCount).map((number) => nginxProcess(place, number, services)),
    ...backupProcesses(settings, place.sentinels),
    ...(settings.monitoring ? monitoringProcesses(settings, ports) : []),
  ];
}

/** The secrets of an owner, under the names by which it reads them. @param owner see {@link secretOwners} */
function secretsOf(owner: string, { secrets, adminEmail }: Settings): Record<string, string> {
  const values: Record<string, string> = { ...secrets, ADMIN_EMAIL: adminEmail };
  return Object.fromEntries(
    Object.entries(secretOwners[owner] ?? {}).map(([name, from]) => [name, values[from] ?? '']),
  );
}

/** What Redis nodes and Sentinels have in common: both start with redis/entry.sh. */
function redisEnv({ settings, ports, redisNodes, sentinels }: Place, name: string, port: number) {
  return {
    NODE_HOST: localhost,
    PORT: String(port),
    DATA_DIR: join(settings.dir, name),
    PEERS: redisNodes.join(' '),
    SENTINELS: sentinels.join(' '),
    INITIAL_MASTER: addressOf(ports.redis(1)),
    MASTER_NAME: masterName,
  };
}

function redisProcess(place: Place, number: number): ProcessSpec {
  const { settings, ports } = place;
  const name = `redis-${number}`;
  const port = ports.redis(number);
  return {
    name,
    kind: 'redis',
    port,
    command: ['sh', join(settings.projectDir, 'redis', 'entry.sh'), 'redis'],
    env: {
      ...redisEnv(place, name, port),
      REDIS_MAXMEMORY: settings.redisMaxMemory,
      REDIS_APPENDFSYNC: settings.redisAppendFsync,
      ...secretsOf('redis', settings),
    },
    health: { ask: 'redis', port, path: '' },
    stopSignal: 'SIGTERM',
    stopMs: 10_000, // longer than shutdown-timeout in redis.conf, and room for a last write to disk
    deathSignal: 'KILL',
    stopOrder: 4, // the master last: see changes.ts
  };
}

function sentinelProcess(place: Place, number: number): ProcessSpec {
  const name = `sentinel-${number}`;
  const port = place.ports.sentinel(number);
  return {
    name,
    kind: 'sentinel',
    port,
    command: ['sh', join(place.settings.projectDir, 'redis', 'entry.sh'), 'sentinel'],
    env: {
      ...redisEnv(place, name, port),
      ...secretsOf('sentinel', place.settings),
    },
    health: { ask: 'sentinel', port, path: '' },
    stopSignal: 'SIGTERM',
    stopMs: 3000,
    deathSignal: 'KILL',
    stopOrder: 3, // before Redis: otherwise the Sentinels start a failover while the nodes stop
  };
}

function serviceProcesses({ settings, ports, redisNodes, sentinels }: Place, service: string): ProcessSpec[] {
  const env = {
    NODE_ENV: 'production',
    HOST: localhost,
    REDIS_SENTINELS: sentinels.join(','),
    REDIS_NODES: redisNodes.join(','),
    REDIS_MASTER_NAME: masterName,
    INTERNAL_URL: `http://${addressOf(ports.internal)}`,
    SHOP_VERSION: settings.version,
    SHOP_CURRENCY: settings.currency,
    RATE_LIMITS: settings.rateLimits,
    LOG_LEVEL: settings.logLevel,
    ...settings.limits,
    ...secretsOf(service, settings),
  };
  return upTo(settings.replicas[service] ?? 0).map((number): ProcessSpec => {
    const name = `${service}-${number}`;
    const port = ports.service(service, number);
    return {
      name,
      kind: service,
      port,
      command: [...nodeCommand, join('api', 'main.ts'), service],
      env: { ...env, PORT: String(port), REPLICA: name },
      health: { ask: 'http', port, path: '/readyz' },
      stopSignal: 'SIGTERM',
      stopMs: 12_000, // a little more than the 10 s in which a service drains
      deathSignal: 'KILL',
      stopOrder: 2,
    };
  });
}

function nginxProcess({ settings, ports }: Place, number: number, services: readonly ProcessSpec[]): ProcessSpec {
  const name = `nginx-${number}`;
  const replicasOf = (service: string) => services.filter(({ kind }) => kind === service);
  const watched = {
    ACCESS_LOG_TO: addressOf(ports.nginxExporter),
    STATUS_UPSTREAM: addressOf(ports.status),
  };
  return {
    name,
    kind: 'nginx',
    port: settings.httpPort, // both listen on it, and the kernel spreads connections over them
    command: ['sh', join(settings.projectDir, 'nginx', 'entry.sh')],
    env: {
      DATA_DIR: join(settings.dir, name),
      CACHE_DIR: cacheDirOf(join(settings.dir, name)),
      TLS_DIR: join(settings.dir, 'tls'),
      HTTP_PORT: String(settings.httpPort),
      HTTP_ADDRESS: settings.httpAddress,
      HTTPS_PORT: String(settings.httpsPort),
      INTERNAL_LISTEN: addressOf(ports.internal),
      WATCH_LISTEN: addressOf(ports.watch(number)),
      FORCE_HTTPS: String(settings.forceHttps),
      ...(settings.shopUrl === undefined ? {} : { SHOP_URL: settings.shopUrl }),
      ...settings.proxies,
      ...(settings.corsOrigins === undefined ? {} : { CORS_ORIGINS: settings.corsOrigins }),
      WORKERS: '1', // for each of the two
      ...(settings.monitoring ? watched : {}),
      SERVICES: serviceNames.join(' '),
      ...Object.fromEntries(
        serviceNames.map((service) => [
          `UPSTREAM_${settingName(service)}`,
          replicasOf(service)
            .map(({ port }) => addressOf(port))
            .join(' '),
        ]),
      ),
    },
    health: { ask: 'http', port: ports.watch(number), path: '/' },
    stopSignal: 'SIGQUIT', // finishes the requests in progress
    stopMs: 12_000,
    deathSignal: 'TERM', // its workers get no signal from the kernel, only from their master
    stopOrder: 1,
  };
}
