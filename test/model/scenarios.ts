/** The cuts that were tried with three real Redis and Sentinels before there was this model: its outcomes must be of the same class. */
import { faultAtMs, type Link, type Schedule } from './schedule.ts';

const services = ['service-1', 'service-2'];
const sentinels = ['sentinel-1', 'sentinel-2', 'sentinel-3'];

/** Both sides of each cut; redis-1 is the master, redis-2 and redis-3 are its replicas. Processes in neither reach both. */
export const scenarios = {
  /** Two racks: master and one replica; the other replica and all Sentinels. Services reach both. */
  HD1: [
    ['redis-1', 'redis-3'],
    ['redis-2', ...sentinels],
  ],
  HD2: [['redis-1'], ['redis-2', ...sentinels]],
  /** The link between two of three hosts; the services elsewhere, on the master's host, on the replica's host. */
  HD3: [
    ['redis-1', 'sentinel-1'],
    ['redis-2', 'sentinel-2'],
  ],
  HD3b: [
    ['redis-1', 'sentinel-1', ...services],
    ['redis-2', 'sentinel-2'],
  ],
  HD3c: [
    ['redis-1', 'sentinel-1'],
    ['redis-2', 'sentinel-2', ...services],
  ],
  /** Services cut off from the master and a replica. */
  FLAP: [services, ['redis-1', 'redis-2']],
} satisfies Record<string, [string[], string[]]>;

/** A scenario with everything else as plain as it gets. */
export function scheduleOf(name: keyof typeof scenarios, lengthMs: number, seed: number): Schedule {
  const [left = [], right = []] = scenarios[name];
  const links: Link[] = left.flatMap((from) =>
    right.flatMap((to) => [
      { from, to },
      { from: to, to: from },
    ]),
  );
  const cut = { kind: 'cut', atMs: faultAtMs, untilMs: faultAtMs + lengthMs, links } as const;
  return { seed, faults: [cut], latencyMs: 1, resumes: 'at once', drift: 0 };
}
