/** Wall clocks that are wrong, by libfaketime; monotonic clocks stay right, as when NTP or an operator sets a clock. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { serviceNames } from '../../../api/services.ts';
import type { ProcessSpec } from '../../../ops/local/spec.ts';
import { type Cluster, projectDir } from '../cluster.ts';
import { sentinelNames } from './cuts.ts';
import type { Fault, FaultContext, Promised } from './fault.ts';

const libraryPaths = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1',
  '/usr/lib/faketime/libfaketime.so.1',
];
const findLibrary = () => libraryPaths.find((path) => existsSync(path));

/** The path of libfaketime, which is installed where it is missing. @throws where that is not possible */
function requireLibrary(): string {
  if (findLibrary() === undefined) {
    spawnSync('sh', [join(projectDir, 'ops', 'local', 'install.sh'), 'libfaketime'], { stdio: 'inherit' });
  }
  const library = findLibrary();
  if (library !== undefined) return library;
  throw new Error('Rows with a wrong clock need libfaketime. Install it as root: apt-get install libfaketime');
}

const hour = 3600;
const day = 24 * hour;

const clockFile = (dir: string, name: string) => join(dir, 'clocks', name);

/**
 * Gives every Redis node, Sentinel and service a wall clock of its own, right at first.
 * @throws where libfaketime is not installed
 */
export function withClocks(dir: string, specs: ProcessSpec[]): ProcessSpec[] {
  const library = requireLibrary();
  mkdirSync(join(dir, 'clocks'), { recursive: true });
  return specs.map((spec) => {
    if (spec.kind === 'nginx') return spec;
    const file = clockFile(dir, spec.name);
    writeFileSync(file, '+0');
    const env = {
      // libc before jemalloc, which asks for the time while libfaketime is being loaded.
      LD_PRELOAD: `${library}:libc.so.6`,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
      FAKETIME_CACHE_DURATION: '1',
    };
    return { ...spec, env: { ...spec.env, ...env } };
  });
}

function setClock(cluster: Cluster, name: string, seconds: number): void {
  writeFileSync(clockFile(cluster.settings.dir, name), `${seconds < 0 ? '' : '+'}${seconds}`);
}

type Pick = (context: FaultContext) => Promise<readonly string[]>;

/** Sets clocks wrong for 12 s, with a failover in between where `thenFailover`. */
function skew(name: string, seconds: number, pick: Pick, promise: Promised, thenFailover = false): Fault {
  return {
    name,
    promise,
    needs: 'clocks',
    async run(context) {
      const { cluster, log } = context;
      const names = await pick(context);
      log(`the clocks of ${names.join(' ')} go ${seconds} s wrong`);
      for (const each of names) setClock(cluster, each, seconds);
      await delay(4000);
      if (thenFailover) {
        const master = await cluster.master();
        log(`${master} is killed`);
        cluster.shop.kill(master);
      }
      await delay(8000);
      for (const each of names) setClock(cluster, each, 0);
      log('the clocks are right again');
      await delay(2000);
    },
  };
}

const unnoticed: Promised = { failedFirstTries: 'none', longestGapMs: 1000 };
const failover: Promised = { failedFirstTries: 'none', longestGapMs: 4000 };
const oneOfEachService: Pick = async ({ random }) => serviceNames.map((service) => `${service}-${random.int(1, 2)}`);
const master: Pick = async ({ cluster }) => [await cluster.master()];
const oneRedisReplica: Pick = async ({ cluster, random }) => [random.pick(await cluster.replicas())];
const oneSentinel: Pick = async ({ random }) => [random.pick(sentinelNames)];

/** See the names. */
export const clockFaults: readonly Fault[] = [
  skew('clock of one replica of each service an hour fast', hour, oneOfEachService, unnoticed),
  skew('clock of one replica of each service an hour slow', -hour, oneOfEachService, unnoticed),
  skew('clock of the master an hour fast', hour, master, unnoticed),
  skew('clock of the master an hour slow', -hour, master, unnoticed),
  skew('clock of a Redis replica an hour fast, then the master is killed', hour, oneRedisReplica, failover, true),
  skew('clock of a Redis replica an hour slow, then the master is killed', -hour, oneRedisReplica, failover, true),
  skew('clock of the master a day fast', day, master, { failedFirstTries: 'only 503' }),
  skew('clock of one Sentinel an hour fast, then the master is killed', hour, oneSentinel, failover, true),
  skew('clock of one Sentinel an hour slow, then the master is killed', -hour, oneSentinel, failover, true),
  skew('clock of one Sentinel a day fast, then the master is killed', day, oneSentinel, failover, true),
];
