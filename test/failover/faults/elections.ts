/** Failovers by hand, and a leader that dies in the middle of one. */
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { waitFor } from '../../support/wait.ts';
import type { Cluster } from '../cluster.ts';
import type { Fault } from './fault.ts';

/** Asks the Sentinel with this number (from 1). @throws when it refuses or is silent */
export async function askSentinel(cluster: Cluster, number: number, ...words: string[]): Promise<unknown> {
  const { ports, password, masterName } = cluster.sentinels;
  const sentinel = new Redis({
    port: ports[number - 1] ?? 0,
    password,
    protocol: 2,
    disableClientInfo: true,
    commandTimeout: 500,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  sentinel.on('error', () => undefined);
  try {
    const [command = '', ...rest] = words;
    return await sentinel.call('SENTINEL', command, masterName, ...rest);
  } finally {
    sentinel.disconnect();
  }
}

async function flagsSeenBy(cluster: Cluster, number: number): Promise<string> {
  const fields = (await askSentinel(cluster, number, 'MASTER')) as string[];
  return fields[fields.indexOf('flags') + 1] ?? '';
}

/** See the names. */
export const electionFaults: readonly Fault[] = [
  {
    name: 'SENTINEL FAILOVER with the master alive',
    promise: { failedFirstTries: 'none', longestGapMs: 2000 },
    needs: 'nothing',
    async run({ cluster, random, log }) {
      const before = await cluster.master();
      const number = random.int(1, 3);
      log(`sentinel-${number} is asked for a failover from ${before}`);
      await waitFor('the Sentinel to begin', () => askSentinel(cluster, number, 'FAILOVER'), 5000, 200);
      await waitFor('another master', async () => (await cluster.master()) !== before, 10_000);
      await delay(2000);
    },
  },
  {
    name: 'leading Sentinel killed in the middle of a failover',
    promise: { failedFirstTries: 'some', longestGapMs: 10_000 },
    needs: 'nothing',
    async run({ cluster, log }) {
      const master = await cluster.master();
      log(`${master} is down`);
      await cluster.shop.halt(master);
      const leader = await waitFor(
        'a Sentinel to lead',
        async () => {
          const flags = await Promise.all([1, 2, 3].map((number) => flagsSeenBy(cluster, number).catch(() => '')));
          const found = flags.findIndex((each) => each.includes('failover_in_progress'));
          return found < 0 ? undefined : `sentinel-${found + 1}`;
        },
        8000,
        5,
      );
      log(`${leader} leads and is down`);
      await cluster.shop.halt(leader);
      await waitFor('another master', async () => (await cluster.master()) !== master, 20_000);
      cluster.shop.revive(leader);
      cluster.shop.revive(master);
    },
  },
];
