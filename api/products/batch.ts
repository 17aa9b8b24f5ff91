/**
 * The rules of a batch: each product is created or refused on its own. When the batch is repeated under its key, each gets its first answer,
 * also when the first attempt ended half-way. The key is bound to the body first; each product then has a record of its own under the batch.
 */
import { newVersionId } from '../core/ids.ts';
import { isRefusal, type Refusal, type Written, written } from '../core/outcome.ts';
import type { RequestContext } from '../core/request.ts';
import { type SliceBounds, slicesOf } from '../core/slices.ts';
import { indexChanges, wordChange } from './indexes.ts';
import type { Product } from './record.ts';
import type { NewProduct } from './schema.ts';
import { creationOf, exists, made, type ProductRules } from './service.ts';
import type { BatchWrites, CreationPart } from './store-batches.ts';

/**
 * How much is in work at once, in products and in their entries in indexes: no more than Redis and its replicas index in some 20 ms (about
 * 3 µs an entry). More at once keeps other clients' writes waiting and outlasts the WAIT, so that all of it is sent again.
 */
const atOnce: SliceBounds = { count: 128, weight: 6000 };
/** How much one script writes: it holds Redis for 2 ms to 3 ms, or once as long as it takes to index one long description. */
const inOneScript: SliceBounds = { count: 16, weight: 600 };

/** A product of the batch and its place in it. */
type Todo = { readonly product: NewProduct; readonly at: number };

/** Creates the rules of batches. */
export function createBatches(store: BatchWrites, rules: Pick<ProductRules, 'lookupCreated'>) {
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
      const binding = await store.bindBatch(newVersionId(), context);
      if (isRefusal(binding)) return binding;
      const { id, repeated, replayed } = binding;
      const results: (string | Refusal)[] = [];
      let todo: Todo[] = [];
      for (const [at, item] of refuseRepeated(given).entries()) {
        if (isRefusal(item)) results[at] = item;
        else todo.push({ product: item, at });
      }
      const partOf = ({ at }: Todo) => `:${id}:${at}`;
      const settle = ({ at }: Todo, outcome: Written<Product> | Refusal) => {
        results[at] = isRefusal(outcome) ? outcome : outcome.value.doc.id;
      };

      // Products of an earlier attempt are looked up in full groups, without their texts, so each repetition of a big batch gets further.
      if (repeated) {
        for (const slice of slicesOf(todo, () => 0, atOnce)) await Promise.all(slice.map(lookupOne));
        todo = todo.filter(({ at }) => results[at] === undefined);
      }
      for (const slice of slicesOf(prepared(), entriesOf, atOnce)) {
        await Promise.all([...slicesOf(slice, entriesOf, inOneScript)].map(createSome));
      }
      return written(results, replayed);

      async function lookupOne(one: Todo): Promise<void> {
        const outcome = await rules.lookupCreated(one.product, context, partOf(one));
        if (outcome !== undefined) settle(one, outcome);
      }

      /** One after the other, so that the event loop is free between two slices. */
      function* prepared(): Generator<Todo & CreationPart> {
        for (const one of todo) {
          const creation = creationOf(one.product);
          const { doc } = creation;
          const words = wordChange(undefined, doc).add;
          yield { ...one, creation, part: partOf(one), changes: indexChanges(undefined, doc), words };
        }
      }

      async function createSome(some: readonly (Todo & CreationPart)[]): Promise<void> {
        const outcomes = await store.createAll(some, context);
        for (const [i, one] of some.entries()) {
          const outcome = outcomes[i];
          if (outcome === undefined) throw new Error('a script replied too little');
          settle(one, made(one.product, one.creation.doc.id, outcome));
        }
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

function entriesOf({ changes, words }: CreationPart): number {
  return changes.reduce((sum, { add }) => sum + add.length, words.length);
}
