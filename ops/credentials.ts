/**
 * The users of Redis and of the Sentinels, the secrets of the shop, and which process gets which: stated here once. `npm start` and the
 * secrets of containers are made from it; test/unit/ops/services.test.ts checks every file that has to name them.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { hashSync } from 'bcryptjs';
import { internalSecretsOf } from '../api/contracts/calls.ts';
import { ownSecrets, serviceNames, servicesWithOwnIdempotencySecret, settingName } from '../api/services.ts';

/** The users in redis/users.acl that are no services. */
const otherRedisUsers = ['replication', 'sentinel', 'backup', 'exporter', 'operator'];

/** The users in redis/users.acl, whose passwords every Redis node needs. */
export const redisUsers: readonly string[] = [...serviceNames, ...otherRedisUsers];

/** The users in redis/sentinel.conf that only read; a service besides may ask for a failover. */
export const sentinelUsers: readonly string[] = [...serviceNames, 'redis', 'backup', 'health'];

/** The secret that holds the password of a Redis user. */
export const redisPasswordName = (user: string) => `REDIS_PASSWORD_${settingName(user)}`;
/** The secret that holds the password of a Sentinel user. */
export const sentinelPasswordName = (user: string) => `SENTINEL_PASSWORD_${settingName(user)}`;

const asThemselves = (...names: readonly string[]) => Object.fromEntries(names.map((name) => [name, name]));

/** What a service gets: the name by which it reads each secret, and the name of the secret. */
export function secretsOfService(service: string): Record<string, string> {
  const hasOwn = servicesWithOwnIdempotencySecret.includes(service);
  return {
    REDIS_PASSWORD: redisPasswordName(service),
    SENTINEL_PASSWORD: sentinelPasswordName(service),
    IDEMPOTENCY_SECRET: hasOwn ? `IDEMPOTENCY_SECRET_${settingName(service)}` : 'IDEMPOTENCY_SECRET',
    ...asThemselves(...internalSecretsOf(service), ...(ownSecrets[service] ?? [])),
  };
}

/** Which secrets each kind of process gets, by the name under which it reads them. */
export const secretOwners: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ...Object.fromEntries(serviceNames.map((service) => [service, secretsOfService(service)])),
  redis: asThemselves(sentinelPasswordName('redis'), ...redisUsers.map(redisPasswordName)),
  sentinel: asThemselves(
    'SENTINEL_PASSWORD',
    ...sentinelUsers.map(sentinelPasswordName),
    redisPasswordName('sentinel'),
    redisPasswordName('exporter'),
  ),
  exporter: { REDIS_PASSWORD: redisPasswordName('exporter') },
  // The password before its hash, which is made from it.
  prometheus: asThemselves('MONITORING_PASSWORD', 'MONITORING_PASSWORD_BCRYPT'),
  alertmanager: asThemselves('MONITORING_PASSWORD_BCRYPT'),
  status: asThemselves('MONITORING_PASSWORD', 'STATUS_TOKEN'),
  grafana: asThemselves('MONITORING_PASSWORD'),
  backup: asThemselves(sentinelPasswordName('backup'), redisPasswordName('backup')),
};

/** Names of secrets that are not drawn at random: a setting with a default, and a hash of another secret. */
const derived = ['ADMIN_EMAIL', 'MONITORING_PASSWORD_BCRYPT'];

/** The names of all random secrets, each once. */
export function secretNames(): string[] {
  const names = Object.values(secretOwners).flatMap((files) => Object.values(files));
  return [...new Set(names)].filter((name) => !derived.includes(name));
}

/** A new value for the secret of this name: 192 random bits, or for JWT_PRIVATE_KEY a P-256 key as base64 of its PEM. */
export function makeSecret(name: string): string {
  if (name !== 'JWT_PRIVATE_KEY') return randomBytes(24).toString('base64url');
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' })).toString('base64');
}

const hashes = new Map<string, string>();

/** The bcrypt of a password: Prometheus and Alertmanager know passwords in no other form. Made once in a process, because it takes some 50 ms. */
export function bcryptOf(password: string): string {
  const hash = hashes.get(password) ?? hashSync(password, 10);
  hashes.set(password, hash);
  return hash;
}
