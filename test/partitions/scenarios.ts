/** Cuts of the network between Redis nodes, Sentinels and a service; each both ways. */
import type { Cut } from './links.ts';
import type { Member } from './members.ts';

/** A cut and what has to hold while it lasts. */
export type Scenario = {
  readonly name: string;
  readonly what: string;
  readonly cut: Cut;
  /** The longest time without an acknowledged write that is allowed, in ms; `undefined` where none has to be acknowledged. */
  readonly maxGapMs?: number;
};

/** All links between two groups. */
export function between(some: readonly Member[], others: readonly Member[]): Cut {
  return (from, to) => (some.includes(from) && others.includes(to)) || (others.includes(from) && some.includes(to));
}

const sentinels: readonly Member[] = ['s1', 's2', 's3'];

/** By name, for `main.ts`. The master is r1, the service reaches all that is not cut. */
export const scenarios: readonly Scenario[] = [
  {
    name: 'split-replicas',
    what: 'master and one replica | the other replica and all Sentinels',
    cut: between(['r1', 'r3'], ['r2', ...sentinels]),
  },
  {
    name: 'racks',
    what: 'master, one replica, one Sentinel | the rest',
    cut: between(['r1', 'r3', 's1'], ['r2', 's2', 's3']),
  },
  { name: 'master-replica', what: 'master | one replica', cut: between(['r1'], ['r2']), maxGapMs: 1500 },
  { name: 'master-replicas', what: 'master | both replicas', cut: between(['r1'], ['r2', 'r3']), maxGapMs: 6000 },
  { name: 'master-sentinels', what: 'master | all Sentinels', cut: between(['r1'], sentinels), maxGapMs: 6000 },
  { name: 'master-service', what: 'master | service', cut: between(['r1'], ['service']), maxGapMs: 6000 },
  {
    name: 'master-rest',
    what: 'master and its Sentinel | the rest, service included',
    cut: between(['r1', 's1'], ['r2', 'r3', 's2', 's3', 'service']),
    maxGapMs: 6000,
  },
  {
    name: 'hosts',
    what: 'host 1 | host 2, service elsewhere',
    cut: between(['r1', 's1'], ['r2', 's2']),
    maxGapMs: 1500,
  },
  {
    name: 'hosts-service-1',
    what: 'host 1 with the service | host 2',
    cut: between(['r1', 's1', 'service'], ['r2', 's2']),
    maxGapMs: 9000,
  },
  {
    name: 'hosts-service-2',
    what: 'host 1 | host 2 with the service',
    cut: between(['r1', 's1'], ['r2', 's2', 'service']),
    maxGapMs: 9000,
  },
  {
    name: 'one-replica',
    what: 'one replica | everything',
    cut: between(['r3'], ['r1', 'r2', ...sentinels, 'service']),
    maxGapMs: 1500,
  },
  {
    name: 'one-sentinel',
    what: 'one Sentinel | everything',
    cut: between(['s3'], ['r1', 'r2', 'r3', 's1', 's2', 'service']),
    maxGapMs: 1500,
  },
  { name: 'service', what: 'service | everything', cut: between(['service'], ['r1', 'r2', 'r3', ...sentinels]) },
];
