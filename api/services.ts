/** The services of the shop, by name. The name is the base URL, the Redis user, the key prefix and the folder. */
export const serviceNames = ['users', 'products', 'purchases'] as const;

/** One of {@link serviceNames}. */
export type ServiceName = (typeof serviceNames)[number];

/** Who may call internal routes: the services, and the status page, which asks `users` whether a sign-in goes on. */
export const internalCallers = [...serviceNames, 'status'] as const;
