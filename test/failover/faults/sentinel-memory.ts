/** Sentinels that start anew without what they knew: their epochs go down, and running services have to follow all the same. */
import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '../../support/wait.ts';
import { dataDir } from '../cluster.ts';
import { sentinelNames } from './cuts.ts';
import { electionFaults } from './elections.ts';
import type { Fault } from './fault.ts';

function memoryLoss(count: 2 | 3): Fault {
  return {
    name: `${count === 3 ? 'all' : 'two'} Sentinels lose their memory, then the master is killed`,
    promise: { failedFirstTries: 'only 503', longestGapMs: 10_000 },
    needs: 'nothing',
    async run(context) {
      const { cluster, random, log } = context;
      const [failover] = electionFaults;
      for (let times = 0; times < 2; times++) {
        await failover?.run(context); // so that the epochs that are forgotten are higher than the first
        await cluster.shop.waitUntilHealthy(undefined, 30_000);
      }
      const kept = count === 3 ? undefined : random.pick(sentinelNames);
      const forgetful = sentinelNames.filter((name) => name !== kept);
      log(`${forgetful.join(' ')} start anew`);
      await Promise.all(forgetful.map((name) => cluster.shop.halt(name)));
      for (const name of forgetful) rmSync(dataDir(cluster, name), { recursive: true, force: true });
      for (const name of forgetful) cluster.shop.revive(name);
      await cluster.shop.waitUntilHealthy([...sentinelNames], 30_000);
      await delay(2000);
      const master = await cluster.master();
      log(`${master} is killed`);
      await cluster.shop.halt(master);
      await waitFor('another master', async () => (await cluster.master()) !== master, 15_000);
      await delay(6000);
      cluster.shop.revive(master);
    },
  };
}

/** See the names. */
export const sentinelMemoryFaults: readonly Fault[] = [memoryLoss(2), memoryLoss(3)];
