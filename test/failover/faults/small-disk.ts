/** A disk that is soon full. */
import { execFileSync } from 'node:child_process';

/** How large it is. */
export const smallDiskBytes = 48 * 1024 * 1024;

/** Mounts it over a folder; returns what takes it away. @throws without root */
export function mountSmallDisk(dir: string): () => void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${smallDiskBytes}`, 'tmpfs', dir]);
  return () => execFileSync('umount', ['-l', dir]);
}
