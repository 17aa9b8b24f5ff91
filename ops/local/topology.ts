// The whole shop on one page: every process, its port, its command, what it is given, and in which order all of it stops.
// There is no order of starting: each process waits for what it needs, and says so in its log.
import { join } from 'node:path';
import { serviceNames } from '../../api/services.ts';
import { backupProcesses } from './backups.ts';
import { monitoringProcesses } from './monitoring.ts';
import { type Settings, sentinelUsers, settingName } from './settings.ts';

/** `redis`, `sentinel`, `nginx`, or the name of a service. */
export type Kind = string;

/** One process: how it is started, asked, and stopped. */
export type ProcessSpec = {
  /** Such as `users-2`: also its folder in `.shop/` and its log. */
  name: string;
  kind: Kind;
  /** 0: none. */
  port: number;
  command: string[];
  env: Record<string, string>;
  /** How to ask whether it works; see health.ts. */
  health: { ask: 'redis' | 'sentinel' | 'http' | 'monitoring' | 'tcp' | 'backup'; port: number; path: string };
  /** The shop works without it, so nobody waits for it at the start. */
  isOptional?: true;
  /** Asks it to finish what it has begun and go. */
  stopSignal: NodeJS.Signals;
  /** How long it may take before it is killed. */
  stopMs: number;
  /** What the kernel sends it when the supervisor itself is gone. */
  deathSignal: 'KILL' | 'TERM';
  /** Those with the lowest number stop first, together; the next when they are gone. */
  stopOrder: number;
};

export const masterName = 'shop';
const localhost = '127.0.0.1';
const redisCount = 3;
const sentinelCount = 3;
const nginxCount = 2;

/** All ports of the shop but the two for clients, counted from `portBase`; `number` counts from 1. */
export function portsFrom(portBase: number) {
  return {
    redis: (number: number) => portBase + number,
    sentinel: (number: number) => portBase + 10 + number,
    prometheus: portBase + 21,
    alertmanager: portBase + 22,
    redisExporter: portBase + 23,
    /** TCP to be scraped, UDP to be told of each request. */
    edgeExporter: portBase + 24,
    nodeExporter: portBase + 25,
    mailbox: portBase + 26,
    status: portBase + 27,
    /** Internal calls between services, shared by all Nginx. */
    internal: portBase + 81,
    /** One for each Nginx, for the watchdog and the counters. */
    watch: (number: number) => portBase + 90 + number,
    service: (service: string, number: number) =>
      portBase + 100 * ([...serviceNames].indexOf(service as never) + 1) + number,
  };
}

// Not in the types of Node 20, the oldest that the shop runs on.
const readsTypeScript = Boolean((process.features as { typescript?: unknown }).typescript);
/** Node from 22.18 on reads TypeScript itself; before, tsx teaches it. `__proto__` is no way into any object. */
const node = [process.execPath, ...(readsTypeScript ? [] : ['--import', 'tsx']), '--disable-proto=delete'];

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

