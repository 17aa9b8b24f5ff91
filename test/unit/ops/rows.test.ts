/** Files that `npm run import` reads: odd ones are read correctly or refused by line, never misread. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readRows } from '../../../ops/data/rows.ts';

const dir = mkdtempSync(join(tmpdir(), 'rows-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const header = 'name,category,price,stock';

async function read(name: string, content: string | Buffer) {
  const file = join(dir, name);
  writeFileSync(file, content);
  const rows = [];
  for await (const { line, product, fault } of readRows(file, 'USD')) {
    rows.push([line, fault ?? (product?.name || product?.description)]);
  }
  return rows;
}

test.each([
  ['Windows line ends, a byte order mark and empty lines', `\ufeff${header}\r\nBoots,c,1,2\r\n\r\nCap,c,1,1`],
  ['line ends of an old Mac', `${header}\rBoots,c,1,2\r\rCap,c,1,1`],
  ['rows of commas, as spreadsheets leave behind', `${header}\nBoots,c,1,2\n,,,\nCap,c,1,1\n,,,\n`],
  ['a header in other letters, with spaces', `NAME, Category ,price,Stock\nBoots,c,1,2\n\nCap,c,1,1\n`],
])('CSV with %s', async (_title, content) => {
  expect(await read('a.csv', content)).toEqual([
    [2, 'Boots'],
    [4, 'Cap'],
  ]);
});

test('a row is named by the line on which it begins, whatever is in its quotes', async () => {
  const rows = `"Boots\r\n\r\n""brown"", red",c,1,2\r\nCap,c,1\r\n"Sock\r\n",c,1,1\r\nHat,c,1,1,1\r\n`;
  expect(await read('A.CSV', `${header}\r\n${rows}`)).toEqual([
    [2, 'Boots\r\n\r\n"brown", red'],
    [5, expect.stringContaining('3 values for 4 columns')],
    [6, 'Sock\r\n'],
    [8, expect.stringContaining('5 values for 4 columns')],
  ]);
});

test.each([
  ['nothing', '', 'line 1: missing columns: "name", "category", "price", "stock"'],
  ['a column twice', `${header},price\nBoots,c,1,2,3\n`, 'line 1: repeated columns: "price"'],
  ['an unknown column', `${header},colour\nBoots,c,1,2,red\n`, 'line 1: unknown columns: "colour"'],
  ['a column too few', 'name,category,price\nBoots,c,1\n', 'line 1: missing columns: "stock"'],
  ['semicolons', `${header.replaceAll(',', ';')}\nBoots;c;1;2\n`, 'with commas between them'],
  ['text behind a quote', `${header}\nCap,c,1,1\n"Boots" x,c,1,2\n`, 'line 3: more text follows a quoted value'],
  ['an open quote', `${header}\nCap,c,1,1\n"Boots,c,1,2\nHat,c,1,1\n`, 'line 3 or after it: a quote is opened'],
])('CSV with %s is refused with its line', async (_title, content, fault) => {
  await expect(read('b.csv', content)).rejects.toThrow(
    `b.csv, ${fault.startsWith('line') ? fault : 'line 1: unknown columns'}`,
  );
  await expect(read('b.csv', content)).rejects.toThrow(fault);
});

test('negative numbers and fractions of a CSV file stay numbers, so that the shop names the rule that they break', async () => {
  const file = join(dir, 'numbers.csv');
  writeFileSync(file, `${header}\nBoots,c,-1,2\nCap,c,19.99,x\n`);
  const products = [];
  for await (const { product } of readRows(file, 'USD')) products.push([product?.price, product?.stock]);
  expect(products).toEqual([
    [{ amount: -1, currency: 'USD' }, 2],
    [{ amount: 19.99, currency: 'USD' }, 'x'],
  ]);
});

test('bytes that are not UTF-8 are refused, not stored as something else', async () => {
  const latin1 = (text: string) => Buffer.from(text, 'latin1');
  const refused = expect.stringContaining('not in UTF-8');
  expect(await read('c.csv', latin1(`${header}\nCafé,c,1,1\nCap,c,1,1\n`))).toEqual([
    [2, refused],
    [3, 'Cap'],
  ]);
  expect(await read('c.jsonl', latin1('{"name":"Café"}\n'))).toEqual([[1, refused]]);
  expect(await read('e.csv', latin1('Café,category,price,stock\n')).catch(({ message }) => message)).toContain(
    'line 1: This is not in UTF-8',
  );
  expect(
    await read('f.jsonl', Buffer.concat([Buffer.from('{"name":"\ufffd"}\n{"name":"'), Buffer.from([0xc3])])),
  ).toEqual([
    [1, '\ufffd'], // which was there before the fault
    [2, refused],
  ]);
  // A character may be cut in two by the pieces in which a file is read.
  const name = 'é'.repeat(100_000);
  expect(await read('d.jsonl', `{"x":1,"name":"${name}"}`)).toEqual([[1, name]]);
});

test('a row without an id gets the same one, whichever line ends the file has', async () => {
  const ids = [];
  for (const [i, lineEnd] of ['\n', '\r\n'].entries()) {
    const file = join(dir, `ids-${i}.csv`);
    writeFileSync(file, [`${header},description`, 'Boots,c,1,2,"two', 'lines"', ''].join(lineEnd));
    for await (const { product } of readRows(file, 'USD')) ids.push(product?.id);
  }
  expect(ids).toEqual([expect.any(String), ids[0]]);
});

test('JSON lines with a byte order mark, Windows line ends, empty lines and what is no object', async () => {
  const content = '\ufeff{"name":"Boots"}\r\n\r\n[]\r\nnull\r\n{"name":\r\n  \r\n{"name":"Cap"}';
  const refused = 'This line is not a JSON object.';
  expect(await read('e.jsonl', content)).toEqual([
    [1, 'Boots'],
    [3, refused],
    [4, refused],
    [5, refused],
    [7, 'Cap'],
  ]);
});
