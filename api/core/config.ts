/** The environment, read once and checked as a whole. A setting NAME may also come as NAME_FILE, a file's path (Docker secrets). */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const address = z.string().regex(/^[^:\s]+:\d+$/, 'must be host:port');

const addresses = z
  .string()
  .transform((text) => text.split(','))
  .pipe(z.array(address).min(1));

const common = {
  HOST: z.string().default('127.0.0.1'),
  PORT: z.coerce.number().int().min(0).max(65535),
  REPLICA: z.string().default(''),
  REDIS_SENTINELS: addresses,
  // Every Redis node that may be master or replica. The service's password is sent to no other address, even if a Sentinel names one.
  REDIS_NODES: addresses,
  REDIS_MASTER_NAME: z.string().default('shop'),
  REDIS_PASSWORD: z.string().min(1),
  // The password of the Sentinel user with this service's name.
  SENTINEL_PASSWORD: z.string().min(1),
  // The same for the Redis group of `users`, if this service has a group of its own: the events of `users` say which sign-ins have ended.
  USERS_REDIS_SENTINELS: addresses.optional(),
  USERS_REDIS_NODES: addresses.optional(),
  USERS_REDIS_MASTER_NAME: z.string().default('shop'),
  USERS_REDIS_PASSWORD: z.string().min(1).optional(),
  USERS_SENTINEL_PASSWORD: z.string().min(1).optional(),
  INTERNAL_URL: z.url(),
  IDEMPOTENCY_SECRET: z.string().min(16),
  SHOP_CURRENCY: z
    .string()
    .regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code such as USD')
    .default('USD'),
  SHOP_VERSION: z.string().default('local'),
  MAX_IN_FLIGHT: z.coerce.number().int().min(1).default(400),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
};

const schema = z.object(common);

/** What every service is configured with. */
export type CommonConfig = z.infer<typeof schema> & { readonly service: string };

/** Thrown by {@link readConfig}; the message lists every fault. */
export class BadConfig extends Error {
  override readonly name = 'BadConfig';
}

/**
 * Reads a service's configuration.
 * @param service its name, for messages
 * @param more schemas of this service's own settings, by name
 * @param env the process's environment
 * @throws BadConfig when a setting is missing or wrong
 */
export function readConfig<More extends z.ZodRawShape>(
  service: string,
  more: More,
  env: NodeJS.ProcessEnv,
): CommonConfig & z.infer<z.ZodObject<More>> {
  const given: Record<string, string> = {};
  for (const name of [...Object.keys(common), ...Object.keys(more)]) {
    const path = env[`${name}_FILE`];
    const value = path === undefined ? env[name] : readFileSync(path, 'utf8').trim();
    if (value !== undefined && value !== '') given[name] = value;
  }
  const read = z.safeParse(schema.extend(more), given);
  const faults = read.error?.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`) ?? [];
  if ((given.USERS_REDIS_SENTINELS === undefined) !== (given.USERS_REDIS_NODES === undefined)) {
    faults.push('USERS_REDIS_SENTINELS, USERS_REDIS_NODES: belong together');
  }
  if (!read.success || faults.length > 0) {
    throw new BadConfig(`Settings of '${service}' that are missing or wrong:\n  ${faults.join('\n  ')}`);
  }
  return { ...read.data, service } as CommonConfig & z.infer<z.ZodObject<More>>;
}
