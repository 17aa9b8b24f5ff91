/** `purchases`, wired: store → saga → service → routes, and recovery beside them. */
import type { OpenService } from '../http/service.ts';
import { createPurchaseMetrics } from './metrics.ts';
import { openRecovery } from './recovery.ts';
import { openRetention } from './retention.ts';
import { createSaga } from './saga.ts';
import { createPurchaseRules } from './service.ts';
import { createPurchaseWrites } from './store.ts';
import { createPurchaseReads } from './store-reads.ts';
import { tables } from './tables.ts';

/** Opens the service. */
export const open: OpenService = ({ config, redis, client, cursors, log, registry }) => {
  const store = { ...createPurchaseWrites(redis.writes), ...createPurchaseReads(redis.reads) };
  const metrics = createPurchaseMetrics(registry);
  const saga = createSaga(store, client, metrics.ended);
  const service = createPurchaseRules(store, saga, config.SHOP_CURRENCY, () => metrics.ended('cancelled'));
  const recovery = openRecovery(store, saga, log, metrics.oldest);
  const retention = openRetention(store, log);
  return {
    ...tables({ service, cursors }),
    background() {
      const stops = [recovery.start(), retention.start()];
      return () => {
        for (const stop of stops) stop();
      };
    },
  };
};
