/** What a fault is: a row of the table, with what is promised to clients while it lasts. */

import type { Cluster } from '../cluster.ts';
import type { Recorder } from '../history/recorder.ts';
import type { LoadSize } from '../load/clients.ts';
import type { Fixtures } from '../load/fixtures.ts';
import type { Random } from '../load/random.ts';

/** What clients may notice of it; that nothing is lost or doubled is promised always. */
export type Promised = {
  /** Of first tries: none fail; they fail with 503 only; at most so many; or whatever the fault brings about. */
  readonly failedFirstTries: 'none' | 'only 503' | 'some' | number;
  /** The longest time between acknowledged writes, in ms. Nothing is promised without it. */
  readonly longestGapMs?: number;
  /** The slowest answer to the first try of a write, in ms. */
  readonly slowestWriteMs?: number;
};

/** What a fault can use. */
export type FaultContext = {
  readonly cluster: Cluster;
  readonly random: Random;
  /** Notes a step in the history. */
  readonly log: (step: string) => void;
  readonly fixtures: Fixtures;
  readonly recorder: Recorder;
  readonly label: string;
  /** How many elections of Sentinels since the run began ended without a winner. */
  readonly splitElections: () => number;
  /** By how much later than usual a service may ask for a failover: see rest.ts. */
  readonly requestDelayMs: number;
};

/** A shop as most faults need it, or one with something special. */
export type Needs = 'nothing' | 'proxies' | 'small memory' | 'small disk' | 'spare replica' | 'hooks' | 'clocks';

/** A fault. `run` brings it about, lets it last, heals it, and resolves then; it throws where something is not as promised. */
export type Fault = {
  readonly name: string;
  readonly promise: Promised;
  readonly needs: Needs;
  /** Where it needs another load than the others. */
  readonly load?: Partial<LoadSize>;
  run(context: FaultContext): Promise<void>;
};
