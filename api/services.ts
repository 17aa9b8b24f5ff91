/** The services of the shop, by name. The name is the base URL, the Redis user, the key prefix and the folder. */
export const serviceNames = ['users', 'products', 'purchases'] as const;

/** One of {@link serviceNames}. */
export type ServiceName = (typeof serviceNames)[number];
