/** The settings that the HTTP layer adds to every service: the quotas of limits. limit-policies.ts says what each limits. */
import { z } from 'zod';
import { internalSecretsOf } from '../contracts/calls.ts';
import type { CommonConfig } from '../core/config.ts';

/** How many requests or points a limit allows. */
const quota = z.coerce.number().int().min(1);

/** Schemas by the name of the setting. */
export const limitSettings = {
  RATE_LIMITS: z.enum(['on', 'off']).default('on'),
  LIMIT_CALLER_PER_MINUTE: quota.default(1200),
  LIMIT_SEARCH_MS_PER_MINUTE: quota.default(6000),
  LIMIT_SIGN_IN_PER_MINUTE: quota.default(10),
  LIMIT_SIGN_IN_ACCOUNT_PER_MINUTE: quota.default(20),
  LIMIT_SIGN_IN_ADDRESS_PER_MINUTE: quota.default(60),
  LIMIT_SIGN_IN_NEW_ACCOUNTS_PER_DAY: quota.default(1000),
  LIMIT_SIGN_UP_PER_MINUTE: quota.default(30),
  LIMIT_SIGN_UP_PER_DAY: quota.default(300),
  LIMIT_PURCHASES_PER_MINUTE: quota.default(60),
  LIMIT_PURCHASES_PER_DAY: quota.default(1000),
  LIMIT_PURCHASED_ITEMS_PER_DAY: quota.default(5000),
  LIMIT_WRITES_PER_MINUTE: quota.default(60),
  LIMIT_WRITES_PER_DAY: quota.default(1000),
};

const schema = z.object(limitSettings);

/** Schemas of the secrets of a service's internal calls, by the name of the setting. */
export function internalSecretSettings(service: string): Record<string, z.ZodString> {
  return Object.fromEntries(internalSecretsOf(service).map((name) => [name, z.string().min(16)]));
}

/** What every service is configured with. */
export type Config = CommonConfig &
  z.infer<typeof schema> & {
    /** The secrets of {@link internalSecretSettings}. */
    readonly internalSecrets: Readonly<Record<string, string>>;
  };
