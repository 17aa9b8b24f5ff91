/** SECURITY.md names what is there: each test that it gives as proof exists. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const project = fileURLToPath(new URL('../..', import.meta.url));
const text = readFileSync(`${project}/SECURITY.md`, 'utf8');

test('every test that SECURITY.md names exists', () => {
  const names = [...text.matchAll(/`(test\/[^`]+\.test\.ts)`/g)].map(([, name = '']) => name);
  expect(names.length).toBeGreaterThan(20);
  for (const name of names) expect([name, existsSync(`${project}/${name}`)]).toEqual([name, true]);
});

test('every row of the OWASP table names a test', () => {
  const rows = text.split('\n').filter((line) => /^\| API\d+ /.test(line));
  expect(rows).toHaveLength(10);
  for (const row of rows) expect(row).toMatch(/`test\//);
});
