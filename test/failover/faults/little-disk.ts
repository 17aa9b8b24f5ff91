/** A disk that is soon full. */
import { execFileSync } from 'node:child_process';

/** How large it is. */
export const littleDiskBytes = 48 * 1024 * 1024;

/** Mounts it over a folder; returns what takes it away. @throws without root */
export function mountLittleDisk(dir: string): () => void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${littleDiskBytes}`, 'tmpfs', dir]);
  return () => execFileSync('umount', ['-l', dir]);
}
