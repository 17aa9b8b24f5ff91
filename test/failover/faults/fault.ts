/** What a fault is: a row of the table, with what is promised to clients while it lasts. */
import type { Ledger } from '../ledger/ledger.ts';
import type { People } from '../load/cast.ts';
import type { Random } from '../load/random.ts';
import type { Stage } from '../stage.ts';

/** What clients may notice of it; that nothing is lost or doubled is promised always. */
export type Promised = {
  /** Of first tries: none fail; they fail with 503 only; at most so many; or whatever the fault brings about. */
  readonly failedFirstTries: 'none' | 'only 503' | 'some' | number;
  /** The longest time between acknowledged writes, in ms. Nothing is promised without it. */
  readonly longestGapMs?: number;
};

/** What a fault has in its hands. */
export type Scene = {
  readonly stage: Stage;
  readonly random: Random;
  /** Notes a step in the history. */
  readonly log: (step: string) => void;
  readonly people: People;
  readonly ledger: Ledger;
  readonly label: string;
};

/** A shop as most faults need it, or one with something special. */
export type Needs = 'nothing' | 'proxies' | 'little memory' | 'little disk' | 'spare replica' | 'hooks';

/** A fault. `run` brings it about, lets it last, heals it, and resolves then; it throws where something is not as promised. */
export type Fault = {
  readonly name: string;
  readonly promise: Promised;
  readonly needs: Needs;
  run(scene: Scene): Promise<void>;
};
