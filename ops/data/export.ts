/** `npm run export -- products|users|purchases [FILE]`: writes all of them as JSON lines or CSV, page by page. */
import { createWriteStream, realpathSync, renameSync, rmSync, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { stringify } from 'csv-stringify/sync';
import type { Client } from '../../api/client/client.ts';

/** What can be exported, and how each looks as a row of a CSV file. A CSV of products can be imported again. */
const exports = {
  products: {
    isPersonal: false,
    columns: ['id', 'name', 'description', 'category', 'company', 'manufacturedAt', 'price', 'currency', 'stock'],
    items: (client: Client) => client.pages('listProducts', { query: { limit: 100, sort: 'createdAt' } }),
  },
  users: {
    isPersonal: true,
    columns: ['id', 'email', 'firstName', 'lastName', 'role', 'createdAt', 'updatedAt'],
    items: (client: Client) => client.pages('listUsers', { query: { limit: 100 } }),
  },
  purchases: {
    isPersonal: true,
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
  const { columns, items, isPersonal } = exports[name];
  let count = 0;
  const csvRow = (item: object) => {
    const values = rowOf(item, columns);
    return stringify([isPersonal ? values.map(withoutFormulas) : values], csvOptions);
  };
  async function* texts() {
    if (format === 'csv') yield stringify([[...columns]]);
    for await (const item of items(client)) {
      yield format === 'jsonl' ? `${JSON.stringify(item)}\n` : csvRow(item);
      count += 1;
    }
  }
  await pipeline(Readable.from(texts()), out, { end: false });
  return count;
}

/**
 * Writes everything of one kind into a file that is there only when it is complete. One with personal data can be read by its owner only.
 * @throws Error when the file cannot be written
 */
export async function exportFile(
  client: Client,
  name: ExportName,
  format: 'jsonl' | 'csv',
  file: string,
): Promise<number> {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found !== undefined && !found.isFile()) throw new Error(`${file} is not a file.`);
  const target = found === undefined ? file : realpathSync(file);
  const part = `${target}.part`;
  rmSync(part, { force: true });
  // `wx`: created anew, because a file that is there already keeps its mode.
  const out = createWriteStream(part, { flags: 'wx', mode: exports[name].isPersonal ? 0o600 : 0o666 });
  try {
    const count = await exportAll(client, name, format, out);
    await new Promise<void>((done, failed) => out.on('error', failed).end(done));
    renameSync(part, target);
    return count;
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
}

/** The import takes blanks around a value away unless it is in quotes. */
const csvOptions = { quoted_match: /^\s|\s$/ };

/**
 * A text that a customer wrote, in which no spreadsheet finds a formula: an apostrophe stands before each character that begins one. A cell may
 * also begin after a semicolon, a tab or a line break, where these are what separates cells, so csv-stringify's `escape_formulas` is not enough
 * (https://owasp.org/www-community/attacks/CSV_Injection).
 */
function withoutFormulas(value: unknown): unknown {
  return typeof value === 'string' ? value.replaceAll(/(^|[;\t\r\n])(["\s]*)(?=[=+\-@＝＋－＠])/g, "$1$2'") : value;
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
