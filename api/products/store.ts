/** Products in Redis: one at a time: the only caller of save.lua and restock.lua. */
import { isRefusal, type Refusal } from '../core/outcome.ts';
import { type RequestContext, wantedTags } from '../core/request.ts';
import type { Reply } from '../redis/define-script.ts';
import type { ShopRedis } from '../redis/open.ts';
import { findReply, runKeyedScript } from '../redis/run-script.ts';
import { indexChanges, wordChange } from './indexes.ts';
import { olderWordsKey, productKey, wordKeys } from './keys.ts';
import { type Product, type ProductDoc, productOf, type StoredProduct } from './record.ts';
import { scripts } from './scripts.ts';

type SaveReply = Reply<(typeof scripts.save)['replies']> | Reply<(typeof scripts.restock)['replies']>;

/** A product to be made. `atMs` becomes its `updatedAt`; `documentVersion` must be new each time. */
export type Creation = {
  readonly kind: 'create';
  readonly doc: ProductDoc;
  readonly stock: number;
  readonly documentVersion: string;
  readonly atMs: number;
};

/** What becomes of a product; see {@link Creation}. */
export type Save =
  | Creation
  | {
      readonly kind: 'update';
      readonly before: StoredProduct;
      readonly doc: ProductDoc;
      readonly documentVersion: string;
      readonly atMs: number;
    }
  | { readonly kind: 'delete'; readonly before: StoredProduct };

type Replayable = { readonly replayed: boolean };

/** Result of a write. `conflict`: the product has changed since it was read; `stale`: it is not what If-Match names. */
export type Outcome =
  | ({ readonly kind: 'created'; readonly id: string; readonly atMs: number; readonly generation: string } & Replayable)
  | ({ readonly kind: 'updated' | 'restocked'; readonly product: Product } & Replayable)
  | ({ readonly kind: 'deleted' | 'exists' } & Replayable)
  | ({ readonly kind: 'short'; readonly stock: number } & Replayable)
  | { readonly kind: 'full'; readonly stock: number }
  | { readonly kind: 'conflict' | 'missing' | 'no-record' | 'stale' };

/** See {@link createProductWrites}. */
export type ProductWrites = ReturnType<typeof createProductWrites>;

/**
 * Creates the store. Every function throws Unavailable when the deadline comes first. Writes run under the request's Idempotency-Key and
 * return the refusal of one that was used for another body.
 */
export function createProductWrites(redis: Pick<ShopRedis, 'writes'>) {
  return {
    /** Makes, changes or deletes. */
    async save(save: Save, context: RequestContext, part = ''): Promise<Outcome | Refusal> {
      const before = save.kind === 'create' ? undefined : save.before;
      const after = save.kind === 'delete' ? undefined : save;
      const id = (after?.doc ?? before?.doc)?.id ?? '';
      const changes = indexChanges(before?.doc, after?.doc);
      const words = wordChange(before?.doc, after?.doc);
      const reply = await runKeyedScript(
        redis.writes,
        'products',
        scripts.save,
        {
          keys: {
            product: productKey(id),
            ...wordKeys,
            olderWords: olderWordsKey,
            indexes: changes.map(({ key }) => key),
          },
          args: {
            id,
            readDocument: before?.documentVersion ?? '',
            tags: wantedTags(context),
            doc: after === undefined ? '' : JSON.stringify(after.doc),
            name: after?.doc.name ?? '',
            price: after?.doc.priceMinor ?? '',
            documentVersion: after?.documentVersion ?? '',
            stock: save.kind === 'create' ? save.stock : '',
            at: after?.atMs ?? '',
            members: [words, ...changes].flatMap(({ remove, add }) => [remove.length, ...remove, add.length, ...add]),
          },
        },
        context,
        part,
      );
      return isRefusal(reply) ? reply : outcomeOf(reply);
    },

    /** Adds `delta` to the stock, which neither goes below zero nor, by this, above `most`. */
    async restock(id: string, delta: number, most: number, context: RequestContext): Promise<Outcome | Refusal> {
      const call = { keys: { product: productKey(id) }, args: { id, delta, most, tags: wantedTags(context) } };
      const reply = await runKeyedScript(redis.writes, 'products', scripts.restock, call, context);
      return isRefusal(reply) ? reply : outcomeOf(reply);
    },

    /** The earlier answer under this key; `no-record` if there is none. */
    async lookup(context: RequestContext, part = ''): Promise<Outcome | Refusal> {
      const reply = await findReply(redis.writes, 'products', scripts.save, context, part);
      if (isRefusal(reply)) return reply;
      return reply.result === 'no-record' ? { kind: reply.result } : outcomeOf(reply);
    },
  };
}

/** What a script's reply says. */
export function outcomeOf(reply: SaveReply): Outcome {
  const { replayed } = reply;
  switch (reply.result) {
    case 'created':
      return { kind: reply.result, id: reply.id, atMs: Number(reply.at), generation: reply.generation, replayed };
    case 'updated':
    case 'restocked':
      return {
        kind: reply.result,
        product: productOf([reply.doc, reply.stock, reply.at, reply.version, reply.generation]),
        replayed,
      };
    case 'deleted':
    case 'exists':
      return { kind: reply.result, replayed };
    case 'short':
      return { kind: reply.result, stock: Number(reply.stock), replayed };
    case 'full':
      return { kind: reply.result, stock: Number(reply.stock) };
    case 'conflict':
    case 'missing':
    case 'stale':
      return { kind: reply.result };
  }
}
