/** `products`: the catalogue, and the stock that purchases take from. */
import type { OpenService } from '../http/service.ts';
import { createBatches } from './batch.ts';
import { openLedger } from './ledger.ts';
import { startMovingOlderWords } from './older-words.ts';
import { createReservationRules } from './reservations.ts';
import { createSearch } from './search.ts';
import { createProductRules } from './service.ts';
import { createProductWrites } from './store.ts';
import { createBatchWrites } from './store-batches.ts';
import { createProductReads } from './store-reads.ts';
import { createReservations } from './store-reservations.ts';
import { createSearchReads } from './store-search.ts';
import { tables } from './tables.ts';

/** Opens the service: store, rules, routes. */
export const open: OpenService = ({ config, redis, cursors, limits, log, registry }) => {
  const store = createProductWrites(redis);
  const reads = createProductReads(redis);
  const rules = createProductRules(store, reads);
  const batches = createBatches(createBatchWrites(redis), rules);
  const reservations = createReservationRules(createReservations(redis));
  const search = createSearch({ ...reads, ...createSearchReads(redis) });
  const parts = { rules, batches, search, reservations, cursors, limits, log };
  const startLedger = openLedger(redis, reads, registry, log);
  return {
    ...tables(parts, config.SHOP_CURRENCY),
    background() {
      const stops = [startLedger(), startMovingOlderWords(redis, log)];
      return () => {
        for (const stop of stops) stop();
      };
    },
  };
};
