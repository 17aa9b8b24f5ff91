/**
 * The rules of a batch: each product is taken or refused on its own, and each answers as before when the batch is repeated under its key,
 * also when the first time ended half-way. The key is bound to the body first; each product then has a record of its own under the batch.
 */
import { newId } from '../core/ids.ts';
import { isRefusal, type Refusal } from '../core/outcome.ts';
import type { RequestContext } from '../core/request.ts';
import type { NewProduct } from './schema.ts';
import { type Done, exists, type Rules } from './service.ts';
import type { Store } from './store.ts';

/** How many products are in work at once: two groups of writes, so that other people's get in between. */
const atOnce = 256;

/** Opens the batches. */
export function openBatches(store: Pick<Store, 'claim'>, { create }: Pick<Rules, 'create'>) {
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
    ): Promise<Done<readonly (string | Refusal)[]> | Refusal> {
      const claim = await store.claim(newId(), context);
      if (isRefusal(claim)) return claim;
      const todo = refuseRepeated(given);
      const results: (string | Refusal)[] = [];
      for (let from = 0; from < todo.length; from += atOnce) {
        const slice = todo.slice(from, from + atOnce).map((item, i) => makeOne(item, `:${claim.id}:${from + i}`));
        results.push(...(await Promise.all(slice)));
      }
      return { kind: 'done', value: results, replayed: claim.replayed };

      async function makeOne(item: NewProduct | Refusal, part: string): Promise<string | Refusal> {
        if (isRefusal(item)) return item;
        const made = await create(item, context, part);
        return isRefusal(made) ? made : made.value.doc.id;
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
