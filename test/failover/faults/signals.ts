/** Faults by signal and by restart: processes die, freeze, are stopped, alone and together. */
import { setTimeout as delay } from 'node:timers/promises';
import { serviceNames } from '../../../api/services.ts';
import type { Fault, Promised, Scene } from './fault.ts';

const unnoticed: Promised = { failedFirstTries: 'none', longestGapMs: 500 };
const killed: Promised = { failedFirstTries: 'none', longestGapMs: 3000 };
const stalled: Promised = { failedFirstTries: 'none', longestGapMs: 3500 };

function fault(name: string, promise: Promised, run: (scene: Scene) => Promise<void>): Fault {
  return { name, promise, needs: 'nothing', run };
}

/** Freezes a process for a while. */
async function freeze({ stage, log }: Scene, name: string, ms: number): Promise<void> {
  log(`freeze ${name} for ${ms} ms`);
  stage.shop.pause(name);
  await delay(ms);
  stage.shop.resume(name);
}

/** SIGKILL; its supervisor starts it again. */
function kill({ stage, log }: Scene, ...names: string[]): void {
  log(`kill ${names.join(' ')}`);
  for (const name of names) stage.shop.kill(name);
}

/** SIGKILL, and it stays down for a while. */
async function down({ stage, log }: Scene, name: string, ms: number): Promise<void> {
  log(`${name} is down for ${ms} ms`);
  await stage.shop.halt(name);
  await delay(ms);
  stage.shop.revive(name);
}

const sentinelNames = ['sentinel-1', 'sentinel-2', 'sentinel-3'];

/** Of the services' processes. */
export const ofServices: readonly Fault[] = [
  ...serviceNames.map((service) =>
    fault(`${service}: one replica killed`, unnoticed, async (scene) => {
      kill(scene, `${service}-${scene.random.int(1, 2)}`);
      await delay(2000);
    }),
  ),
  fault('one replica of each service stopped (SIGTERM)', unnoticed, async ({ stage, log, random }) => {
    await Promise.all(
      serviceNames.map((service) => {
        const name = `${service}-${random.int(1, 2)}`;
        log(`restart ${name}`);
        return stage.shop.restart(name);
      }),
    );
  }),
  fault('rolling update of all services', unnoticed, async ({ stage, log }) => {
    for (const number of [1, 2]) {
      for (const service of serviceNames) {
        log(`restart ${service}-${number}`);
        await stage.shop.restart(`${service}-${number}`);
      }
    }
  }),
  ...serviceNames.map((service) =>
    fault(`${service}: one replica frozen for 10 s`, { failedFirstTries: 'none', longestGapMs: 6000 }, (scene) =>
      freeze(scene, `${service}-${scene.random.int(1, 2)}`, 10_000),
    ),
  ),
  ...serviceNames.map((service) =>
    fault(`${service}: both replicas killed`, { failedFirstTries: 'only 503' }, async (scene) => {
      kill(scene, `${service}-1`, `${service}-2`);
      await scene.stage.shop.waitUntilHealthy([`${service}-1`, `${service}-2`]);
    }),
  ),
];

/** Of Redis nodes. */
export const ofRedis: readonly Fault[] = [
  fault('master killed', killed, async (scene) => {
    await down(scene, await scene.stage.master(), 5000);
  }),
  fault('master killed, back in 150 ms with its data', killed, async (scene) => {
    kill(scene, await scene.stage.master());
    await delay(4000);
  }),
  fault('master frozen for 10 s, then back', stalled, async (scene) => {
    await freeze(scene, await scene.stage.master(), 10_000);
  }),
  fault('master frozen for 1.1 s, then back', stalled, async (scene) => {
    await freeze(scene, await scene.stage.master(), 1100);
    await delay(4000);
  }),
  fault('master stalled for a moment', stalled, async (scene) => {
    await freeze(scene, await scene.stage.master(), 50 * scene.random.int(6, 40));
    await delay(4000);
  }),
  fault('one replica killed', { failedFirstTries: 'none', longestGapMs: 1000 }, async (scene) => {
    await down(scene, scene.random.pick(await scene.stage.replicas()), 4000);
  }),
  fault('one replica frozen for 5 s', { failedFirstTries: 'none', longestGapMs: 1000 }, async (scene) => {
    await freeze(scene, scene.random.pick(await scene.stage.replicas()), 5000);
  }),
  fault('both replicas frozen for 6 s', { failedFirstTries: 'only 503' }, async (scene) => {
    const replicas = await scene.stage.replicas();
    await Promise.all(replicas.map((name) => freeze(scene, name, 6000)));
  }),
  fault('all Redis nodes killed at once', { failedFirstTries: 'only 503' }, async (scene) => {
    kill(scene, await scene.stage.master(), ...(await scene.stage.replicas()));
    await delay(2000);
    await scene.stage.shop.waitUntilHealthy(undefined, 60_000);
  }),
  fault('both replicas killed', { failedFirstTries: 'only 503' }, async (scene) => {
    await Promise.all((await scene.stage.replicas()).map((name) => down(scene, name, 4000)));
  }),
];

/** The stall of the master in steps of 50 ms from 0.3 to 2 s: somewhere in there lies the one that a plain WAIT loses writes in. */
export const stallSweep: Fault = fault('master stalled, 0.3 to 2 s in 50 ms steps', stalled, async (scene) => {
  for (let ms = 300; ms <= 2000; ms += 50) {
    await freeze(scene, await scene.stage.master(), ms);
    await delay(1500);
    await scene.stage.shop.waitUntilHealthy(undefined, 30_000);
  }
});

/** Of Sentinels and of Nginx. */
export const ofWatchers: readonly Fault[] = [
  fault('one Sentinel killed', unnoticed, async (scene) => {
    await down(scene, scene.random.pick(sentinelNames), 4000);
  }),
  fault('one Sentinel frozen for 5 s', unnoticed, async (scene) => {
    await freeze(scene, scene.random.pick(sentinelNames), 5000);
  }),
  fault('master and a Sentinel killed together', { failedFirstTries: 'none', longestGapMs: 4000 }, async (scene) => {
    const master = await scene.stage.master();
    await Promise.all([down(scene, master, 6000), down(scene, scene.random.pick(sentinelNames), 6000)]);
  }),
  fault('one Nginx killed', { failedFirstTries: 'some', longestGapMs: 1000 }, async (scene) => {
    kill(scene, `nginx-${scene.random.int(1, 2)}`);
    await delay(2000);
  }),
  fault('one Nginx frozen', { failedFirstTries: 'some', longestGapMs: 2000 }, async ({ stage, random, log }) => {
    const name = `nginx-${random.int(1, 2)}`;
    log(`freeze ${name}; its watchdog has to find it`);
    stage.shop.pause(name);
    await stage.shop.waitUntilHealthy([name], 4000);
  }),
];