/** Every process of the shop, for these settings. Nothing is started, read or written here. */
export function topology(settings: Settings): ProcessSpec[] {
  const ports = portsFrom(settings.portBase);
  const addresses = (list: number[]) => list.map((port) => `${localhost}:${port}`);
  const redisNodes = addresses(upTo(redisCount).map(ports.redis));
  const sentinels = addresses(upTo(sentinelCount).map(ports.sentinel));
  const secret = (name: string) => settings.secrets[name] ?? '';
  const secrets = (...names: string[]) => Object.fromEntries(names.map((name) => [name, secret(name)]));
  const redisUsers = [...serviceNames, 'replication', 'sentinel', 'backup', 'exporter', 'operator'];

  const redisNode = (name: string, port: number) => ({
    NODE_HOST: localhost,
    PORT: String(port),
    DATA_DIR: join(settings.dir, name),
    PEERS: redisNodes.join(' '),
    SENTINELS: sentinels.join(' '),
    INITIAL_MASTER: `${localhost}:${ports.redis(1)}`,
    MASTER_NAME: masterName,
  });
  const entry = join(settings.projectDir, 'redis', 'entry.sh');

  const redis = upTo(redisCount).map((number): ProcessSpec => {
    const name = `redis-${number}`;
    const port = ports.redis(number);
    return {
      name,
      kind: 'redis',
      port,
      command: ['sh', entry, 'redis'],
      env: {
        ...redisNode(name, port),
        REDIS_MAXMEMORY: settings.redisMaxMemory,
        REDIS_APPENDFSYNC: settings.redisAppendFsync,
        ...secrets('SENTINEL_PASSWORD_REDIS', ...redisUsers.map((user) => `REDIS_PASSWORD_${settingName(user)}`)),
      },
      health: { ask: 'redis', port, path: '' },
      stopSignal: 'SIGTERM',
      stopMs: 10_000, // longer than shutdown-timeout in redis.conf, and room for a last write to disk
      deathSignal: 'KILL',
      stopOrder: 4, // the master one later: see shop.ts
    };
  });

  const sentinel = upTo(sentinelCount).map((number): ProcessSpec => {
    const name = `sentinel-${number}`;
    const port = ports.sentinel(number);
    return {
      name,
      kind: 'sentinel',
      port,
      command: ['sh', entry, 'sentinel'],
      env: {
        ...redisNode(name, port),
        ...secrets(
          'SENTINEL_PASSWORD',
          ...sentinelUsers.map((user) => `SENTINEL_PASSWORD_${settingName(user)}`),
          'REDIS_PASSWORD_SENTINEL',
          'REDIS_PASSWORD_EXPORTER',
        ),
      },
      health: { ask: 'sentinel', port, path: '' },
      stopSignal: 'SIGTERM',
      stopMs: 3000,
      deathSignal: 'KILL',
      stopOrder: 3, // before Redis, or they would elect somebody while all are stopping
    };
  });

  const services = serviceNames.flatMap((service) =>
    upTo(settings.replicas[service] ?? 0).map((number): ProcessSpec => {
      const name = `${service}-${number}`;
      const port = ports.service(service, number);
      return {
        name,
        kind: service,
        port,
        command: [...node, join('api', 'main.ts'), service],
        env: {
          NODE_ENV: 'production',
          HOST: localhost,
          PORT: String(port),
          REPLICA: name,
          REDIS_SENTINELS: sentinels.join(','),
          REDIS_NODES: redisNodes.join(','),
          REDIS_MASTER_NAME: masterName,
          REDIS_PASSWORD: secret(`REDIS_PASSWORD_${settingName(service)}`),
          SENTINEL_PASSWORD: secret(`SENTINEL_PASSWORD_${settingName(service)}`),
          INTERNAL_URL: `http://${localhost}:${ports.internal}`,
          SHOP_VERSION: settings.version,
          SHOP_CURRENCY: settings.currency,
          RATE_LIMITS: settings.rateLimits,
          LOG_LEVEL: settings.logLevel,
          ...settings.limits,
          ...secrets('INTERNAL_SECRET', 'IDEMPOTENCY_SECRET'),
          // Only `users` signs tokens, knows the first admin, and can make its own keyed hashes.
          ...(service === 'users'
            ? {
                ...secrets('REFRESH_SECRET', 'ADMIN_PASSWORD'),
                IDEMPOTENCY_SECRET: secret('IDEMPOTENCY_SECRET_USERS'),
                ADMIN_EMAIL: settings.adminEmail,
                JWT_PRIVATE_KEY: Buffer.from(secret('JWT_PRIVATE_KEY'), 'base64').toString(),
              }
            : {}),
        },
        health: { ask: 'http', port, path: '/readyz' },
        stopSignal: 'SIGTERM',
        stopMs: 12_000, // a little more than the 10 s in which a service drains
        deathSignal: 'KILL',
        stopOrder: 2,
      };
    }),
  );

  const nginx = upTo(nginxCount).map((number): ProcessSpec => {
    const name = `nginx-${number}`;
    return {
      name,
      kind: 'nginx',
      port: settings.httpPort, // both listen on it, and the kernel spreads connections over them
      command: ['sh', join(settings.projectDir, 'nginx', 'entry.sh')],
      env: {
        DATA_DIR: join(settings.dir, name),
        TLS_DIR: join(settings.dir, 'tls'),
        HTTP_PORT: String(settings.httpPort),
        HTTP_ADDRESS: settings.httpAddress,
        HTTPS_PORT: String(settings.httpsPort),
        INTERNAL_LISTEN: `${localhost}:${ports.internal}`,
        WATCH_LISTEN: `${localhost}:${ports.watch(number)}`,
        FORCE_HTTPS: String(settings.forceHttps),
        ...(settings.shopUrl === undefined ? {} : { SHOP_URL: settings.shopUrl }),
        ...settings.proxies,
        WORKERS: '1', // for each of the two
        ...(settings.monitoring
          ? { ACCESS_LOG_TO: `${localhost}:${ports.edgeExporter}`, STATUS_UPSTREAM: `${localhost}:${ports.status}` }
          : {}),
        SERVICES: serviceNames.join(' '),
        ...Object.fromEntries(
          serviceNames.map((service) => [
            `UPSTREAM_${settingName(service)}`,
            addresses(services.filter(({ kind }) => kind === service).map(({ port }) => port)).join(' '),
          ]),
        ),
      },
      health: { ask: 'http', port: ports.watch(number), path: '/' },
      stopSignal: 'SIGQUIT', // answers what it has begun
      stopMs: 12_000,
      deathSignal: 'TERM', // its workers get no signal from the kernel, only from their master
      stopOrder: 1,
    };
  });

  return [
    ...sentinel,
    ...redis,
    ...services,
    ...nginx,
    ...backupProcesses(settings, sentinels),
    ...(settings.monitoring ? monitoringProcesses(settings, ports, node) : []),
  ];
}
