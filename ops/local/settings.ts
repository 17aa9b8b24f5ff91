// The settings: checked once, every fault listed. Nothing else in this folder reads the environment.
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { serviceNames, settingName } from '../../api/services.ts';
import { secretNames } from '../credentials.ts';

const { version } = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')));

const matching = (pattern: RegExp, message: string) => z.string().regex(pattern, message);
const trueOrFalse = z.enum(['true', 'false'], 'must be true or false');
const onOrOff = z.enum(['on', 'off'], 'must be on or off');
const email = z.email('must be an e-mail address');
const port = (fallback: number) =>
  matching(/^\d{1,5}$/, 'must be a port number')
    .default(String(fallback))
    .transform(Number)
    .refine((value) => value >= 1 && value <= 65535, 'must be between 1 and 65535');

// What redis/entry.sh can put into a configuration file without quoting.
const secret = z
  .string({ error: 'is missing' })
  .regex(/^[A-Za-z0-9._~+/=@:-]{16,}$/, 'must be at least 16 of: letters, digits, . _ ~ + / = @ : -');

const privateKey = z.string({ error: 'is missing' }).refine((value) => {
  try {
    const key = createPrivateKey(Buffer.from(value, 'base64').toString());
    return key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
  } catch {
    return false;
  }
}, 'must be the base64 of a PEM with an EC private key on P-256');

const serviceSettings = ['MAX_IN_FLIGHT', 'SESSION_MAX_DAYS', 'ADMIN_SESSION_MAX_HOURS'];
const backupSettings = ['BACKUP_INTERVAL_S', 'BACKUP_KEEP', 'BACKUP_KEEP_DAYS'];
const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;

const addresses = /^[\d.:a-fA-F]+(\/\d+)?([, ]+[\d.:a-fA-F]+(\/\d+)?)*$/;
const origins = /^https?:\/\/[\w.:-]+([, ]+https?:\/\/[\w.:-]+)*$/;
const smtpUrl = /^smtps?:\/\/([^\s@/]+@)?[^\s@/]+$/;

/** The same schema for several settings. */
const each = <T extends z.ZodType>(names: readonly string[], schema: T) =>
  Object.fromEntries(names.map((name) => [name, schema]));

const schema = z.object({
  HTTP_PORT: port(8080),
  HTTPS_PORT: port(8443),
  HTTP_ADDRESS: z.union([z.ipv4(), z.ipv6()], 'must be an IP address').default('127.0.0.1'),
  FORCE_HTTPS: trueOrFalse.default('false'),
  SHOP_URL: z.url({ protocol: /^https$/, error: 'must be a URL that begins with https://' }).optional(),
  TRUSTED_PROXIES: matching(addresses, 'must be IP addresses or networks, separated by commas').optional(),
  CORS_ORIGINS: matching(origins, 'must be origins such as https://shop.example, separated by commas').optional(),
  PROXY_PROTOCOL: onOrOff.default('off'),
  // The ports reach 1000 above it.
  PORT_BASE: port(7000).refine((value) => value <= 64000, 'must be at most 64000'),
  SHOP_DIR: z.string().min(1).default('.shop'),
  SHOP_CURRENCY: matching(/^[A-Z]{3}$/, 'must be three capital letters, such as USD').default('USD'),
  RATE_LIMITS: onOrOff.default('on'),
  LOG_LEVEL: z.enum(logLevels, 'must be trace, debug, info, warn, error or fatal').default('info'),
  REDIS_MAXMEMORY: matching(/^\d+(kb|mb|gb)$/, 'must be a size such as 512mb').default('512mb'),
  REDIS_APPENDFSYNC: z.enum(['everysec', 'always'], 'must be everysec or always').default('always'),
  ADMIN_EMAIL: email.default('admin@example.com'),
  BACKUPS: trueOrFalse.default('true'),
  ...each(backupSettings, matching(/^[1-9]\d*$/, 'must be a number').optional()),
  MONITORING: trueOrFalse.default('true'),
  ALERT_EMAIL_TO: email.optional(),
  ALERT_EMAIL_FROM: email.optional(),
  SMTP_URL: matching(smtpUrl, 'must be such as smtp://user:password@host:port').optional(),
  HEARTBEAT_URL: z.url('must be a URL').optional(),
  ...each(secretNames(), secret),
  ADMIN_PASSWORD: z.string({ error: 'is missing' }).min(12, 'must have at least 12 characters').max(128),
  JWT_PRIVATE_KEY: privateKey,
  ...each(serviceNames.map(replicasSetting), matching(/^[1-9]\d?$/, 'must be a number from 1 to 99').default('2')),
});

function replicasSetting(service: string): string {
  return `REPLICAS_${settingName(service)}`;
}

