/** Products in Redis: the only caller of save.lua, restock.lua and bind-batch.lua. */
import { isRefusal, type Refusal } from '../core/outcome.ts';
import type { RequestContext } from '../core/request.ts';
import { lookupScript, runKeyed } from '../redis/keyed.ts';
import type { ShopRedis } from '../redis/open.ts';
import { loadScript, type ScriptReply } from '../redis/script.ts';
import { indexChanges } from './indexes.ts';
import { productKey } from './keys.ts';
import { type Product, type ProductDoc, productOf, type StoredProduct } from './record.ts';

const saveScript = loadScript(new URL('./lua/save.lua', import.meta.url));
const restockScript = loadScript(new URL('./lua/restock.lua', import.meta.url));
const bindBatchScript = loadScript(new URL('./lua/bind-batch.lua', import.meta.url));

/** What becomes of a product. `atMs` becomes its `updatedAt`; `documentVersion` must be new each time. */
export type Save =
  | {
      readonly kind: 'create';
      readonly doc: ProductDoc;
      readonly stock: number;
      readonly documentVersion: string;
      readonly atMs: number;
    }
  | {
      readonly kind: 'update';
      readonly before: StoredProduct;
      readonly doc: ProductDoc;
      readonly documentVersion: string;
      readonly atMs: number;
    }
  | { readonly kind: 'delete'; readonly before: StoredProduct };

type Said = { readonly replayed: boolean };

/** What a write of the store can come to; `conflict`: the product has changed since it was read. */
export type Outcome =
  | ({ readonly kind: 'created'; readonly id: string; readonly atMs: number; readonly generation: string } & Said)
  | ({ readonly kind: 'updated' | 'restocked'; readonly product: Product } & Said)
  | ({ readonly kind: 'deleted' | 'exists' } & Said)
  | ({ readonly kind: 'short'; readonly stock: number } & Said)
  | { readonly kind: 'full'; readonly stock: number }
  | { readonly kind: 'conflict' | 'missing' | 'no-record' };

/** A batch's binding to its key; see `bindBatch`. */
export type BatchBinding = { readonly id: string; readonly repeated: boolean; readonly replayed: boolean };

/** See {@link createStore}. */
export type Store = ReturnType<typeof createStore>;

/**
 * Creates the store. Every function throws Unavailable when the deadline comes first. Writes run under the request's Idempotency-Key and
 * return the refusal of one that was used for another body.
 */
export function createStore(redis: Pick<ShopRedis, 'writes'>) {
  return {
    /** Makes, changes or deletes. @param wantedVersion refuses any other with `conflict`; '' takes any */
    async save(save: Save, wantedVersion: string, context: RequestContext, part = ''): Promise<Outcome | Refusal> {
      const before = save.kind === 'create' ? undefined : save.before;
      const after = save.kind === 'delete' ? undefined : save;
      const id = (after?.doc ?? before?.doc)?.id ?? '';
      const changes = indexChanges(before?.doc, after?.doc);
      const keys = [productKey(id), ...changes.map((change) => change.key)];
      const args = [
        id,
        before?.documentVersion ?? '',
        wantedVersion,
        after === undefined ? '' : JSON.stringify(after.doc),
        after?.doc.name ?? '',
        after?.doc.priceMinor ?? '',
        after?.documentVersion ?? '',
        save.kind === 'create' ? save.stock : '',
        after?.atMs ?? '',
        ...changes.flatMap(({ remove, add }) => [remove.length, ...remove, add.length, ...add]),
      ];
      return outcomeOf(await runKeyed(redis.writes, 'products', saveScript, keys, args, context, part));
    },

    /** Adds `delta` to the stock, which neither goes below zero nor, by this, above `most`. */
    async restock(
      id: string,
      delta: number,
      most: number,
      wantedVersion: string,
      context: RequestContext,
    ): Promise<Outcome | Refusal> {
      const args = [id, delta, most, wantedVersion];
      return outcomeOf(await runKeyed(redis.writes, 'products', restockScript, [productKey(id)], args, context));
    },

    /** What was answered under this key before; `no-record` if it is new. */
    async lookup(context: RequestContext, part = ''): Promise<Outcome | Refusal> {
      return outcomeOf(await runKeyed(redis.writes, 'products', lookupScript, [], [], context, part));
    },

    /**
     * Binds the request's key to its body and to an id for the batch.
     * @param newId becomes the id the first time
     * @returns the id; whether it is from an earlier attempt (`repeated`), of the client's (`replayed`)
     */
    async bindBatch(newId: string, context: RequestContext): Promise<BatchBinding | Refusal> {
      const reply = await runKeyed(redis.writes, 'products', bindBatchScript, [], [newId], context);
      if (isRefusal(reply)) return reply;
      const [id] = reply.fields;
      // 5eb7839 stored 'claimed'.
      if (!['bound', 'claimed'].includes(reply.result) || id === undefined)
        throw new Error(`bind-batch.lua replied '${reply.result}'`);
      return { id, repeated: id !== newId, replayed: reply.replayed };
    },
  };
}

function outcomeOf(reply: ScriptReply | Refusal): Outcome | Refusal {
  if (isRefusal(reply)) return reply;
  const { replayed, result, fields } = reply;
  const [first = '', second = '', third = ''] = fields;
  switch (result) {
    case 'created':
      return { kind: result, id: first, atMs: Number(second), generation: third, replayed };
    case 'updated':
    case 'restocked':
      return { kind: result, product: productOf(fields), replayed };
    case 'deleted':
    case 'exists':
      return { kind: result, replayed };
    case 'short':
      return { kind: result, stock: Number(first), replayed };
    case 'full':
      return { kind: result, stock: Number(first) };
    case 'conflict':
    case 'missing':
    case 'no-record':
      return { kind: result };
    default:
      throw new Error(`a script of products replied '${result}'`);
  }
}
