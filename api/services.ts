/** The services of the shop, by name. The name is the base URL, the Redis user, the key prefix and the folder. */
export const serviceNames = ['users', 'products', 'purchases'] as const;

/** One of {@link serviceNames}. */
export type ServiceName = (typeof serviceNames)[number];

/** The part of a setting's name that stands for a service: `gift-cards` is `GIFT_CARDS`. */
export function settingName(service: string): string {
  return service.toUpperCase().replaceAll('-', '_');
}

/** Secrets that one service has besides those that every service has (ops/credentials.ts). Only `users` signs tokens and knows the first admin. */
export const ownSecrets: Readonly<Record<string, readonly string[]>> = {
  users: ['JWT_PRIVATE_KEY', 'REFRESH_SECRET', 'ADMIN_EMAIL', 'ADMIN_PASSWORD'],
};

/** Services that share no IDEMPOTENCY_SECRET with the others, which could otherwise compare the keyed hashes of sign-ups. */
export const servicesWithOwnIdempotencySecret: readonly string[] = ['users'];
