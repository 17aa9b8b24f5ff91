/** What a change costs: purchases on an earlier revision of this repository and on the present tree, in turns. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openBench } from './load.ts';
import { comparePairs } from './pairs.ts';

const projectDir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const seconds = 8;
const rounds = 10;

/**
 * Measures both; services, Redis and Nginx each run from a tree of their own. The earlier one is started by the present `ops/local`, so it
 * must be recent enough to know the same settings.
 * @param revision as `git` knows it
 * @returns purchases a second of the present tree for each of the earlier one, the median of ten pairs
 */
export async function benchAgainst(revision: string): Promise<number> {
  const parent = join(projectDir, '.shop');
  mkdirSync(parent, { recursive: true });
  const earlier = join(parent, `bench-${process.pid}`);
  execFileSync('git', ['worktree', 'add', '--detach', earlier, revision], { cwd: projectDir, stdio: 'inherit' });
  try {
    symlinkSync(join(projectDir, 'node_modules'), join(earlier, 'node_modules'));
    const before = await openBench({ projectDir: earlier });
    try {
      const after = await openBench({});
      try {
        return await comparePairs(
          `purchases, ${revision} and the present tree`,
          { name: revision, measure: () => before.purchases(seconds) },
          { name: 'present', measure: () => after.purchases(seconds) },
          rounds,
        );
      } finally {
        await after.close();
      }
    } finally {
      await before.close();
    }
  } finally {
    execFileSync('git', ['worktree', 'remove', '--force', earlier], { cwd: projectDir });
  }
}
