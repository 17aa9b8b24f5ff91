/** Reads of the catalogue, in bounded pieces: no command and no script here holds a Redis node for more than about 2 ms. */
import type { RequestContext } from '../core/request.ts';
import type { ShopRedis } from '../redis/open.ts';
import { productKey } from './keys.ts';
import { type StoredProduct, storedFields, storedProductOf } from './record.ts';

/** A range of an index: Redis' lexicographical bounds (`-`, `+`, `[inclusive`, `(exclusive`). */
export type IndexRange = { readonly key: string; readonly min: string; readonly max: string };

/** How new the answer must be, and until when it is waited for. */
export type Reading = Pick<RequestContext, 'consistency' | 'deadline'>;

/** See {@link createProductReads}. */
export type ProductReads = ReturnType<typeof createProductReads>;

/** Creates the reads. Every function throws Unavailable when the deadline comes first. */
export function createProductReads(redis: Pick<ShopRedis, 'reads'>) {
  return {
    /** The products with these ids, in their order; `undefined` where there is none. */
    async read(ids: readonly string[], { consistency, deadline }: Reading): Promise<(StoredProduct | undefined)[]> {
      if (ids.length === 0) return [];
      const replies = await redis.reads.query(
        consistency,
        (pipeline) => {
          for (const id of ids) pipeline.hmget(productKey(id), ...storedFields);
        },
        deadline,
      );
      return replies.map((reply) => storedProductOf(reply as (string | null)[]));
    },

    /** The first `count` members of a range, from its end if `descending`. @see https://redis.io/docs/latest/commands/zrange/ */
    async members(
      { key, min, max }: IndexRange,
      count: number,
      descending: boolean,
      { consistency, deadline }: Reading,
    ): Promise<string[]> {
      const [members] = await redis.reads.query(
        consistency,
        (pipeline) =>
          descending
            ? pipeline.zrange(key, max, min, 'BYLEX', 'REV', 'LIMIT', 0, count)
            : pipeline.zrange(key, min, max, 'BYLEX', 'LIMIT', 0, count),
        deadline,
      );
      return members as string[];
    },
  };
}
