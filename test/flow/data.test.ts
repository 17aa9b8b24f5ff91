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
  return commandWith({ ADMIN_PASSWORD: adminPassword }, name, ...words);
}
async function commandWith(changes: Record<string, string>, name: 'import' | 'export' | 'demo', ...words: string[]) {
  const env = { ADMIN_EMAIL: adminEmail, HTTP_PORT: new URL(httpUrl).port, ...changes };
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
  expect([first.code, first.stdout]).toEqual([1, expect.stringContaining('2 created, 0 already there, 2 refused')]);
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
  expect([again.code, again.stdout]).toEqual([1, expect.stringContaining('0 created, 2 already there, 2 refused')]);
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
    expect.stringContaining('300 created, 0 already there, 0 refused'),
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
  const exported = join(dir, 'exported.jsonl');
  writeFileSync(exported, stdout);
  const again = await command('import', exported);
  expect([again.code, again.stdout]).toEqual([
    0,
    expect.stringContaining(`0 created, ${lines.length} already there, 0 refused`),
  ]);
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
  expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('0 products created, 16 already there')]);
  expect(await purchases()).toBe(5);
});

test('a row that no service could read costs the rows beside it nothing', async () => {
  const category = `odd-${run}`;
  const product = (name: string, rest = '') =>
    `{"name":${name},"category":"${category}","price":{"amount":1,"currency":"USD"},"stock":1${rest}}`;
  const lines = [
    product('"A"'),
    product('"NUL \\u0000"'),
    product('"half a character \\ud800"'),
    product('"B"', ',"__proto__":{"id":"x"}'),
    product(`${'['.repeat(3000)}${']'.repeat(3000)}`),
    product('"C"', ',"surprise":1'),
    product(`"${'x'.repeat(150_000)}"`),
    product('1e400'),
    product('"D"'),
  ];
  const file = join(dir, 'odd.jsonl');
  writeFileSync(file, lines.join('\n'));
  const { code, stdout, stderr } = await command('import', file);
  expect([code, stderr, stdout]).toEqual([1, '', expect.stringContaining('2 created, 0 already there, 7 refused')]);
  const refused = readFileSync(`${file}.refused.jsonl`, 'utf8').trim().split('\n');
  expect(refused.map((text) => JSON.parse(text).line)).toEqual([2, 3, 4, 5, 6, 7, 8]);
  expect((await listed(category)).map(({ name }: { name: string }) => name)).toEqual(['A', 'D']);
});

test('a file that can only be read in part: what comes before the fault is created, and the fault is named', async () => {
  const file = join(dir, 'broken.csv');
  writeFileSync(file, `name,category,price,stock\nCap,broken-${run},1,1\n"Boots" x,broken-${run},1,1\n`);
  const { code, stdout, stderr } = await command('import', file);
  expect([code, stdout]).toEqual([1, expect.stringContaining('1 created, 0 already there, 0 refused')]);
  expect(stderr).toContain(`${file}, line 3: more text follows a quoted value`);
});

test('an export into a file, of which the import finds everything there already', async () => {
  const file = join(dir, 'export.csv');
  const exported = await command('export', 'products', file);
  const count = Number(/^(\d+) products in /.exec(exported.stdout)?.[1]);
  expect([exported.code, count > 300, existsSync(`${file}.part`)]).toEqual([0, true, false]);
  const { code, stdout } = await command('import', file);
  expect([code, stdout]).toEqual([0, expect.stringContaining(`0 created, ${count} already there, 0 refused`)]);
});

test('no file, a wrong password and none at all are said in a sentence', async () => {
  const missing = await command('import', join(dir, 'missing.csv'));
  expect([missing.code, missing.stderr]).toEqual([1, `There is no file ${join(dir, 'missing.csv')}.`]);
  const wrong = await commandWith({ ADMIN_PASSWORD: 'a wrong password' }, 'export', 'users');
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('/problems/invalid-credentials')]);
  const none = await commandWith({}, 'export', 'users');
  expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('ADMIN_PASSWORD is neither')]);
});

test('an unknown command exits with 2, a shop that cannot be reached with 1 and its address', async () => {
  expect((await command('export', 'orders')).code).toBe(2);
  const away = await command('export', 'products', '--url', 'http://127.0.0.1:9');
  expect([away.code, away.stderr]).toEqual([1, expect.stringContaining('http://127.0.0.1:9')]);
  expect(away.stderr).toContain('npm start');
});
