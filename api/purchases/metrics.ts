/** The metrics of `purchases`, apart from those of requests. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Unfinished } from './keys.ts';
import type { Status } from './schema.ts';

/** See {@link createPurchaseMetrics}. */
type PurchaseMetrics = {
  /** A purchase has reached this state by a step of this process. */
  ended(status: Status): void;
  /** The oldest unfinished purchase of a kind has waited this long, in seconds; 0 without one. */
  oldest(what: Unfinished, seconds: number): void;
};

/** Registers the metrics. A step whose acknowledgement was lost is not counted: the counts are for rates, not for accounting. */
export function createPurchaseMetrics(registry: Registry): PurchaseMetrics {
  const total = new Counter({
    name: 'shop_purchases_total',
    help: 'Purchases that reached a state, by that state',
    labelNames: ['result'],
    registers: [registry],
  });
  for (const result of ['completed', 'failed', 'cancelled']) total.inc({ result }, 0);
  const pending = new Gauge({
    name: 'shop_purchases_oldest_pending_seconds',
    help: 'Age of the oldest purchase that is neither completed, failed nor cancelled; 0 without one',
    registers: [registry],
  });
  const releasePending = new Gauge({
    name: 'shop_purchases_oldest_release_pending_seconds',
    help: 'Time since the cancellation of the oldest cancelled purchase whose stock is not known to be back; 0 without one',
    registers: [registry],
  });
  return {
    ended: (result) => total.inc({ result }),
    oldest: (what, seconds) => (what === 'pending' ? pending : releasePending).set(seconds),
  };
}
