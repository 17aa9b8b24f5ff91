/** The test projects; each claims something that those before cannot. */
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** For files that share what a global set-up starts. */
const awaitShared = 'test/support/await-shared.ts';
/** For tests that ask a service or a whole shop. */
const expectDocumented = 'test/support/expect-documented.ts';
const redis = { globalSetup: ['test/support/redis-setup.ts'], testTimeout: 20_000, hookTimeout: 60_000 };
/** One load of the modules for all files that a worker runs: a load for each file takes as much CPU time as the tests themselves. */
const shareModules = { isolate: false };
const light = { ...shareModules, testTimeout: 30_000 }; // some start openssl, Nginx or a shell, slow on a busy machine
const wholeShop = { setupFiles: [expectDocumented], fileParallelism: false, testTimeout: 90_000, hookTimeout: 120_000 };

/** What mostly waits comes first in its group, so that the other worker computes beside it; then the longest files, which are those of `config`. */
const first = ['monitoring', 'partitions', 'config'];
/** Files of one project follow each other, because a worker keeps its modules only from one file of a project to the next. */
class ByProject extends BaseSequencer {
  override async sort(files: TestSpecification[]) {
    const rank = ({ project }: TestSpecification) =>
      first.includes(project.name) ? first.indexOf(project.name) : first.length;
    const byProject = (a: TestSpecification, b: TestSpecification) =>
      rank(a) - rank(b) || a.project.name.localeCompare(b.project.name);
    return (await super.sort(files)).sort(byProject);
  }
}

export default defineConfig({
  test: {
    maxWorkers: 2,
    sequence: { sequencer: ByProject },
    projects: [
      project('unit', 0, light),
      project('model', 0, light),
      project('config', 0, { testTimeout: 60_000 }),
      project('monitoring', 0, { setupFiles: [expectDocumented], testTimeout: 180_000, hookTimeout: 120_000 }),
      project('store', 1, { ...redis, setupFiles: [awaitShared] }),
      project('partitions', 2, { testTimeout: 90_000, hookTimeout: 120_000 }), // one file: 10 s of CPU time in 30 s
      project('http', 2, { ...redis, setupFiles: [awaitShared, expectDocumented] }),
      project('failover', 3, wholeShop),
      // After failover: the shop that its files share starts with the first of them, and would take CPU time from elections.
      project('flow', 4, {
        ...wholeShop,
        globalSetup: ['test/support/shop-setup.ts'],
        setupFiles: [awaitShared, expectDocumented],
      }),
      project('containers', 5, wholeShop),
    ],
  },
});

/** @param order projects of the same order run together, the others one after the other: Redis under load takes longer to be elected */
function project(name: string, order: number, options: object) {
  const include = [`test/${name}/**/*.test.ts`];
  return { test: { name, include, sequence: { groupOrder: order }, ...options } };
}
