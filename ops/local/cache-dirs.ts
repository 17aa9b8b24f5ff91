// Where each Nginx keeps answers: in memory. On disk, storing one takes as much CPU as all else that Nginx does for the request.
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** A file system in memory that every Linux has. Where it cannot be written, nginx/entry.sh uses the folder of that Nginx. */
const memoryDir = '/dev/shm';
const prefix = 'evergreen-cache-';

/** The folder in memory of the Nginx whose own folder is `dataDir`. */
export function cacheDirOf(dataDir: string): string {
  return join(memoryDir, prefix + createHash('sha256').update(dataDir).digest('hex').slice(0, 16));
}

/** Removes the folder in memory of an Nginx that has ended. */
export function removeCacheDir(dataDir: string): void {
  remove(cacheDirOf(dataDir));
}

/** Removes the folders in memory of shops that were killed and whose own folders are gone. nginx/entry.sh links each to the folder of its Nginx. */
export function removeOrphanedCacheDirs(): void {
  if (!existsSync(memoryDir)) return;
  for (const name of readdirSync(memoryDir).filter((each) => each.startsWith(prefix))) {
    const folder = join(memoryDir, name);
    const link = join(folder, 'of');
    if (lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() && !existsSync(link)) remove(folder);
  }
}

function remove(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // Another user of this machine has made it: nginx/entry.sh does not use it.
  }
}
