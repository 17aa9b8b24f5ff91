/** The route tables of all services, for what they declare: nothing is opened, and no handler can be called. */
import type { ServiceRoutes } from '../http/app.ts';
import type { Route } from '../http/route.ts';

/** The routes for clients, by service. */
export type DeclaredRoutes = Readonly<Record<string, readonly Route[]>>;

/** What each `<service>/tables.ts` exports as `tables`. */
type Tables = (parts: unknown, currency: string) => ServiceRoutes;

/** Reads the tables. @param services the names of the services @param currency the shop's, ISO 4217 */
export async function declaredRoutes(services: readonly string[], currency: string): Promise<DeclaredRoutes> {
  const entries = await Promise.all(
    services.map(async (name) => {
      const { tables } = (await import(`../${name}/tables.ts`)) as { tables: Tables };
      return [name, tables(unbound, currency).routes];
    }),
  );
  return Object.fromEntries(entries);
}

/** Stands for a service and every part of it; throws when something of it is called. */
const unbound: unknown = new Proxy(() => undefined, {
  get: () => unbound,
  apply() {
    throw new Error('a route table that was only declared has been called');
  },
});
