/** The environment, read once and checked as a whole. A setting NAME may also come as NAME_FILE, a file's path (Docker secrets). */
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { serviceNames } from '../services.ts';

const address = z.string().regex(/^[^:\s]+:\d+$/, 'must be host:port');

const pem = z
  .string()
  .transform((text) => (text.includes('-----BEGIN') ? text : Buffer.from(text, 'base64').toString('utf8')))
  .refine(isP256, 'must be an EC private key on P-256 as PKCS#8 PEM, or its base64');

function isP256(text: string): boolean {
  try {
    return createPrivateKey(text).asymmetricKeyDetails?.namedCurve === 'prime256v1';
  } catch {
    return false;
  }
}

/** How much a limit allows. */
const quota = z.coerce.number().int().min(1);

const common = {
  HOST: z.string().default('127.0.0.1'),
  PORT: z.coerce.number().int().min(0).max(65535),
  REPLICA: z.string().default(''),
  REDIS_SENTINELS: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(address).min(1)),
  // Every Redis node that may be master or replica. The service's password goes to no other address, whatever the Sentinels say.
  REDIS_NODES: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(address).min(1)),
  REDIS_MASTER_NAME: z.string().default('shop'),
  REDIS_PASSWORD: z.string().min(1),
  // Of the Sentinel user with this service's name.
  SENTINEL_PASSWORD: z.string().min(1),
  INTERNAL_URL: z.url(),
  INTERNAL_SECRET: z.string().min(16),
  IDEMPOTENCY_SECRET: z.string().min(16),
  SHOP_CURRENCY: z
    .string()
    .regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code such as USD')
    .default('USD'),
  RATE_LIMITS: z.enum(['on', 'off']).default('on'),
  LIMIT_CALLER_PER_MINUTE: quota.default(1200),
  LIMIT_SEARCH_MS_PER_MINUTE: quota.default(6000),
  LIMIT_SIGN_IN_PER_MINUTE: quota.default(10),
  LIMIT_SIGN_IN_ACCOUNT_PER_MINUTE: quota.default(20),
  LIMIT_SIGN_IN_ADDRESS_PER_MINUTE: quota.default(60),
  LIMIT_SIGN_UP_PER_MINUTE: quota.default(30),
  LIMIT_SIGN_UP_PER_DAY: quota.default(300),
  LIMIT_PURCHASES_PER_MINUTE: quota.default(60),
  LIMIT_PURCHASES_PER_DAY: quota.default(1000),
  LIMIT_PURCHASED_ITEMS_PER_DAY: quota.default(5000),
  LIMIT_WRITES_PER_MINUTE: quota.default(60),
  LIMIT_WRITES_PER_DAY: quota.default(1000),
  SHOP_VERSION: z.string().default('local'),
  MAX_IN_FLIGHT: z.coerce.number().int().min(1).default(400),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
};

const ofUsers = {
  JWT_PRIVATE_KEY: pem,
  REFRESH_SECRET: z.string().min(16),
  SESSION_MAX_DAYS: z.coerce.number().int().min(1).max(3650).default(90),
  ADMIN_SESSION_MAX_HOURS: z.coerce.number().int().min(1).max(87_600).default(12),
  ADMIN_EMAIL: z.email().optional(),
  ADMIN_PASSWORD: z.string().min(12).max(128).optional(),
};

const schemas = { common: z.object(common), users: z.object({ ...common, ...ofUsers }) };

/** What every service is configured with. */
export type Config = z.infer<typeof schemas.common> & { readonly service: string };
/** What `users` is configured with besides. */
export type UsersConfig = z.infer<typeof schemas.users> & { readonly service: string };

/** Thrown by {@link readConfig}; the message lists every fault. */
export class BadConfig extends Error {
  override readonly name = 'BadConfig';
}

/**
 * Reads a service's configuration.
 * @param service one of the services' names
 * @param env the process's environment
 * @throws BadConfig when a setting is missing or wrong, or the service unknown
 */
export function readConfig(service: string, env: NodeJS.ProcessEnv): Config | UsersConfig {
  if (!(serviceNames as readonly string[]).includes(service)) {
    throw new BadConfig(`There is no service '${service}'; the services are ${serviceNames.join(', ')}.`);
  }
  const schema = service === 'users' ? schemas.users : schemas.common;
  const given: Record<string, string> = {};
  for (const name of Object.keys(schema.shape)) {
    const path = env[`${name}_FILE`];
    const value = path === undefined ? env[name] : readFileSync(path, 'utf8').trim();
    if (value !== undefined && value !== '') given[name] = value;
  }
  const read = schema.safeParse(given);
  if (!read.success) {
    const faults = read.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`);
    throw new BadConfig(`Settings of '${service}' that are missing or wrong:\n${faults.join('\n')}`);
  }
  return { ...read.data, service };
}
