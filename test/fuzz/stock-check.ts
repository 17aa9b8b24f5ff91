/** What must be left of each product: what it was made with, plus what was added, minus what completed purchases hold. */
import type { ShopClient } from '../support/client.ts';
import type { Plan } from './requests.ts';

/** See the head of this file. */
export type StockCheck = {
  /** Takes note of an answer of 2xx with a body. */
  note(plan: Plan, answer: Record<string, unknown>, isReplayed: boolean): void;
  /** A change of stock that may have happened or not: its product is left out. */
  unknown(plan: Plan, products: readonly string[]): void;
  /** Compares with the shop. @returns each difference as a sentence */
  faults(shop: ShopClient, adminToken: string): Promise<string[]>;
  counts(): { products: number; purchases: number };
};

type Stocked = { id: string; stock: number; createdAt: string };

/** Creates one without products. Those that a batch makes are not counted: its answer does not say with how much. */
export function createStockCheck(): StockCheck {
  /** What is expected if nothing were sold, by product and the time when it was made. */
  const supplied = new Map<string, { id: string; stock: number }>();
  const uncertain = new Set<string>();
  let purchases = 0;
  const keyOf = ({ id, createdAt }: Stocked) => `${id} ${createdAt}`;

  return {
    note(plan, answer, isReplayed) {
      if (isReplayed || plan.method !== 'POST') return;
      const product = answer as Stocked;
      if (plan.path === '/products') supplied.set(keyOf(product), { id: product.id, stock: product.stock });
      const entry = supplied.get(keyOf(product));
      if (plan.path === '/products/{id}/stock' && entry !== undefined) {
        entry.stock += (plan.body as { delta: number }).delta;
      }
    },
    unknown(plan, products) {
      if (plan.path.startsWith('/products')) for (const id of 'known' in plan.id ? products : []) uncertain.add(id);
    },
    async faults(shop, token) {
      const sold = new Map<string, number>();
      let cursor: string | null = null;
      do {
        const page: Awaited<ReturnType<ShopClient>> = await shop(
          'GET',
          `/purchases?limit=100${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
          { token },
        );
        for (const { status, items } of page.body.data as {
          status: string;
          items: { productId: string; quantity: number }[];
        }[]) {
          purchases += 1;
          if (status !== 'completed') continue;
          for (const { productId, quantity } of items) sold.set(productId, (sold.get(productId) ?? 0) + quantity);
        }
        cursor = page.body.nextCursor;
      } while (cursor !== null);
      const faults: string[] = [];
      for (const [key, { id, stock }] of supplied) {
        const { status, body } = await shop('GET', `/products/${id}`, { token });
        const isSame = status === 200 && keyOf(body) === key;
        // A product that was deleted and made anew shares its id with purchases of the old one.
        const isRemade = [...supplied.keys()].filter((each) => each.startsWith(`${id} `)).length > 1;
        if (!isSame || isRemade || uncertain.has(id)) continue;
        const left = stock - (sold.get(id) ?? 0);
        if (body.stock !== left || left < 0)
          faults.push(`product ${id} has ${body.stock} in stock, and should have ${left}`);
      }
      return faults;
    },
    counts: () => ({ products: supplied.size, purchases }),
  };
}
