import { appendFileSync, existsSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lastLines, rotateLog } from '../../../ops/local/logs.ts';

test('a large log is moved aside, and its writer goes on in the emptied one', () => {
  const dir = mkdtempSync(join(tmpdir(), 'logs-'));
  const path = join(dir, 'x.log');
  const writer = openSync(path, 'a');
  writeSync(writer, 'small\n');
  rotateLog(path);
  expect(existsSync(`${path}.1`)).toBe(false);
  for (let round = 0; round < 5; round += 1) {
    appendFileSync(path, 'x'.repeat(11 * 1024 * 1024));
    rotateLog(path);
  }
  writeSync(writer, 'after\n');
  expect(statSync(path).size).toBe('after\n'.length);
  expect([1, 2, 3, 4].map((age) => existsSync(`${path}.${age}`))).toEqual([true, true, true, false]);
  expect(lastLines(path, 1)).toEqual(['after']);
  rmSync(dir, { recursive: true });
});
