/** `npm run export -- products|users|purchases [FILE]`: writes all of them as JSON lines or CSV, page by page. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { stringify } from 'csv-stringify/sync';
import type { Client } from '../../api/client/client.ts';

/** What can be exported, and how each looks as a row of a CSV file. A CSV of products can be imported again. */
const exports = {
  products: {
    columns: ['id', 'name', 'description', 'category', 'company', 'manufacturedAt', 'price', 'currency', 'stock'],
    items: (client: Client) => client.pages('listProducts', { query: { limit: 100, sort: 'createdAt' } }),
  },
  users: {
    columns: ['id', 'email', 'firstName', 'lastName', 'role', 'createdAt', 'updatedAt'],
    items: (client: Client) => client.pages('listUsers', { query: { limit: 100 } }),
  },
  purchases: {
    columns: ['id', 'userId', 'status', 'items', 'total', 'currency', 'createdAt', 'updatedAt'],
    items: (client: Client) => client.pages('listPurchases', { query: { limit: 100 } }),
  },
} as const;

/** What can be exported. */
export type ExportName = keyof typeof exports;
/** See {@link ExportName}. */
export const exportNames = Object.keys(exports) as ExportName[];

/**
 * Writes everything of one kind. The stream is not ended.
 * @param client signed in as an admin
 * @returns how many
 */
export async function exportAll(
  client: Client,
  name: ExportName,
  format: 'jsonl' | 'csv',
  out: NodeJS.WritableStream,
): Promise<number> {
  const { columns, items } = exports[name];
  let count = 0;
  async function* texts() {
    if (format === 'csv') yield stringify([[...columns]]);
    for await (const item of items(client)) {
      yield format === 'jsonl' ? `${JSON.stringify(item)}\n` : stringify([rowOf(item, columns)]);
      count += 1;
    }
  }
  await pipeline(Readable.from(texts()), out, { end: false });
  return count;
}

type Money = { amount: number; currency: string };

/** The values of the columns: money as its amount in minor units, with the currency in a column of its own; items as `id:quantity`. */
function rowOf(item: object, columns: readonly string[]): unknown[] {
  const values = item as Record<string, unknown>;
  const money = (values.price ?? values.total) as Money | null | undefined;
  return columns.map((column) => {
    if (column === 'currency') return money?.currency ?? '';
    if (column === 'price' || column === 'total') return money?.amount ?? '';
    if (column !== 'items') return values[column] ?? '';
    const bought = values.items as { productId: string; quantity: number }[];
    return bought.map(({ productId, quantity }) => `${productId}:${quantity}`).join(' ');
  });
}
