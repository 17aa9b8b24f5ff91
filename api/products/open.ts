/** `products`: the catalogue, and the stock that purchases take from. */
import type { OpenService } from '../http/service.ts';
import { createBatches } from './batch.ts';
import { openLedger } from './ledger.ts';
import { openReservationRules } from './reservations.ts';
import { productRoutes } from './routes.ts';
import { batchRoutes } from './routes-batch.ts';
import { internalRoutes } from './routes-internal.ts';
import { productSchemas } from './schema.ts';
import { createSearch } from './search.ts';
import { createRules } from './service.ts';
import { createStore } from './store.ts';
import { createProductReads } from './store-reads.ts';
import { openReservations } from './store-reservations.ts';

/** Opens the service: store, rules, routes. */
export const open: OpenService = ({ config, redis, cursors, limits, log, registry }) => {
  const schemas = productSchemas(config.SHOP_CURRENCY);
  const store = createStore(redis);
  const reads = createProductReads(redis);
  const rules = createRules(store, reads);
  return {
    routes: [
      ...batchRoutes(createBatches(store, rules), schemas),
      ...productRoutes(rules, createSearch(reads), cursors, schemas, limits),
    ],
    internal: internalRoutes(openReservationRules(openReservations(redis))),
    background: openLedger(redis, reads, registry, log),
  };
};
