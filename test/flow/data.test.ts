/** Filling and emptying a running shop from the command line. */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { runData } from '../../ops/data/main.ts';
import { shopClient, signInAdmin } from '../support/client.ts';

const { httpUrl, adminEmail, adminPassword } = inject('shop');
const shop = shopClient(httpUrl);
const run = randomUUID().slice(0, 8);
let dir: string;
let admin: string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'data-'));
  admin = await signInAdmin(shop, adminEmail, adminPassword);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Runs `npm run COMMAND`, but in this process. */
async function command(name: 'import' | 'export' | 'demo', ...words: string[]) {
  const env = { ADMIN_EMAIL: adminEmail, ADMIN_PASSWORD: adminPassword, HTTP_PORT: new URL(httpUrl).port };
  const out: string[] = [];
  const errors: string[] = [];
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      out.push(String(chunk));
      done();
    },
  });
  const say = { out: stdout, log: (text: string) => out.push(`${text}\n`), error: (text: string) => errors.push(text) };
  const code = await runData(dir, env, name, words, say);
  return { code, stdout: out.join(''), stderr: errors.join('') };
}
const listed = async (category: string) =>
  (await shop('GET', `/products?category=${category}&sort=name&limit=100`, { token: admin })).body.data;

test('a CSV file is taken in but for its faulty rows, which are named by line; a second time nothing is doubled', async () => {
  const file = join(dir, 'products.csv');
  const category = `csv-${run}`;
  const rows = [
    'name,category,price,stock,description',
    `"Boots, brown",${category},10999,5,"two\nlines"`,
    `Boots,${category},dear,5,`,
    `Cap,${category},1500,0,`,
    `Sock,${category},300,-1,`,
  ];
  writeFileSync(file, `${rows.join('\n')}\n`);
  const first = await command('import', file);
  expect([first.code, first.stdout]).toEqual([1, expect.stringContaining('2 taken, 0 there already, 2 refused')]);
  const refused = readFileSync(`${file}.refused.jsonl`, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(refused.map(({ line, errors }) => [line, errors[0].pointer])).toEqual([
    [4, expect.stringMatching(/price\/amount$/)],
    [6, expect.stringMatching(/stock$/)],
  ]);
  expect((await listed(category)).map(({ name }: { name: string }) => name)).toEqual(['Boots, brown', 'Cap']);
  const again = await command('import', file);
  expect([again.code, again.stdout]).toEqual([1, expect.stringContaining('0 taken, 2 there already, 2 refused')]);
  expect(await listed(category)).toHaveLength(2);
});

test('what was exported as JSON lines or CSV is what was imported', async () => {
  const file = join(dir, 'products.jsonl');
  const category = `json-${run}`;
  const products = Array.from({ length: 300 }, (_, i) => {
    return { id: `p-${run}-${i}`, name: `Boot ${i}`, category, price: { amount: 100 + i, currency: 'USD' }, stock: i };
  });
  writeFileSync(file, products.map((product) => JSON.stringify(product)).join('\n'));
  const imported = await command('import', file);
  expect([imported.code, imported.stdout]).toEqual([
    0,
    expect.stringContaining('300 taken, 0 there already, 0 refused'),
  ]);
  expect(existsSync(`${file}.refused.jsonl`)).toBe(false);
  const { code, stdout } = await command('export', 'products');
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const own = lines.filter((product) => product.category === category);
  expect([code, own.length]).toEqual([0, 300]);
  expect(own).toEqual(expect.arrayContaining(products.slice(0, 5).map((product) => expect.objectContaining(product))));
  const csv = (await command('export', 'users', '--csv')).stdout.split('\n');
  expect(csv[0]).toBe('id,email,firstName,lastName,role,createdAt,updatedAt');
  expect(csv.some((line) => line.includes(`,${adminEmail},`))).toBe(true);
});

test('the demo makes a catalogue, customers and purchases, once', async () => {
  const first = await command('demo');
  expect(first).toMatchObject({ code: 0, stderr: '' });
  const purchases = async () =>
    (await command('export', 'purchases')).stdout.split('\n').filter((line) => line.includes('"demo-')).length;
  expect(await purchases()).toBe(5);
  const again = await command('demo');
  expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('0 products made, 16 there already')]);
  expect(await purchases()).toBe(5);
});

test('a command that is not understood, and a shop that is not there, are told apart', async () => {
  expect((await command('export', 'orders')).code).toBe(2);
  const away = await command('export', 'products', '--url', 'http://127.0.0.1:9');
  expect([away.code, away.stderr]).toEqual([1, expect.stringContaining('http://127.0.0.1:9')]);
});
