/** Faults by signal and by restart: processes die, freeze, are stopped, alone and together. */
import { setTimeout as delay } from 'node:timers/promises';
import { serviceNames } from '../../../api/services.ts';
import type { Fault, FaultContext, Promised } from './fault.ts';

const unnoticed: Promised = { failedFirstTries: 'none', longestGapMs: 500 };
const killed: Promised = { failedFirstTries: 'none', longestGapMs: 3000 };
const stalled: Promised = { failedFirstTries: 'none', longestGapMs: 3500 };

function fault(name: string, promise: Promised, run: (context: FaultContext) => Promise<void>): Fault {
  return { name, promise, needs: 'nothing', run };
}

/** Freezes a process for a while. */
async function freeze({ cluster, log }: FaultContext, name: string, ms: number): Promise<void> {
  log(`freeze ${name} for ${ms} ms`);
  cluster.shop.pause(name);
  await delay(ms);
  cluster.shop.resume(name);
}

/** SIGKILL; its supervisor starts it again. */
function kill({ cluster, log }: FaultContext, ...names: string[]): void {
  log(`kill ${names.join(' ')}`);
  for (const name of names) cluster.shop.kill(name);
}

/** SIGKILL, and it stays down for a while. */
async function down({ cluster, log }: FaultContext, name: string, ms: number): Promise<void> {
  log(`${name} is down for ${ms} ms`);
  await cluster.shop.halt(name);
  await delay(ms);
  cluster.shop.revive(name);
}

const sentinelNames = ['sentinel-1', 'sentinel-2', 'sentinel-3'];

/** Of the services' processes. */
export const serviceFaults: readonly Fault[] = [
  ...serviceNames.map((service) =>
    fault(`${service}: one replica killed`, unnoticed, async (context) => {
      kill(context, `${service}-${context.random.int(1, 2)}`);
      await delay(2000);
    }),
  ),
  fault('one replica of each service stopped (SIGTERM)', unnoticed, async ({ cluster, log, random }) => {
    await Promise.all(
      serviceNames.map((service) => {
        const name = `${service}-${random.int(1, 2)}`;
        log(`restart ${name}`);
        return cluster.shop.restart(name);
      }),
    );
  }),
  fault('rolling update of all services', unnoticed, async ({ cluster, log }) => {
    for (const number of [1, 2]) {
      for (const service of serviceNames) {
        log(`restart ${service}-${number}`);
        await cluster.shop.restart(`${service}-${number}`);
      }
    }
  }),
  ...serviceNames.map((service) =>
    fault(`${service}: one replica frozen for 10 s`, { failedFirstTries: 'none', longestGapMs: 6000 }, (context) =>
      freeze(context, `${service}-${context.random.int(1, 2)}`, 10_000),
    ),
  ),
  ...serviceNames.map((service) =>
    fault(`${service}: both replicas killed`, { failedFirstTries: 'only 503' }, async (context) => {
      kill(context, `${service}-1`, `${service}-2`);
      await context.cluster.shop.waitUntilHealthy([`${service}-1`, `${service}-2`]);
    }),
  ),
];

/** Of Redis nodes. */
export const redisFaults: readonly Fault[] = [
  fault('master killed', killed, async (context) => {
    await down(context, await context.cluster.master(), 5000);
  }),
  fault('master killed, back in 150 ms with its data', killed, async (context) => {
    kill(context, await context.cluster.master());
    await delay(4000);
  }),
  fault('master frozen for 10 s, then back', stalled, async (context) => {
    await freeze(context, await context.cluster.master(), 10_000);
  }),
  fault('master frozen for 1.1 s, then back', stalled, async (context) => {
    await freeze(context, await context.cluster.master(), 1100);
    await delay(4000);
  }),
  fault('master stalled for a moment', stalled, async (context) => {
    await freeze(context, await context.cluster.master(), 50 * context.random.int(6, 40));
    await delay(4000);
  }),
  fault('one replica killed', { failedFirstTries: 'none', longestGapMs: 1000 }, async (context) => {
    await down(context, context.random.pick(await context.cluster.replicas()), 4000);
  }),
  fault('one replica frozen for 5 s', { failedFirstTries: 'none', longestGapMs: 1000 }, async (context) => {
    await freeze(context, context.random.pick(await context.cluster.replicas()), 5000);
  }),
  fault('both replicas frozen for 6 s', { failedFirstTries: 'only 503' }, async (context) => {
    const replicas = await context.cluster.replicas();
    await Promise.all(replicas.map((name) => freeze(context, name, 6000)));
  }),
  fault('all Redis nodes killed at once', { failedFirstTries: 'only 503' }, async (context) => {
    kill(context, await context.cluster.master(), ...(await context.cluster.replicas()));
    await delay(2000);
    await context.cluster.shop.waitUntilHealthy(undefined, 60_000);
  }),
  fault('both replicas killed', { failedFirstTries: 'only 503' }, async (context) => {
    await Promise.all((await context.cluster.replicas()).map((name) => down(context, name, 4000)));
  }),
];

/** Stalls of the master from 0.3 to 2 s in steps of 50 ms, five to a row: in some of them a plain WAIT loses writes. */
export const stallSweep: readonly Fault[] = Array.from({ length: 7 }, (_, row) => {
  const steps = Array.from({ length: 5 }, (_, step) => 300 + 50 * (5 * row + step));
  const name = `master stalled for ${steps.join(', ')} ms (sweep in 50 ms steps)`;
  return fault(name, stalled, async (context) => {
    for (const ms of steps) {
      await freeze(context, await context.cluster.master(), ms);
      await delay(1500);
      await context.cluster.shop.waitUntilHealthy(undefined, 30_000);
    }
  });
});

/** Of Sentinels and of Nginx. */
export const sentinelAndNginxFaults: readonly Fault[] = [
  fault('one Sentinel killed', unnoticed, async (context) => {
    await down(context, context.random.pick(sentinelNames), 4000);
  }),
  fault('one Sentinel frozen for 5 s', unnoticed, async (context) => {
    await freeze(context, context.random.pick(sentinelNames), 5000);
  }),
  fault('master and a Sentinel killed together', { failedFirstTries: 'none', longestGapMs: 4000 }, async (context) => {
    const master = await context.cluster.master();
    await Promise.all([down(context, master, 6000), down(context, context.random.pick(sentinelNames), 6000)]);
  }),
  fault('one Nginx killed', { failedFirstTries: 'some', longestGapMs: 1000 }, async (context) => {
    kill(context, `nginx-${context.random.int(1, 2)}`);
    await delay(2000);
  }),
  fault('one Nginx frozen', { failedFirstTries: 'some', longestGapMs: 2000 }, async ({ cluster, random, log }) => {
    const name = `nginx-${random.int(1, 2)}`;
    log(`freeze ${name}; its watchdog has to find it`);
    cluster.shop.pause(name);
    await cluster.shop.waitUntilHealthy([name], 4000);
  }),
];
