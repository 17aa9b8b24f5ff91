/** The settings that only `users` has. */
import { createPrivateKey } from 'node:crypto';
import { z } from 'zod';

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

/** Schemas by the name of the setting. */
export const userSettings = {
  JWT_PRIVATE_KEY: pem,
  REFRESH_SECRET: z.string().min(16),
  SESSION_MAX_DAYS: z.coerce.number().int().min(1).max(3650).default(90),
  ADMIN_SESSION_MAX_HOURS: z.coerce.number().int().min(1).max(87_600).default(12),
  ADMIN_EMAIL: z.email().optional(),
  ADMIN_PASSWORD: z.string().min(12).max(128).optional(),
};

const schema = z.object(userSettings);

/** Their values. */
export type UserSettings = z.infer<typeof schema>;
