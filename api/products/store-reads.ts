/** Reads of the catalogue, in bounded pieces: no command and no script here holds a Redis node for more than about 2 ms. */
import { pairsOf } from '../core/pairs.ts';
import type { RequestContext } from '../core/request.ts';
import { parseReadReply } from '../redis/define-script.ts';
import type { ShopRedis } from '../redis/open.ts';
import { runReadScript } from '../redis/run-script.ts';
import { addReadScript } from '../redis/send-script.ts';
import { productKey } from './keys.ts';
import { currentFields, type StoredProduct, storedFields, storedProductOf } from './record.ts';
import { readScripts } from './scripts.ts';

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
      const [first, ...others] = ids.map(productKey);
      if (first === undefined) return [];
      const call = { keys: { products: [first, ...others] }, args: { enough: currentFields, fields: storedFields } };
      const [reply] = await redis.reads.query(
        consistency,
        (pipeline) =>
          others.length === 0
            ? pipeline.hmget(first, ...storedFields)
            : addReadScript(pipeline, readScripts.readProducts, call),
        deadline,
      );
      if (others.length === 0) return [storedProductOf(reply as (string | null)[])];
      const { found } = parseReadReply(readScripts.readProducts, reply);
      return (found as string[]).map(productOfText);
    },

    /** The first `count` members of a range, from its end if `descending`, each with its product as of the same moment. */
    async readRange(
      { key, min, max }: IndexRange,
      count: number,
      descending: boolean,
      reading: Reading,
    ): Promise<{ readonly member: string; readonly product: StoredProduct | undefined }[]> {
      const [first, second, order] = descending ? [max, min, 'REV'] : [min, max, ''];
      const call = {
        keys: { index: key, product: productKey('') },
        args: { first, second, order, most: count, enough: currentFields, fields: storedFields },
      };
      const { found } = await runReadScript(redis.reads, readScripts.readRange, call, reading);
      return pairsOf(found as string[]).map(([member, text]) => ({ member, product: productOfText(text) }));
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

/** The product in a text of read-products.lua. */
function productOfText(text: string): StoredProduct | undefined {
  return storedProductOf(text.split('\n').map((value) => value || null));
}
