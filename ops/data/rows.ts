/** Reads products from CSV or JSON lines, one by one, with the line on which each begins. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type CsvError, parse } from 'csv-parse';

/** A row of the file: a product to create, or the fault of the row. */
export type Row = {
  readonly line: number;
  /** How many bytes of the file are read, for the progress bar. */
  readonly readBytes: number;
  readonly given: unknown;
  readonly product?: Record<string, unknown>;
  readonly fault?: string;
};

/** The text of a file. */
type Source = {
  readonly chunks: AsyncIterable<string>;
  /** How many bytes of the file it took so far. */
  readBytes(): number;
  /** Whether any of these bytes were not UTF-8. */
  isBroken(): boolean;
};

/**
 * Reads the rows. A file whose name ends in `.csv` has its columns named in the first line: id, name, description, category, company,
 * manufacturedAt, price (in minor units), currency, stock; any other file has one JSON object a line, as `POST /products` takes it.
 * @param currency for rows of a CSV file without one (ISO 4217)
 * @throws Error when the file cannot be read, or its first line does not name the columns
 */
export function readRows(file: string, currency: string): AsyncGenerator<Row> {
  return /\.csv$/i.test(file) ? csvRows(textOf(file), file, currency) : jsonRows(textOf(file));
}

/** The text of a file, without a byte order mark. */
function textOf(file: string): Source {
  const input = createReadStream(file);
  const decoder = new TextDecoder(); // puts U+FFFD in the place of bytes that are not UTF-8
  const strictDecoder = new TextDecoder('utf-8', { fatal: true });
  let isBroken = false;
  const check = (bytes?: Buffer) => {
    try {
      if (!isBroken) strictDecoder.decode(bytes, { stream: bytes !== undefined });
    } catch {
      isBroken = true;
    }
  };
  async function* chunks() {
    for await (const bytes of input) {
      check(bytes as Buffer);
      yield decoder.decode(bytes as Buffer, { stream: true });
    }
    check();
    yield decoder.decode();
  }
  return { chunks: chunks(), readBytes: () => input.bytesRead, isBroken: () => isBroken };
}

/** The same text with `\n` at the end of each line. In JSON no line end is part of a value. */
async function* withLineFeeds(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let carried = '';
  for await (const chunk of chunks) {
    const text = carried + chunk;
    carried = text.endsWith('\r') ? '\r' : ''; // perhaps the first half of \r\n
    yield text.slice(0, text.length - carried.length).replaceAll(lineEnd, '\n');
  }
  yield carried.replace('\r', '\n');
}
const lineEnd = /\r\n?/g;

async function* csvRows(source: Source, file: string, currency: string): AsyncGenerator<Row> {
  const found: { record: string[]; endLine: number }[] = [];
  const parser = parse({
    skip_empty_lines: true,
    skip_records_with_empty_values: true,
    relax_column_count: true,
    record_delimiter: ['\r\n', '\n', '\r'],
    trim: true, // but not inside of quotes
    // Taken here, not read from the stream: that would lose those just before a fault.
    on_record: (record: string[], { lines }) => {
      found.push({ record, endLine: lines });
      return null;
    },
  });
  let fault: CsvError | undefined;
  parser.on('error', (error: CsvError) => {
    fault = error;
  });
  let columns: string[] | undefined;
  let nextLine = 1;
  let countedTwice = 0; // csv-parse takes each \r\n inside of quotes for two lines
  const rows = function* (): Generator<Row> {
    for (const { record, endLine } of found.splice(0)) {
      const breaks = record.join().match(/\r\n?|\n/g) ?? [];
      countedTwice += breaks.filter((each) => each === '\r\n').length;
      nextLine = endLine + 1 - countedTwice;
      const line = nextLine - 1 - breaks.length;
      if (columns === undefined) columns = columnsOf(record, file, source);
      else yield { ...rowOf(record, columns, currency, source), line, readBytes: source.readBytes() };
    }
    if (fault !== undefined) throw new Error(`${file}, ${quoteFault(fault, nextLine, countedTwice)}`, { cause: fault });
  };
  for await (const chunk of source.chunks) {
    await new Promise((done) => parser.write(chunk, done));
    yield* rows();
  }
  await new Promise((done) => parser.end(done));
  yield* rows();
  if (columns === undefined) columnsOf([], file, source);
}

/** After a misplaced quote no line can be read. @param nextLine the line after the last row @param countedTwice lines until there */
function quoteFault({ code, lines, message }: CsvError, nextLine: number, countedTwice: number): string {
  const rule =
    'Put quotes around the whole value, and write a quote inside of it twice: "". Nothing was read from here on.';
  if (code === 'CSV_QUOTE_NOT_CLOSED')
    return `line ${nextLine} or after it: a quote is opened and never closed. ${rule}`;
  return `line ${Number(lines) - countedTwice}: ${/CLOSING_QUOTE$/.test(code) ? 'more text follows a quoted value' : message}. ${rule}`;
}