/**
 * Reads settings from an environment. An empty value counts as none.
 * @returns the settings, or every fault as a sentence that names the setting
 */
export function readSettings(
  environment: Record<string, string | undefined>,
  projectDir: string,
): { kind: 'ok'; settings: Settings } | { kind: 'faulty'; faults: string[] } {
  const given = pick(environment, (_name, value) => value !== '');
  const parsed = schema.safeParse(given);
  if (parsed.success) return { kind: 'ok', settings: settingsOf(parsed.data, given, projectDir) };
  return { kind: 'faulty', faults: parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`) };
}

/** Everything a shop on this machine is made from: where it lives, its ports, how many of each, its secrets. */
export type Settings = ReturnType<typeof settingsOf>;

function settingsOf(data: z.infer<typeof schema>, given: Record<string, string>, projectDir: string) {
  const text = (name: string) => String((data as Record<string, unknown>)[name]);
  const givenOf = (names: readonly string[]) => pick(given, (name) => names.includes(name));
  return {
    /** The folder of this project. */
    projectDir,
    /** Of the shop, from package.json. */
    version,
    /** The folder for data, logs, certificate and control socket (`.shop/`). */
    dir: resolve(projectDir, data.SHOP_DIR),
    httpPort: data.HTTP_PORT,
    /** The address on which Nginx listens for plain HTTP; `0.0.0.0`: all. For HTTPS it listens on all. */
    httpAddress: data.HTTP_ADDRESS,
    httpsPort: data.HTTPS_PORT,
    /** Whether API calls by plain HTTP are refused, and pages redirected to HTTPS. */
    forceHttps: data.FORCE_HTTPS === 'true',
    /** The public URL of the shop, without a slash at its end; undefined: only this machine. */
    shopUrl: data.SHOP_URL?.replace(/\/$/, ''),
    /** As given: nginx/entry.sh knows them. */
    proxies: givenOf(['TRUSTED_PROXIES', 'PROXY_PROTOCOL']),
    /** The origins whose scripts may call the shop from a browser, as nginx/entry.sh takes them; undefined: none. */
    corsOrigins: data.CORS_ORIGINS,
    /** All other ports are counted from here, on 127.0.0.1 only. */
    portBase: data.PORT_BASE,
    /** How many processes of each service, by service name. */
    replicas: Object.fromEntries(serviceNames.map((service) => [service, Number(text(replicasSetting(service)))])),
    currency: data.SHOP_CURRENCY,
    rateLimits: data.RATE_LIMITS,
    logLevel: data.LOG_LEVEL,
    /** Settings that are handed on to the services, which know and check them. */
    limits: pick(given, (name) => name.startsWith('LIMIT_') || serviceSettings.includes(name)),
    redisMaxMemory: data.REDIS_MAXMEMORY,
    redisAppendFsync: data.REDIS_APPENDFSYNC,
    adminEmail: data.ADMIN_EMAIL,
    /** As given: redis/backup.sh knows them. Undefined: no backups are made. */
    backups: data.BACKUPS === 'true' ? givenOf(backupSettings) : undefined,
    /** Whether Prometheus, Alertmanager and their exporters run beside the shop. */
    monitoring: data.MONITORING === 'true',
    /** Where mails about alerts go; by default the admin's address. */
    alertEmailTo: data.ALERT_EMAIL_TO ?? data.ADMIN_EMAIL,
    /** As given: monitoring/entry.sh knows them, and for tests SCRAPE_INTERVAL, GROUP_WAIT and GROUP_INTERVAL. */
    alerting: givenOf(['ALERT_EMAIL_FROM', 'SMTP_URL', 'HEARTBEAT_URL']),
    /** By the name of the setting: ADMIN_PASSWORD, REFRESH_SECRET, REDIS_PASSWORD_USERS, … JWT_PRIVATE_KEY is base64 of the PEM. */
    secrets: Object.fromEntries(secretNames().map((name) => [name, text(name)])),
    /** The part of this process's environment that every child process gets. */
    inherited: {
      ...givenOf(['HOME', 'TMPDIR', 'TZ', 'LANG']),
      PATH: withSystemFolders(given.PATH ?? ''),
    } as Record<string, string>,
  };
}

function pick(
  given: Record<string, string | undefined>,
  isWanted: (name: string, value: string) => boolean,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) =>
      value !== undefined && isWanted(name, value) ? [[name, value]] : [],
    ),
  );
}

/** PATH with the folders in which Debian puts servers, and which an ordinary user's PATH lacks. */
export function withSystemFolders(path: string): string {
  const folders = path.split(':').filter((folder) => folder !== '');
  return [...new Set([...folders, '/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'])].join(
    ':',
  );
}
