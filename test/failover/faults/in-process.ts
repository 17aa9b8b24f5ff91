/** Faults from inside a Node process, by way of hooks.mjs, and the settings that a shop needs for them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { serviceNames } from '../../../api/services.ts';
import type { ProcessSpec } from '../../../ops/local/spec.ts';
import { dataDir } from '../cluster.ts';
import type { Fault, FaultContext, Promised } from './fault.ts';

const commandFile = 'chaos-command';

/** Loads the hooks into all services of a shop whose folder is `dir`, and gives them little memory. */
export function withHooks(dir: string, specs: ProcessSpec[]): ProcessSpec[] {
  const hooks = new URL('./hooks.mjs', import.meta.url).href;
  return specs.map((spec) =>
    (serviceNames as readonly string[]).includes(spec.kind)
      ? {
          ...spec,
          env: {
            ...spec.env,
            NODE_OPTIONS: `--import ${hooks} --max-old-space-size=160`,
            CHAOS_COMMAND: join(dir, spec.name, commandFile),
          },
        }
      : spec,
  );
}

function inside(title: string, command: string, promise: Promised, lastsMs: number): Fault {
  return {
    name: title,
    promise,
    needs: 'hooks',
    async run({ cluster, random, log }: FaultContext) {
      const names = serviceNames.map((service) => `${service}-${random.int(1, 2)}`);
      for (const name of names) {
        log(`${command} in ${name}`);
        mkdirSync(dataDir(cluster, name), { recursive: true });
        writeFileSync(join(dataDir(cluster, name), commandFile), command);
        cluster.shop.signal(name, 'SIGUSR2');
        await delay(lastsMs);
        // Whatever it has done to itself, it begins anew.
        if (command.startsWith('clock')) await cluster.shop.restart(name);
      }
    },
  };
}

/** See the names; one replica of each service in turn. */
export const inProcessFaults: readonly Fault[] = [
  inside('an error that nothing catches', 'throw', { failedFirstTries: 'none', longestGapMs: 1000 }, 1500),
  inside('a rejection that nothing catches', 'reject', { failedFirstTries: 'none', longestGapMs: 1000 }, 1500),
  inside('event loop blocked for 5 s', 'block', { failedFirstTries: 'none', longestGapMs: 6000 }, 6000),
  inside('memory of a process full', 'fill', { failedFirstTries: 'none', longestGapMs: 6000 }, 6000),
  inside('clock of a replica a minute fast', 'clock+', { failedFirstTries: 'none', longestGapMs: 1000 }, 3000),
  inside('clock of a replica a minute slow', 'clock-', { failedFirstTries: 'none', longestGapMs: 1000 }, 3000),
];
