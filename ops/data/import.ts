/** `npm run import -- FILE`: puts products into a running shop through its API. */
import { randomUUID } from 'node:crypto';
import { createWriteStream, rmSync, statSync, type WriteStream } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { type Client, ShopProblem } from '../../api/client/client.ts';
import type { NewProduct } from '../../api/client/types.ts';
import { type Progress, showProgress } from './progress.ts';
import { type Row, readRows } from './rows.ts';

/** How many rows were created, were in the shop before, or were refused. */
type Imported = { readonly created: number; readonly existing: number; readonly refused: number };
type Count = { -readonly [name in keyof Imported]: number };

/** The most of one request: `POST /products/batch` takes 1000 products and 2 MB, and has to answer within 3.7 s. */
const batchRows = { least: 50, first: 250, most: 1000 };
const batchBytes = 1_800_000;
/** No valid product is as large; the limit of every other request. */
const rowBytes = 100_000;
/** A batch that took less time than this, in ms, is followed by larger ones; one that took four times as long by smaller ones. */
const quickMs = 500;
/** Batches on their way at once: while one is on its way, the next are read and made. */
const atOnce = 3;
/** How often a batch is sent again that was not made in time. */
const tries = 5;

type Batch = { readonly rows: readonly Row[]; readonly done: number };
type Result = { readonly status: number; readonly problem?: object | undefined };

/**
 * Imports a file. Rows that the shop refuses go to `FILE.refused.jsonl`, each with its line and the reasons. Repeating it is safe: a product
 * that is there already, by its id, stays as it is.
 * @param client signed in as an admin
 * @throws Error when the file cannot be read to its end; what came before is in the shop
 */
export async function importFile(
  client: Client,
  file: string,
  currency: string,
  log: (text: string) => void,
): Promise<Imported> {
  const refusedFile = `${file}.refused.jsonl`;
  rmSync(refusedFile, { force: true });
  const progress = showProgress('products');
  const count: Count = { created: 0, existing: 0, refused: 0 };
  let refusals: WriteStream | undefined;
  let fault: Error | undefined;
  const refuse = ({ line, given }: Row, problem: object) => {
    refusals ??= createWriteStream(refusedFile).on('error', (error) => {
      fault = error;
    });
    refusals.write(`${JSON.stringify({ line, ...problem, given })}\n`);
    count.refused += 1;
  };
  try {
    await sendAll(client, file, currency, (row, result) => countResult(row, result, count, refuse), progress, count);
  } finally {
    progress.end(total(count));
    if (refusals !== undefined) await new Promise<void>((done) => refusals?.end(() => done()));
    const see = count.refused > 0 && fault === undefined ? `: see ${refusedFile}` : '';
    log(`${count.created} created, ${count.existing} already there, ${count.refused} refused${see}`);
  }
  if (fault !== undefined) throw new Error(`The refused rows cannot be stored: ${fault.message}`, { cause: fault });
  return count;
}

const total = ({ created, existing, refused }: Count) => created + existing + refused;

function countResult(row: Row, result: Result, count: Count, refuse: (row: Row, problem: object) => void): void {
  const { type } = (result.problem ?? {}) as { type?: string };
  if (result.status === 201) count.created += 1;
  else if (type === '/problems/product-exists') count.existing += 1;
  else refuse(row, result.problem ?? { detail: `status ${result.status}` });
}

/** Sends the rows in batches, some at once, and notes the results in the order of the file. */
async function sendAll(
  client: Client,
  file: string,
  currency: string,
  note: (row: Row, result: Result) => void,
  progress: Progress,
  count: Count,
): Promise<void> {
  let size = batchRows.first;
  const sent: { batch: Batch; results: Promise<readonly Result[]> }[] = [];
  const settleOldest = async () => {
    const oldest = sent.shift();
    if (oldest === undefined) return;
    for (const [i, result] of (await oldest.results).entries()) note(oldest.batch.rows[i] as Row, result);
    progress.show(total(count), oldest.batch.done);
  };
  const send = async (rows: readonly Row[]) => {
    const beganAt = performance.now();
    const results = await resultsOf(client, rows);
    const ms = performance.now() - beganAt;
    if (ms < quickMs) size = Math.min(batchRows.most, size * 2);
    if (ms > 4 * quickMs) size = Math.max(batchRows.least, Math.floor(size / 2));
    return results;
  };
  try {
    for await (const batch of batchesOf(file, currency, () => size)) {
      const results = send(batch.rows);
      results.catch(() => undefined); // awaited below, in its turn
      sent.push({ batch, results });
      if (sent.length === atOnce) await settleOldest();
    }
  } finally {
    while (sent.length > 0) await settleOldest();
  }
}

/** The rows in batches. A fault of the file comes after the last row before it. */
async function* batchesOf(file: string, currency: string, size: () => number): AsyncGenerator<Batch> {
  const { size: fileBytes } = statSync(file);
  let rows: Row[] = [];
  let bytes = 0;
  const take = () => {
    const batch = { rows, done: (rows.at(-1)?.readBytes ?? 0) / fileBytes };
    rows = [];
    bytes = 0;
    return batch;
  };
  let fault: unknown;
  try {
    for await (const given of readRows(file, currency)) {
      const length = Buffer.byteLength(JSON.stringify(given.product ?? null));
      const row = length > rowBytes ? { ...given, fault: `This has ${length} bytes, of ${rowBytes} at most.` } : given;
      if (rows.length >= size() || bytes + length > batchBytes) yield take();
      rows.push(row);
      bytes += row.fault === undefined ? length : 0;
    }
  } catch (error) {
    fault = error;
  }
  if (rows.length > 0) yield take();
  if (fault !== undefined) throw fault;
}

/** The result of each row: its fault if it is not a product, otherwise the shop's answer. */
async function resultsOf(client: Client, rows: readonly Row[]): Promise<readonly Result[]> {
  const good = rows.filter(({ fault }) => fault === undefined);
  const made = (good.length === 0 ? [] : await makeProducts(client, good)).values();
  return rows.map(({ fault }) =>
    fault === undefined ? (made.next().value ?? { status: 0 }) : { status: 0, problem: { detail: fault } },
  );
}

/** A batch that is refused as a whole, because of a row that cannot be judged beside others, is sent in halves until that row is alone. */
async function makeProducts(client: Client, rows: readonly Row[]): Promise<readonly Result[]> {
  const body = { products: rows.map(({ product }) => product as unknown as NewProduct) as [NewProduct] };
  // The same key in each attempt, so that products which an earlier one created count as created.
  const idempotencyKey = randomUUID();
  for (let attempt = 1; ; attempt++) {
    try {
      return (await client.call('createProducts', { body, idempotencyKey })).data;
    } catch (error) {
      const { problem } = error instanceof ShopProblem ? error : {};
      if (problem !== undefined && [400, 413, 422].includes(problem.status)) {
        if (rows.length === 1) return [{ status: problem.status, problem }];
        const half = Math.ceil(rows.length / 2);
        return [
          ...(await makeProducts(client, rows.slice(0, half))),
          ...(await makeProducts(client, rows.slice(half))),
        ];
      }
      if ((problem?.status ?? 500) < 500 || attempt === tries) throw error;
      await pause(1000);
    }
  }
}
