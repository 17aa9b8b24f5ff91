/** After a bench: what was sold is what is gone from stock, and no purchase happened twice. Read over HTTP, as a client sees it. */
import type { Shop } from '../../ops/local/shop.ts';
import { shopClient, signInAdmin } from '../support/client.ts';
import { waitFor } from '../support/wait.ts';
import type { Subjects } from './subjects.ts';

/** How long purchases whose client is gone may take to end, in ms; the contract's 30 s, and the bench's own listing. */
const settleMs = 60_000;

/** @throws when stock is not conserved, or there are fewer or more purchases than were answered and sent */
export async function checkStock(
  { httpUrl, settings }: Shop,
  { productIds, initialStock, purchases }: Subjects,
): Promise<void> {
  const client = shopClient(httpUrl);
  const token = await signInAdmin(client, settings.adminEmail, settings.secrets.ADMIN_PASSWORD ?? '');
  const list = (status: string) =>
    wholeList<{ items: { productId: string; quantity: number }[] }>(`/purchases?status=${status}`);
  await waitFor('pending purchases to end', async () => (await list('pending')).length === 0, settleMs, 500);
  const completed = await list('completed');
  const { answered, unanswered } = purchases();
  if (completed.length < answered || completed.length > answered + unanswered) {
    throw new Error(
      `${completed.length} purchases are stored; ${answered} were answered, ${unanswered} at most were not`,
    );
  }
  const sold = new Map<string, number>();
  for (const { productId, quantity } of completed.flatMap(({ items }) => items)) {
    sold.set(productId, (sold.get(productId) ?? 0) + quantity);
  }
  const wrong: string[] = [];
  let isAny = false;
  for (const { id, stock } of await wholeList<{ id: string; stock: number }>('/products')) {
    isAny = true;
    if (stock !== initialStock - (sold.get(id) ?? 0)) wrong.push(id);
  }
  if (!isAny || wrong.length > 0)
    throw new Error(`stock is not what was sold, of ${wrong.length} of ${productIds.length} products`);
  console.log(
    `stock: ${completed.length} purchases (${answered} answered), stock conserved for ${productIds.length} products`,
  );

  async function wholeList<T>(path: string): Promise<T[]> {
    const items: T[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const next: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page = await client('GET', `${path}${path.includes('?') ? '&' : '?'}limit=100${next}`, { token });
      if (page.status !== 200) throw new Error(`${path}: ${page.status}`);
      items.push(...page.body.data);
      cursor = page.body.nextCursor;
    }
    return items;
  }
}
