/** The check after a load: what was acknowledged is stored, and what was sold is what is missing in stock. */
import type { Credentials, FailoverClient } from './client.ts';

/** What a load has made, and the purchases that it got an answer for. */
export type Books = {
  readonly buyers: readonly Credentials[];
  /** Ids of products that began with `stock` each. */
  readonly products: readonly string[];
  readonly stock: number;
  readonly acknowledged: ReadonlySet<string>;
};

type Purchase = { id: string; status: string; items: { productId: string; quantity: number }[] };

/** Reads all of it as clients do. @returns what is wrong, one line each */
export async function faultsInBooks(client: FailoverClient, books: Books): Promise<string[]> {
  const ofEach = books.buyers.map(async (buyer) => client.listAll<Purchase>('/purchases', await client.signIn(buyer)));
  const purchases = (await Promise.all(ofEach)).flat();
  const statusOf = new Map(purchases.map(({ id, status }) => [id, status]));
  const lost = [...books.acknowledged]
    .filter((id) => statusOf.get(id) !== 'completed')
    .map((id) => `purchase ${id} was acknowledged and is ${statusOf.get(id) ?? 'gone'}`);
  const sold = new Map(books.products.map((id) => [id, 0]));
  for (const { items } of purchases.filter(({ status }) => status === 'completed')) {
    for (const { productId, quantity } of items) sold.set(productId, (sold.get(productId) ?? 0) + quantity);
  }
  const wrong = books.products.map(async (id) => {
    const product = (await client.retryUntilDone({ method: 'GET', path: `/products/${id}` })) as { stock: number };
    const missing = books.stock - product.stock;
    return missing === sold.get(id) ? [] : [`of ${id} ${sold.get(id)} were sold and ${missing} are missing`];
  });
  return [...lost, ...(await Promise.all(wrong)).flat()];
}
