/** `products`: the catalogue, and the stock that purchases take from. */
import type { OpenService } from '../http/service.ts';
import { openBatches } from './batch.ts';
import { openLedger } from './ledger.ts';
import { openListing } from './listing.ts';
import { openReservationRules } from './reservations.ts';
import { productRoutes } from './routes.ts';
import { batchRoutes } from './routes-batch.ts';
import { internalRoutes } from './routes-internal.ts';
import { productSchemas } from './schema.ts';
import { openRules } from './service.ts';
import { openStore } from './store.ts';
import { openIndexes } from './store-indexes.ts';
import { openReservations } from './store-reservations.ts';

/** Opens the service: store, rules, routes. */
export const open: OpenService = ({ config, redis, cursors, log, registry }) => {
  const schemas = productSchemas(config.SHOP_CURRENCY);
  const store = openStore(redis);
  const rules = openRules(store);
  const indexes = openIndexes(redis);
  const listing = openListing(store, indexes);
  return {
    routes: [...batchRoutes(openBatches(store, rules), schemas), ...productRoutes(rules, listing, cursors, schemas)],
    internal: internalRoutes(openReservationRules(openReservations(redis))),
    background: openLedger(redis, indexes, registry, log),
  };
};
