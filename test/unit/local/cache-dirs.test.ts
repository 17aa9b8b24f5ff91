import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cacheDirOf, removeCacheDir, removeOrphanedCacheDirs } from '../../../ops/local/cache-dirs.ts';

/** What nginx/entry.sh makes of the folder of an Nginx. */
function makeCacheDir(dataDir: string): string {
  const folder = cacheDirOf(dataDir);
  mkdirSync(join(folder, 'catalogue'), { recursive: true });
  symlinkSync(dataDir, join(folder, 'of'));
  return folder;
}

test('the cache in memory of a shop that is gone is removed, that of another stays until it ends', () => {
  const [gone, running] = [1, 2].map(() => mkdtempSync(join(tmpdir(), 'nginx-'))) as [string, string];
  const [goneCache, runningCache] = [makeCacheDir(gone), makeCacheDir(running)];
  rmSync(gone, { recursive: true });
  removeOrphanedCacheDirs();
  expect([existsSync(goneCache), existsSync(runningCache)]).toEqual([false, true]);
  removeCacheDir(running);
  expect(existsSync(runningCache)).toBe(false);
  rmSync(running, { recursive: true });
});
