// Keeps the log files of `.shop/logs/` from growing without end.
import { copyFileSync, existsSync, readFileSync, renameSync, statSync, truncateSync } from 'node:fs';

const largestBytes = 10 * 1024 * 1024;
const keptFiles = 3;

/**
 * Moves a log of more than 10 MB to `.1`, `.1` to `.2` and so on; keeps three.
 * The processes write through a descriptor that they keep, so the file is copied and emptied, never replaced: a line written
 * between the two can be lost.
 */
export function rotateLog(path: string): void {
  if (!existsSync(path) || statSync(path).size < largestBytes) return;
  for (let age = keptFiles - 1; age >= 1; age -= 1) {
    if (existsSync(`${path}.${age}`)) renameSync(`${path}.${age}`, `${path}.${age + 1}`);
  }
  copyFileSync(path, `${path}.1`);
  truncateSync(path, 0);
}

/** The last lines of a log, to show beside a failure. */
export function lastLines(path: string, count: number): string[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-count);
}
