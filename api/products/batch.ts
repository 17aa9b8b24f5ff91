/**
 * The rules of a batch: each product is taken or refused on its own, and each answers as before when the batch is repeated under its key,
 * also when the first time ended half-way. The key is bound to the body first; each product then has a record of its own under the batch.
 */
import { newId } from '../core/ids.ts';
import { isRefusal, type Refusal, type Written, written } from '../core/outcome.ts';
import type { RequestContext } from '../core/request.ts';
import type { Product } from './record.ts';
import type { NewProduct } from './schema.ts';
import { exists, type ProductRules } from './service.ts';
import type { ProductWrites } from './store.ts';

/**
 * How much is in work at once: at most one group of writes, and no more text than Redis and its replicas index in some 20 ms (about
 * 3 µs a word). More at once keeps other clients' writes waiting and outlasts the WAIT, so that all of it is sent again.
 */
const atOnce = { products: 128, characters: 32_000 };

/** A product of the batch and its place in it. */
type Todo = { readonly product: NewProduct; readonly at: number };
type Work = (product: NewProduct, part: string) => Promise<Written<Product> | Refusal | undefined>;

/** Creates the rules of batches. */
export function createBatches(
  store: Pick<ProductWrites, 'bindBatch'>,
  rules: Pick<ProductRules, 'create' | 'lookupCreated'>,
) {
  return {
    /**
     * Makes the products.
     * @param given in order; a refusal stands for one that was no valid product
     * @returns for each its id or the refusal; or the refusal of the whole, when its key was used for another body
     * @throws Unavailable when one of them is not certain before the deadline: repeat the batch under its key
     */
    async make(
      given: readonly (NewProduct | Refusal)[],
      context: RequestContext,
    ): Promise<Written<readonly (string | Refusal)[]> | Refusal> {
      const binding = await store.bindBatch(newId(), context);
      if (isRefusal(binding)) return binding;
      const { id, repeated, replayed } = binding;
      const results: (string | Refusal)[] = [];
      let todo: Todo[] = [];
      for (const [at, item] of refuseRepeated(given).entries()) {
        if (isRefusal(item)) results[at] = item;
        else todo.push({ product: item, at });
      }
      // What an earlier time made is asked for in full groups, without its text: so each repetition of a big batch gets further.
      if (repeated) {
        await settle(
          slicesOf(todo, () => 0),
          (product, part) => rules.lookupCreated(product, context, part),
        );
        todo = todo.filter(({ at }) => results[at] === undefined);
      }
      await settle(slicesOf(todo, charactersOf), (product, part) => rules.create(product, context, part));
      return written(results, replayed);

      async function settle(slices: readonly Todo[][], work: Work): Promise<void> {
        const settleOne = async ({ product, at }: Todo) => {
          const outcome = await work(product, `:${id}:${at}`);
          if (outcome !== undefined) results[at] = isRefusal(outcome) ? outcome : outcome.value.doc.id;
        };
        for (const slice of slices) await Promise.all(slice.map(settleOne));
      }
    },
  };
}

/** Of several valid products with one id the first is taken; decided here, because in work at once they would race. */
export function refuseRepeated(given: readonly (NewProduct | Refusal)[]): (NewProduct | Refusal)[] {
  const ids = new Set<string>();
  return given.map((item) => {
    if (isRefusal(item) || item.id === undefined) return item;
    if (ids.has(item.id)) return exists(item.id);
    ids.add(item.id);
    return item;
  });
}

/** The products in order, in slices that are in work at once. */
export function slicesOf(todo: readonly Todo[], weigh: (todo: Todo) => number): Todo[][] {
  const slices: Todo[][] = [];
  let room = { products: 0, characters: 0 };
  for (const one of todo) {
    const characters = weigh(one);
    if (room.products === 0 || room.characters < characters) {
      slices.push([]);
      room = { ...atOnce };
    }
    slices.at(-1)?.push(one);
    room = { products: room.products - 1, characters: room.characters - characters };
  }
  return slices;
}

/** How many characters of a product are indexed. */
export function charactersOf({ product }: Todo): number {
  return product.name.length + (product.description?.length ?? 0) + (product.company?.length ?? 0);
}
