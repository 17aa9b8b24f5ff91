/** What `npm run export` writes: products that the import reads as they were, and no formula in what customers wrote. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, expect, test } from 'vitest';
import type { Client } from '../../../api/client/client.ts';
import { type ExportName, exportFile } from '../../../ops/data/export.ts';
import { importFile } from '../../../ops/data/import.ts';
import { readRows } from '../../../ops/data/rows.ts';

const dir = mkdtempSync(join(tmpdir(), 'export-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A client whose lists hold these items. */
const clientWith = (items: object[]) =>
  ({
    async *pages() {
      yield* items;
    },
  }) as unknown as Client;

async function exported(name: ExportName, items: object[], fileName: string) {
  const file = join(dir, fileName);
  const count = await exportFile(clientWith(items), name, fileName.endsWith('.csv') ? 'csv' : 'jsonl', file);
  return { file, count, mode: statSync(file).mode & 0o777 };
}

const oddTexts = [
  '  padded  ',
  '\u00a0no-break spaces\u00a0',
  'a\r\nb\rc\n',
  '\ttab, "quote"',
  '"',
  '=1+1',
  "'-1",
  'not \ufffd broken',
  '\ufeffmark',
  'voil\u00e0',
  '007',
  ' ',
  ',;\r',
];
const products = oddTexts.map((text, i) => ({
  id: `p-${i}`,
  name: `x${text}`,
  description: text,
  category: `${text}x`,
  company: i % 2 === 0 ? null : `${text}.`,
  manufacturedAt: i % 2 === 0 ? null : '2026-05-01T00:00:00.000Z',
  price: { amount: i, currency: 'EUR' },
  stock: i,
  createdAt: '2026-11-21T10:00:00.000Z',
  updatedAt: '2026-11-21T10:00:00.000Z',
}));

test.each(['jsonl', 'csv'])('products exported as %s are read again as they were, each on its line', async (format) => {
  const { file, count } = await exported('products', products, `products.${format}`);
  const found = [];
  const lines = [];
  for await (const { product, fault, line } of readRows(file, 'USD')) {
    found.push(fault ?? { company: null, manufacturedAt: null, ...product });
    lines.push(line);
  }
  expect(found).toEqual(products.map(({ createdAt: _created, updatedAt: _updated, ...product }) => product));
  const text = readFileSync(file, 'utf8');
  const lineOf = (id: string) => text.slice(0, text.search(new RegExp(`\\b${id}\\b`))).split(/\r\n|\r|\n/).length;
  expect([count, lines]).toEqual([products.length, products.map(({ id }) => lineOf(id))]);
});

test.each([
  ['users', { id: 'u1', email: '+ann@example.com', firstName: 'TEXT', lastName: 'x;TEXT', role: 'customer' }],
  ['purchases', { id: 'p1', userId: 'u1', status: 'completed', items: [{ productId: '-2-1', quantity: 2 }] }],
] as const)('a CSV of %s has no formula, whichever separator a spreadsheet takes', async (name, item) => {
  const formulas = [
    '=HYPERLINK("https://example.com")',
    '+1',
    '-1',
    '@SUM(1)',
    '\uff1d1',
    ' =1',
    '\t=1',
    '"=1"',
    'a\n=1',
  ];
  const items = formulas.map((text) =>
    JSON.parse(
      JSON.stringify(item, (_key, value) => (typeof value === 'string' ? value.replace('TEXT', text) : value)),
    ),
  );
  const { file } = await exported(name, items, `${name}.csv`);
  for (const delimiter of [',', ';', '\t']) {
    const options = { delimiter, relax_quotes: true, relax_column_count: true, quote: delimiter === ',' ? '"' : null };
    for (const value of parse(readFileSync(file), options).flat()) expect(value).not.toMatch(/^["\s]*[=+\-@\uff1d]/);
  }
  expect(readFileSync(file, 'utf8')).toContain(name === 'users' ? "'+ann@example.com" : "'-2-1:2");
});

test('a file with personal data can be read by its owner only, whatever was there before', async () => {
  writeFileSync(join(dir, 'personal.jsonl'), 'older');
  writeFileSync(join(dir, 'personal.jsonl.part'), 'left over');
  chmodSync(join(dir, 'personal.jsonl.part'), 0o644);
  for (const name of ['users', 'purchases'] as const) {
    expect((await exported(name, [{ id: 'x' }], 'personal.jsonl')).mode).toBe(0o600);
  }
  expect(readFileSync(join(dir, 'personal.jsonl'), 'utf8')).toBe('{"id":"x"}\n');
});

test('a name that is no file is refused, and what a link points to is replaced, not the link', async () => {
  await expect(exportFile(clientWith([]), 'products', 'jsonl', dir)).rejects.toThrow('is not a file');
  await expect(exportFile(clientWith([]), 'products', 'jsonl', '/dev/null')).rejects.toThrow('is not a file');
  writeFileSync(join(dir, 'target.jsonl'), 'older');
  symlinkSync('target.jsonl', join(dir, 'link.jsonl'));
  await exported('products', [{ id: 'x' }], 'link.jsonl');
  expect(readFileSync(join(dir, 'target.jsonl'), 'utf8')).toBe('{"id":"x"}\n');
});

test('an import whose refused rows cannot be stored fails with the reason', async () => {
  // No file can be created beside it.
  const imported = importFile(clientWith([]), '/proc/version', 'USD', () => {});
  await expect(imported).rejects.toThrow('/proc/version.refused.jsonl');
});

test('a batch whose answer did not come is repeated under the same key', async () => {
  const keys: unknown[] = [];
  const call = async (_name: string, { idempotencyKey }: { idempotencyKey?: string }) => {
    keys.push(idempotencyKey);
    if (keys.length === 1) throw new TypeError('fetch failed');
    return { data: [{ id: 'x', status: 201 }] };
  };
  const file = join(dir, 'one.jsonl');
  writeFileSync(file, '{"id":"x"}');
  expect(await importFile({ call } as unknown as Client, file, 'USD', () => {})).toMatchObject({ created: 1 });
  expect(keys).toEqual([expect.any(String), keys[0]]);
});
