/** Many products at once in Redis: the only caller of bind-batch.lua and create-products.lua. */
import { z } from 'zod';
import { eventStream } from '../contracts/events.ts';
import { isRefusal, type Refusal } from '../core/outcome.ts';
import type { RequestContext } from '../core/request.ts';
import { decodeReply, parseReply } from '../redis/define-script.ts';
import { keyReused, recordKey } from '../redis/keyed.ts';
import type { ShopRedis } from '../redis/open.ts';
import { findReply, runKeyedScript, runScript } from '../redis/run-script.ts';
import type { IndexChange } from './indexes.ts';
import { productKey, wordKeys } from './keys.ts';
import { scripts } from './scripts.ts';
import { type Creation, type Outcome, outcomeOf } from './store.ts';

/** A batch's binding to its key; see `bindBatch`. */
type BatchBinding = { readonly id: string; readonly repeated: boolean; readonly replayed: boolean };
/** A product of a batch, the part of the request that it is (see `runKeyed`), its entries in the sort indexes and its words. */
export type CreationPart = {
  readonly creation: Creation;
  readonly part: string;
  readonly changes: readonly IndexChange[];
  readonly words: readonly string[];
};

/** See {@link createBatchWrites}. */
export type BatchWrites = ReturnType<typeof createBatchWrites>;

const storedReplies = z.array(z.array(z.string()));

/** Creates the store. Every function throws Unavailable when the deadline comes first, and writes under the request's Idempotency-Key. */
export function createBatchWrites(redis: Pick<ShopRedis, 'writes'>) {
  return {
    /**
     * Binds the request's key to its body and to an id for the batch.
     * @param newId becomes the id the first time
     * @returns the id; whether it is from an earlier attempt (`repeated`), of the client's (`replayed`)
     */
    async bindBatch(newId: string, context: RequestContext): Promise<BatchBinding | Refusal> {
      const call = { keys: {}, args: { id: newId } };
      const reply = await runKeyedScript(redis.writes, 'products', scripts.bindBatch, call, context);
      if (isRefusal(reply)) return reply;
      const { id, replayed } = reply;
      return { id, repeated: id !== newId, replayed };
    },

    /**
     * Makes products with different ids in one script, as `save` would one after the other.
     * @param parts so few that the script holds Redis for some 3 ms
     * @returns the outcome of each
     */
    async createAll(parts: readonly CreationPart[], context: RequestContext): Promise<(Outcome | Refusal)[]> {
      const { write, requestId, deadline, onlyRepeat } = context;
      if (write === undefined) throw new Error('a batch of products needs an idempotent route');
      if (onlyRepeat !== undefined) return Promise.all(parts.map(({ part }) => lookup(part, context)));
      const { fingerprint, nonce, lifetimeMs: lifetime } = write;
      const { indexes, entries } = indexEntriesOf(parts);
      const records = parts.flatMap(({ creation, part }) => [
        recordKey('products', write, part),
        productKey(creation.doc.id),
      ]);
      const keys = { stream: eventStream('products'), ...wordKeys, keys: [...records, ...indexes] };
      const words = parts.flatMap((part) => [part.words.length, ...part.words]);
      const values = [...parts.flatMap(({ creation }) => valuesOf(creation)), ...entries, ...words];
      const args = { fingerprint, nonce, lifetime, request: requestId, count: parts.length, values };
      const { replies } = await runScript(redis.writes, scripts.createProducts, { keys, args }, deadline);
      return storedReplies.parse(JSON.parse(replies)).map((reply) => {
        const decoded = decodeReply(reply);
        return decoded === undefined ? keyReused() : outcomeOf(parseReply(scripts.save, decoded));
      });
    },
  };

  /** The earlier answer for a part. @throws NoFirstAnswer when there is none: the context allows no more */
  async function lookup(part: string, context: RequestContext): Promise<Outcome | Refusal> {
    const reply = await findReply(redis.writes, 'products', scripts.save, context, part);
    if (isRefusal(reply)) return reply;
    return reply.result === 'no-record' ? { kind: reply.result } : outcomeOf(reply);
  }
}

/** The values of a product in the order of create-products.lua. */
function valuesOf({ doc, stock, documentVersion, atMs }: Creation): (string | number)[] {
  return [doc.id, JSON.stringify(doc), doc.name, doc.priceMinor, documentVersion, stock, atMs];
}

/** The indexes that the products have entries in, and of each how many, then the place of each entry's product (from 1) and its member. */
function indexEntriesOf(parts: readonly CreationPart[]): { indexes: string[]; entries: (string | number)[] } {
  const byIndex = new Map<string, (string | number)[]>();
  for (const [i, { changes }] of parts.entries()) {
    for (const { key, add } of changes) {
      const entries = byIndex.get(key) ?? [];
      for (const member of add) entries.push(i + 1, member);
      byIndex.set(key, entries);
    }
  }
  const entries = [...byIndex.values()].flatMap((each) => [each.length / 2, ...each]);
  return { indexes: [...byIndex.keys()], entries };
}
