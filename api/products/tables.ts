/** All route tables of `products`: `open.ts` binds them to the service, the OpenAPI document reads what they declare. */
import type { Logger } from 'pino';
import type { ServiceRoutes } from '../http/app.ts';
import type { HandlerLimits } from '../http/limits.ts';
import type { Cursors } from '../http/lists.ts';
import type { createBatches } from './batch.ts';
import type { createReservationRules } from './reservations.ts';
import { productRoutes } from './routes.ts';
import { batchRoutes } from './routes-batch.ts';
import { internalRoutes } from './routes-internal.ts';
import { listRoute } from './routes-list.ts';
import { productSchemas } from './schema.ts';
import type { Search } from './search.ts';
import type { ProductRules } from './service.ts';

/** What the handlers call. */
type ProductParts = {
  readonly rules: ProductRules;
  readonly batches: ReturnType<typeof createBatches>;
  readonly search: Search;
  readonly reservations: ReturnType<typeof createReservationRules>;
  readonly cursors: Cursors;
  readonly limits: Pick<HandlerLimits, 'add'>;
  readonly log: Pick<Logger, 'info'>;
};

/** @param currency the shop's, ISO 4217 */
export function tables(parts: ProductParts, currency: string): ServiceRoutes {
  const schemas = productSchemas(currency);
  const { rules, batches, search, reservations, cursors, limits, log } = parts;
  return {
    routes: [...batchRoutes(batches, schemas), listRoute(search, cursors, limits), ...productRoutes(rules, schemas)],
    internal: internalRoutes(reservations, log),
  };
}
