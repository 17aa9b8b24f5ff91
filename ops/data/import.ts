/** `npm run import -- FILE`: puts products into a running shop through its API. */
import { createWriteStream, existsSync, rmSync, statSync, type WriteStream } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { type Client, ShopProblem } from '../../api/client/client.ts';
import type { NewProduct } from '../../api/client/types.ts';
import { showProgress } from './progress.ts';
import { type Row, readRows } from './rows.ts';

/** What became of the rows. */
export type Imported = { readonly taken: number; readonly there: number; readonly refused: number };

/** The most of one request: `POST /products/batch` takes 1000 products and 2 MB, and answers in 3.7 s. */
const batchRows = 250;
const batchBytes = 1_800_000;
/** How often a batch is sent again that was not made in time; its products that were are found by their ids. */
const tries = 5;

/**
 * Imports a file. Rows that the shop refuses go to `FILE.refused.jsonl`, each with its line and the reasons. Repeating it is safe: a product
 * that is there already, by its id, stays as it is.
 * @param client signed in as an admin
 */
export async function importFile(
  client: Client,
  file: string,
  currency: string,
  log: (text: string) => void,
): Promise<Imported> {
  const refusedFile = `${file}.refused.jsonl`;
  if (existsSync(refusedFile)) rmSync(refusedFile);
  const size = statSync(file).size;
  const progress = showProgress('products');
  const count = { taken: 0, there: 0, refused: 0 };
  let refusals: WriteStream | undefined;
  const refuse = ({ line, given }: Row, problem: object) => {
    refusals ??= createWriteStream(refusedFile);
    refusals.write(`${JSON.stringify({ line, ...problem, given })}\n`);
    count.refused += 1;
  };

  let batch: Row[] = [];
  let bytes = 0;
  const flush = async () => {
    const rows = batch.filter(({ product }) => product !== undefined);
    for (const row of batch) if (row.fault !== undefined) refuse(row, { detail: row.fault });
    const results = rows.length === 0 ? [] : await makeProducts(client, rows);
    for (const [i, result] of results.entries()) {
      const row = rows[i];
      if (row === undefined) continue;
      if (result.status === 201) count.taken += 1;
      else if (result.problem?.type === '/problems/product-exists') count.there += 1;
      else refuse(row, result.problem ?? { detail: `status ${result.status}` });
    }
    progress.show(count.taken + count.there + count.refused, (batch.at(-1)?.readBytes ?? size) / size);
    batch = [];
    bytes = 0;
  };
  for await (const row of readRows(file, currency)) {
    const rowBytes = Buffer.byteLength(JSON.stringify(row.product ?? null));
    if (batch.length === batchRows || bytes + rowBytes > batchBytes) await flush();
    batch.push(row);
    bytes += rowBytes;
  }
  await flush();
  progress.end(count.taken + count.there + count.refused);
  if (refusals !== undefined) await new Promise<void>((done) => refusals?.end(() => done()));
  log(
    `${count.taken} taken, ${count.there} there already, ${count.refused} refused${count.refused > 0 ? `: see ${refusedFile}` : ''}`,
  );
  return count;
}

async function makeProducts(client: Client, rows: readonly Row[]) {
  const body = { products: rows.map(({ product }) => product as unknown as NewProduct) as [NewProduct] };
  for (let attempt = 1; ; attempt++) {
    try {
      return (await client.call('createProducts', { body })).data;
    } catch (error) {
      const isPassing = !(error instanceof ShopProblem) || error.problem.status >= 500;
      if (!isPassing || attempt === tries) throw error;
      await pause(1000);
    }
  }
}
