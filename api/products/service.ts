/** The rules of making, changing and deleting products and of their stock. */
import { shopTimeMs } from '../core/clock.ts';
import { newShortId, newVersionId } from '../core/ids.ts';
import { invalid, isRefusal, type Refusal, refuse, type Written, written } from '../core/outcome.ts';
import type { RequestContext } from '../core/request.ts';
import { retryOnConflict } from '../core/retry-on-conflict.ts';
import type { Product, ProductDoc, StoredProduct } from './record.ts';
import { maxStock, type NewProduct, type ProductChange } from './schema.ts';
import type { Creation, Outcome, ProductWrites, Save } from './store.ts';
import type { ProductReads } from './store-reads.ts';

/** See {@link createProductRules}. */
export type ProductRules = ReturnType<typeof createProductRules>;

/** The entity tag, as save.lua and restock.lua compute it: a version counts the changes of one generation, which a recreated product begins anew. */
export function tagOf({ version, generation }: Product): string {
  return `${version}-${generation}`;
}

/** Creates the rules. Every function throws Unavailable when the result is not certain before the deadline; then it can be repeated. */
export function createProductRules(store: ProductWrites, reads: Pick<ProductReads, 'read'>) {
  return {
    /** One product. */
    async get(id: string, context: RequestContext): Promise<Product | Refusal> {
      const [found] = await reads.read([id], context);
      return found ?? unknown(id);
    },

    /** Makes a product, under the id given or one made here. @param part see `runKeyed` */
    async create(given: NewProduct, context: RequestContext, part = ''): Promise<Written<Product> | Refusal> {
      const save = creationOf(given);
      return made(given, save.doc.id, await store.save(save, context, part));
    },

    /** The earlier answer of `create` under this key and part; `undefined` if there is none. */
    async lookupCreated(
      given: NewProduct,
      context: RequestContext,
      part: string,
    ): Promise<Written<Product> | Refusal | undefined> {
      const outcome = await store.lookup(context, part);
      return !isRefusal(outcome) && outcome.kind === 'no-record' ? undefined : made(given, given.id ?? '', outcome);
    },

    /** Changes the fields that are there. */
    async update(id: string, change: ProductChange, context: RequestContext): Promise<Written<Product> | Refusal> {
      const outcome = await changeProduct(id, context, (before) => {
        const save: Save = {
          kind: 'update',
          before,
          doc: changed(before.doc, change),
          documentVersion: newVersionId(),
          atMs: shopTimeMs(),
        };
        return store.save(save, context);
      });
      if (isRefusal(outcome)) return outcome;
      if (outcome.kind !== 'updated') throw unexpected(outcome);
      return written(outcome.product, outcome.replayed);
    },

    /** Deletes a product. Purchases keep what they bought. */
    async remove(id: string, context: RequestContext): Promise<Written<undefined> | Refusal> {
      const outcome = await changeProduct(id, context, (before) => store.save({ kind: 'delete', before }, context));
      if (isRefusal(outcome)) return outcome;
      if (outcome.kind !== 'deleted') throw unexpected(outcome);
      return written(undefined, outcome.replayed);
    },

    /** Adds to the stock, or takes from it. */
    async restock(id: string, delta: number, context: RequestContext): Promise<Written<Product> | Refusal> {
      return restocked(id, await store.restock(id, delta, maxStock, context));
    },
  };

  /**
   * Writes on top of what was read, and reads again when it has changed in between (each round ends by the deadline). A repeated deletion
   * finds no product: then the first answer counts, not the present state.
   */
  async function changeProduct(
    id: string,
    context: RequestContext,
    write: (before: StoredProduct) => Promise<Outcome | Refusal>,
  ): Promise<Outcome | Refusal> {
    const outcome = await retryOnConflict(context.deadline, async () => {
      const [before] = await reads.read([id], context);
      if (before !== undefined) return write(before);
      const earlier = await store.lookup(context);
      return !isRefusal(earlier) && earlier.kind === 'no-record' ? unknown(id) : earlier;
    });
    return !isRefusal(outcome) && outcome.kind === 'stale' ? stale(id) : outcome;
  }
}

/** What is written to make a product. */
export function creationOf(given: NewProduct): Creation {
  const atMs = shopTimeMs();
  const doc = docOf(given, given.id ?? newShortId(), atMs);
  return { kind: 'create', doc, stock: given.stock, documentVersion: newVersionId(), atMs };
}

/** The refusal of an id that is taken. */
export function exists(id: string): Refusal {
  return refuse('product-exists', `There is a product '${id}' already.`);
}

function unknown(id: string): Refusal {
  return refuse('not-found', `There is no product '${id}'.`);
}

function stale(id: string): Refusal {
  return refuse('precondition-failed', `The product '${id}' has changed since the version in If-Match; read it again.`);
}

/** The result of making `given` under `wantedId`. The body is the first one's (its fingerprint is), so only the rest is stored. */
export function made(given: NewProduct, wantedId: string, outcome: Outcome | Refusal): Written<Product> | Refusal {
  if (isRefusal(outcome)) return outcome;
  if (outcome.kind === 'exists') return { ...exists(wantedId), replayed: outcome.replayed };
  if (outcome.kind !== 'created') throw unexpected(outcome);
  const { id, atMs, generation, replayed } = outcome;
  const product = { doc: docOf(given, id, atMs), stock: given.stock, updatedAt: atMs, version: '1', generation };
  return written(product, replayed);
}

/** The result of a change of the stock. */
function restocked(id: string, outcome: Outcome | Refusal): Written<Product> | Refusal {
  if (isRefusal(outcome)) return outcome;
  switch (outcome.kind) {
    case 'restocked':
      return written(outcome.product, outcome.replayed);
    case 'short': {
      const { stock: available, replayed } = outcome;
      const refusal = refuse('insufficient-stock', `Only ${available} in stock.`, { available });
      return { ...refusal, replayed };
    }
    case 'full':
      return invalid([{ pointer: '#/delta', detail: `would put more than ${maxStock} in stock` }]);
    case 'missing':
      return unknown(id);
    case 'stale':
      return stale(id);
    default:
      throw unexpected(outcome);
  }
}

function unexpected(outcome: Outcome): Error {
  return new Error(`the store answered '${outcome.kind}' where it cannot`);
}

function docOf(given: NewProduct, id: string, createdAt: number): ProductDoc {
  return {
    id,
    name: given.name,
    description: given.description ?? '',
    category: given.category,
    company: given.company ?? null,
    manufacturedAt: given.manufacturedAt ?? null,
    priceMinor: given.price.amount,
    currency: given.price.currency,
    createdAt,
  };
}

/** The document with the fields that the change names. */
export function changed(doc: ProductDoc, change: ProductChange): ProductDoc {
  const { name, description, category, company, manufacturedAt, price } = change;
  return {
    ...doc,
    name: name ?? doc.name,
    description: description ?? doc.description,
    category: category ?? doc.category,
    company: company === undefined ? doc.company : company,
    manufacturedAt: manufacturedAt === undefined ? doc.manufacturedAt : manufacturedAt,
    priceMinor: price?.amount ?? doc.priceMinor,
    currency: price?.currency ?? doc.currency,
  };
}
