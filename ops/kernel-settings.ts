/** Kernel settings that matter to Redis. @see https://redis.io/docs/latest/operate/oss_and_stack/management/admin/#linux */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** @param root of the file system; another one in tests @returns one line for each setting that should be changed, with the command */
export function kernelWarnings(root = '/'): string[] {
  const warnings: string[] = [];
  const overcommit = read(join(root, 'proc/sys/vm/overcommit_memory'));
  if (overcommit !== undefined && overcommit !== '1') {
    warnings.push(
      `vm.overcommit_memory is ${overcommit}: a snapshot of Redis can fail when memory is short. As root: sysctl -w vm.overcommit_memory=1`,
    );
  }
  if (read(join(root, 'sys/kernel/mm/transparent_hugepage/enabled'))?.includes('[always]')) {
    warnings.push(
      "Transparent huge pages are 'always': Redis gets slower and needs more memory. As root: echo madvise >/sys/kernel/mm/transparent_hugepage/enabled",
    );
  }
  return warnings;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}
