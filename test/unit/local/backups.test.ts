/** Backups of a shop of processes: the process that makes them, and how old the last may be. */
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { backupDir, backupProcesses, isFresh } from '../../../ops/local/backups.ts';
import { readSettings } from '../../../ops/local/settings.ts';
import { makeSecrets } from '../../support/secrets.ts';

const dir = mkdtempSync(join(tmpdir(), 'shop-backups-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const sentinels = ['127.0.0.1:7011', '127.0.0.1:7012'];
function processesOf(given: Record<string, string> = {}) {
  const read = readSettings({ SHOP_DIR: dir, ...makeSecrets(), ...given }, '/project');
  if (read.kind === 'faulty') throw new Error(read.faults.join('\n'));
  return backupProcesses(read.settings, sentinels);
}

test('backups are made by the settings given, unless there shall be none', () => {
  const [backup] = processesOf({ BACKUP_KEEP: '7' });
  expect(backup?.env).toMatchObject({ BACKUP_KEEP: '7', SENTINELS: sentinels.join(' '), BACKUP_DIR: backupDir(dir) });
  expect(processesOf({ BACKUPS: 'false' })).toEqual([]);
  expect(() => processesOf({ BACKUP_INTERVAL_S: 'hourly' })).toThrow('BACKUP_INTERVAL_S must be a number');
});

test('a backup is fresh for two intervals, and none is not', () => {
  const [backup] = processesOf({ BACKUP_INTERVAL_S: '60' });
  if (backup === undefined) throw new Error('no process');
  expect(isFresh(backup)).toBe(false);
  const path = join(backupDir(dir), 'metrics', 'backup.prom');
  mkdirSync(join(backupDir(dir), 'metrics'), { recursive: true });
  writeFileSync(path, '');
  expect(isFresh(backup)).toBe(true);
  const old = Date.now() / 1000 - 130;
  utimesSync(path, old, old);
  expect(isFresh(backup)).toBe(false);
});