const textColumns = ['id', 'name', 'description', 'category', 'company', 'manufacturedAt'];
const knownColumns = [...textColumns, 'price', 'currency', 'stock'];
const requiredColumns = ['name', 'category', 'price', 'stock'];

/** The columns that the first line names, in any letter case. @throws Error when it does not name them properly */
function columnsOf(record: readonly string[], file: string, source: Source): string[] {
  if (record.some((text) => hasBrokenText(text, source))) throw new Error(`${file}, line 1: ${brokenText}`);
  const columns = record.map(
    (given) => knownColumns.find((name) => name.toLowerCase() === given.toLowerCase()) ?? given,
  );
  const unknown = columns.filter((name) => !knownColumns.includes(name));
  const repeated = columns.filter((name, i) => columns.indexOf(name) !== i);
  const missing = requiredColumns.filter((name) => !columns.includes(name));
  const list = (names: readonly string[]) => names.map((name) => `"${name}"`).join(', ');
  const fault =
    (unknown.length > 0 && `unknown columns: ${list(unknown)}`) ||
    (repeated.length > 0 && `repeated columns: ${list(repeated)}`) ||
    (missing.length > 0 && `missing columns: ${list(missing)}`);
  if (fault === false) return columns;
  const rule = `The first line names the columns, with commas between them: ${requiredColumns.join(', ')}`;
  const optional = knownColumns.filter((name) => !requiredColumns.includes(name));
  throw new Error(`${file}, line 1: ${fault}. ${rule}, and optionally ${optional.join(', ')}.`);
}

type RowContent = Pick<Row, 'given' | 'product' | 'fault'>;

function rowOf(record: string[], columns: string[], currency: string, source: Source): RowContent {
  if (record.some((text) => hasBrokenText(text, source))) return { given: record, fault: brokenText };
  if (record.length !== columns.length) {
    const fault = `This row has ${record.length} values for ${columns.length} columns. A value with a comma needs quotes around it.`;
    return { given: record, fault };
  }
  const given = Object.fromEntries(columns.map((name, i) => [name, record[i] ?? '']));
  const texts = textColumns.filter((name) => given[name]).map((name) => [name, given[name]]);
  const product = {
    ...Object.fromEntries(texts),
    price: { amount: numberOf(given.price), currency: given.currency || currency },
    stock: numberOf(given.stock),
  };
  return { given, product: withId(product) };
}

async function* jsonRows(source: Source): AsyncGenerator<Row> {
  let line = 0;
  let rest = '';
  for await (const chunk of withLineFeeds(source.chunks)) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const text of lines) {
      line += 1;
      if (text.trim() !== '') yield { ...jsonRow(text, source), line, readBytes: source.readBytes() };
    }
  }
  if (rest.trim() !== '') yield { ...jsonRow(rest, source), line: line + 1, readBytes: source.readBytes() };
}

/** An exported product has two fields that the shop sets by itself. */
function jsonRow(text: string, source: Source): RowContent {
  if (hasBrokenText(text, source)) return { given: text, fault: brokenText };
  try {
    const given: unknown = JSON.parse(text);
    if (typeof given !== 'object' || given === null || Array.isArray(given)) throw new Error('not an object');
    const { createdAt: _createdAt, updatedAt: _updatedAt, ...product } = given as Record<string, unknown>;
    return { given, product: withId(product) };
  } catch {
    return { given: text, fault: 'This line is not a JSON object.' };
  }
}

/** Whether a text may have lost something. U+FFFD is a character like any other in a file that is UTF-8 throughout. */
function hasBrokenText(text: string, source: Source): boolean {
  return source.isBroken() && text.includes('\ufffd');
}
const brokenText = 'This is not in UTF-8. Store the file in that encoding.';

/** A number, or the text as it is; the shop says which rule it breaks. */
function numberOf(text: string | undefined): unknown {
  return text !== undefined && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

/** A row without an id gets one from its content, so that the file can be put in again without doubling anything, with other line ends, too. */
function withId(product: Record<string, unknown>): Record<string, unknown> {
  if (product.id !== undefined) return product;
  const content = JSON.stringify(product, (_, value) => {
    return typeof value === 'string' ? value.replaceAll(lineEnd, '\n') : value;
  });
  const hash = createHash('sha256').update(content).digest('base64url');
  return { id: hash.slice(0, 22), ...product };
}
