/** The test projects, from the quickest to the one that breaks things; each claims something the one before cannot. */
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** For tests that ask a service or a whole shop. */
const setupFiles = ['test/support/expect-documented.ts'];
const redis = { globalSetup: ['test/support/redis-setup.ts'], testTimeout: 20_000, hookTimeout: 60_000 };
const wholeShop = { setupFiles, fileParallelism: false, testTimeout: 90_000, hookTimeout: 120_000 };

/** Begins with the shop of `monitoring`: it takes longest and mostly waits, so that the other worker computes beside it. */
class MonitoringFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]) {
    const isMonitoring = ({ project }: TestSpecification) => project.name === 'monitoring';
    const sorted = await super.sort(files);
    return [...sorted.filter(isMonitoring), ...sorted.filter((file) => !isMonitoring(file))];
  }
}

export default defineConfig({
  test: {
    maxWorkers: 2,
    sequence: { sequencer: MonitoringFirst },
    projects: [
      project('unit', 0, { testTimeout: 30_000 }), // some start openssl, Nginx or a shell, slow on a busy machine
      project('model', 0, { testTimeout: 30_000 }),
      project('config', 0, { testTimeout: 60_000 }),
      project('monitoring', 0, { setupFiles, testTimeout: 180_000, hookTimeout: 120_000 }),
      project('store', 1, redis),
      project('partitions', 2, wholeShop),
      project('http', 3, { ...redis, setupFiles }),
      project('flow', 4, { ...wholeShop, globalSetup: ['test/support/shop-setup.ts'] }),
      project('failover', 5, wholeShop),
      project('containers', 6, wholeShop),
    ],
  },
});

/** @param order projects of the same order run together, the others one after the other: Redis under load takes longer to be elected */
function project(name: string, order: number, options: object) {
  const include = [`test/${name}/**/*.test.ts`];
  return { test: { name, include, sequence: { groupOrder: order }, ...options } };
}
