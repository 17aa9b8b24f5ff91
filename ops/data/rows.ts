/** Reads products from CSV or JSON lines, one by one, with the line on which each begins. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';

/** A row of the file: a product to be made, or why it is none. */
export type Row = {
  readonly line: number;
  /** How many bytes of the file are read, for the progress bar. */
  readonly readBytes: number;
  readonly given: unknown;
  readonly product?: Record<string, unknown>;
  readonly fault?: string;
};

/**
 * Reads the rows. A file whose name ends in `.csv` has its columns named in the first line: id, name, description, category, company,
 * manufacturedAt, price (in minor units), currency, stock; any other file has one JSON object a line, as `POST /products` takes it.
 * @param currency for rows of a CSV file without one (ISO 4217)
 */
export async function* readRows(file: string, currency: string): AsyncGenerator<Row> {
  const input = createReadStream(file);
  if (!file.endsWith('.csv')) {
    yield* jsonRows(input);
    return;
  }
  const parser = input.pipe(
    parse({ columns: true, bom: true, info: true, skip_empty_lines: true, relax_column_count: true, trim: true }),
  );
  // A fault of the file itself, such as one that cannot be read, ends the parser, too.
  input.on('error', (error) => parser.destroy(error));
  for await (const { record, info } of parser as AsyncIterable<{
    record: Record<string, string>;
    info: { lines: number };
  }>) {
    yield { ...productOf(record, currency), line: info.lines, readBytes: input.bytesRead };
  }
}

async function* jsonRows(input: ReturnType<typeof createReadStream>): AsyncGenerator<Row> {
  let line = 0;
  let rest = '';
  const rowOf = (text: string): Row => {
    const place = { line, readBytes: input.bytesRead };
    try {
      const given: unknown = JSON.parse(text);
      if (typeof given !== 'object' || given === null || Array.isArray(given)) throw new Error('not an object');
      return { ...place, given, product: withId(given as Record<string, unknown>) };
    } catch {
      return { ...place, given: text, fault: 'This line is not a JSON object.' };
    }
  };
  for await (const chunk of input.setEncoding('utf8')) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const text of lines) {
      line += 1;
      if (text.trim() !== '') yield rowOf(text);
    }
  }
  line += 1;
  if (rest.trim() !== '') yield rowOf(rest);
}

const textColumns = ['id', 'name', 'description', 'category', 'company', 'manufacturedAt'];

function productOf(row: Record<string, string>, currency: string): Pick<Row, 'given' | 'product' | 'fault'> {
  const known = [...textColumns, 'price', 'currency', 'stock'];
  const unknown = Object.keys(row).filter((name) => !known.includes(name));
  if (unknown.length > 0)
    return { given: row, fault: `Unknown columns: ${unknown.join(', ')}. Known: ${known.join(', ')}.` };
  const texts = textColumns.filter((name) => row[name]).map((name) => [name, row[name]]);
  const product = {
    ...Object.fromEntries(texts),
    price: { amount: numberOf(row.price), currency: row.currency || currency },
    stock: numberOf(row.stock),
  };
  return { given: row, product: withId(product) };
}

/** A number, or the text as it is: the shop says what is wrong with it. */
function numberOf(text: string | undefined): unknown {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : text;
}

/** A row without an id gets one from its content, so that the file can be put in again without doubling anything. */
function withId(product: Record<string, unknown>): Record<string, unknown> {
  if (product.id !== undefined) return product;
  const hash = createHash('sha256').update(JSON.stringify(product)).digest('base64url');
  return { id: hash.slice(0, 22), ...product };
}
