/** How full Redis is, and when it will be full. */
import type { Prometheus } from './prometheus.ts';

/** What the page asks Prometheus about the fullest Redis node. */
const queries = {
  /** Share of `maxmemory` in use, 0 to 1. */
  used: 'max(redis_memory_used_bytes{job="redis"} / (redis_memory_max_bytes{job="redis"} > 0))',
  /** Days until 80 % of `maxmemory`, where the shop begins to refuse sign-ups and purchases; known after 6 h (recording.yml). */
  daysLeft: 'shop:redis_full:days',
} as const;

/** A value is missing while it is not known, as while Redis or its exporter does not answer. @throws when Prometheus does not answer */
export async function readCapacity(prometheus: Prometheus): Promise<Partial<Record<keyof typeof queries, number>>> {
  const known = Object.entries(queries).map(async ([name, query]) => {
    const value = (await prometheus.instant(query))[0]?.points[0]?.[1];
    return Number.isFinite(value) ? [[name, value]] : [];
  });
  return Object.fromEntries((await Promise.all(known)).flat());
}
