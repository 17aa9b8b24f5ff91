import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeSecret, secretNames } from '../../../ops/credentials.ts';
import { keepEnvFile, keepSetting } from '../../../ops/local/secrets.ts';
import { readSettings } from '../../../ops/local/settings.ts';

let path: string;
beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), 'env-')), '.env');
});
afterEach(() => rmSync(join(path, '..'), { recursive: true }));

test('the first start makes every secret, readable by its owner alone', () => {
  const { added, values } = keepEnvFile(path, {});
  expect(added).toEqual(secretNames());
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readSettings(values, '/project').kind).toBe('ok');
});

test('the next start changes nothing', () => {
  keepEnvFile(path, {});
  const before = readFileSync(path, 'utf8');
  expect(keepEnvFile(path, {}).added).toEqual([]);
  expect(readFileSync(path, 'utf8')).toBe(before);
});

test('what is there stays, what is missing or empty is added', () => {
  writeFileSync(path, 'ADMIN_PASSWORD=kept by its owner\nREFRESH_SECRET=\nHTTP_PORT=8123', { mode: 0o644 });
  const { values, added } = keepEnvFile(path, {});
  expect(values).toMatchObject({ ADMIN_PASSWORD: 'kept by its owner', HTTP_PORT: '8123' });
  expect(added).toContain('REFRESH_SECRET');
  expect(values.REFRESH_SECRET).toMatch(/^.{16,}$/);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('what the environment brings is not made', () => {
  const given = { SENTINEL_PASSWORD: 'from-the-environment' };
  expect(keepEnvFile(path, given).added).not.toContain('SENTINEL_PASSWORD');
});

test('two secrets are never the same', () => {
  expect(makeSecret('REFRESH_SECRET')).not.toBe(makeSecret('REFRESH_SECRET'));
});

test('a changed setting takes the place of the old line, and everything else stays', () => {
  writeFileSync(path, 'A=1\nREDIS_MAXMEMORY=512mb\nB=2\n');
  keepSetting(path, 'REDIS_MAXMEMORY', '1gb');
  expect(readFileSync(path, 'utf8')).toBe('A=1\nB=2\nREDIS_MAXMEMORY=1gb\n');
});
