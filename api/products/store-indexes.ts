/** The indexes of the catalogue, read in bounded pieces. */
import type { RequestContext } from '../core/request.ts';
import type { ShopRedis } from '../redis/open.ts';

/** A stretch of an index: Redis' lexicographical bounds (`-`, `+`, `[inclusive`, `(exclusive`). */
export type Stretch = { readonly key: string; readonly min: string; readonly max: string };

/** See {@link openIndexes}. */
export type Indexes = ReturnType<typeof openIndexes>;

/** Opens the indexes. @see https://redis.io/docs/latest/commands/zrange/ */
export function openIndexes(redis: Pick<ShopRedis, 'reads'>) {
  return {
    /** The first `count` members of each stretch, from its end if `descending`. Throws Unavailable when the deadline comes first. */
    async members(
      stretches: readonly Stretch[],
      count: number,
      descending: boolean,
      { freshness, deadline }: Pick<RequestContext, 'freshness' | 'deadline'>,
    ): Promise<string[][]> {
      if (stretches.length === 0) return [];
      const replies = await redis.reads.query(
        freshness,
        (pipeline) => {
          for (const { key, min, max } of stretches) {
            if (descending) pipeline.zrange(key, max, min, 'BYLEX', 'REV', 'LIMIT', 0, count);
            else pipeline.zrange(key, min, max, 'BYLEX', 'LIMIT', 0, count);
          }
        },
        deadline,
      );
      return replies as string[][];
    },
  };
}
