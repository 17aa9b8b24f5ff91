/** How full Redis is, and when it will be full. */
import type { Prometheus } from './prometheus.ts';

/** The fullest Redis node. Undefined: not known, as while Redis or its exporter does not answer. */
type Capacity = {
  /** Share of `maxmemory` in use, 0 to 1. */
  readonly used?: number;
  /** Days until 80 % of `maxmemory`, where the shop begins to refuse sign-ups and purchases; known after 6 h (recording.yml). */
  readonly daysLeft?: number;
};

/** What the page asks Prometheus about it. */
const capacityQueries = {
  used: 'max(redis_memory_used_bytes{job="redis"} / (redis_memory_max_bytes{job="redis"} > 0))',
  daysLeft: 'shop:redis_full:days',
} as const;

/** Asks Prometheus. @throws when it does not answer */
export async function readCapacity(prometheus: Prometheus): Promise<Capacity> {
  const [used, daysLeft] = await Promise.all(
    [capacityQueries.used, capacityQueries.daysLeft].map(async (query) => {
      const value = (await prometheus.instant(query))[0]?.points[0]?.[1];
      return value !== undefined && Number.isFinite(value) ? value : undefined;
    }),
  );
  return { ...(used === undefined ? {} : { used }), ...(daysLeft === undefined ? {} : { daysLeft }) };
}
