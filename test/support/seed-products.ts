/** Many products at once, written straight into Redis in the layout of the store: for tests and benches of large catalogues. */
import type { Redis } from 'ioredis';
import { newId } from '../../api/core/ids.ts';
import { indexChanges, wordChange } from '../../api/products/indexes.ts';
import { idsStart, lastNumberKey, productKey, vocabularyKey, wordStart } from '../../api/products/keys.ts';
import type { ProductDoc } from '../../api/products/record.ts';

const productsPerPipeline = 500;

/**
 * Stores `count` products.
 * @param master a connection that may write the keys of `products`
 * @param productAt the fields of the n-th product; the rest is the same for all
 * @returns their documents
 */
export async function seedProducts(
  master: Redis,
  count: number,
  productAt: (n: number) => Partial<ProductDoc> & { readonly stock?: number },
): Promise<ProductDoc[]> {
  const docs: ProductDoc[] = [];
  const numberBefore = (await master.incrby(lastNumberKey, count)) - count;
  for (let from = 0; from < count; from += productsPerPipeline) {
    const pipeline = master.pipeline();
    for (let n = from; n < Math.min(count, from + productsPerPipeline); n++) {
      const { stock = 1, ...changes } = productAt(n);
      const doc: ProductDoc = { ...usual, id: newId(), createdAt: 1_700_000_000_000 + n, ...changes };
      docs.push(doc);
      const key = productKey(doc.id);
      const { name, priceMinor } = doc;
      const values = {
        doc: JSON.stringify(doc),
        name,
        priceMinor,
        documentVersion: newId(),
        updatedAt: doc.createdAt,
        version: 1,
      };
      const number = numberBefore + n + 1;
      pipeline.hset(key, { number, ...values });
      pipeline.hset(key, { generation: newId(), stock, initial: stock, restocked: 0, sold: 0, returned: 0 });
      for (const { key: index, add } of indexChanges(undefined, doc)) {
        pipeline.zadd(index, ...add.flatMap((member) => [0, member]));
      }
      pipeline.hset(`${idsStart}${Math.floor(number / 64)}`, number, doc.id);
      for (const word of wordChange(undefined, doc).add) {
        pipeline.sadd(`${wordStart}${word}`, number);
        pipeline.zadd(vocabularyKey, 0, word);
      }
    }
    const failed = (await pipeline.exec())?.find(([error]) => error)?.[0];
    if (failed) throw failed;
  }
  return docs;
}

const usual = {
  name: 'A product',
  description: '',
  category: 'Seeded',
  company: null,
  manufacturedAt: null,
  priceMinor: 100,
  currency: 'USD',
};
