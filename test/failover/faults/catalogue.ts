/** Every fault that there is, in the order in which they are shown. */

import { clockFaults } from './clocks.ts';
import { diskFaults } from './disk.ts';
import { electionFaults } from './elections.ts';
import type { Fault } from './fault.ts';
import { hostCuts } from './host-cuts.ts';
import { inProcessFaults } from './in-process.ts';
import { lowTrafficFaults } from './low-traffic.ts';
import { masterCuts } from './master-cuts.ts';
import { membershipFaults } from './membership.ts';
import { overloadFaults } from './overload.ts';
import { partialCuts } from './partial-cuts.ts';
import { redisFaults, sentinelAndNginxFaults, serviceFaults, stallSweep } from './processes.ts';
import { randomCut } from './random-cut.ts';
import { sentinelMemoryFaults } from './sentinel-memory.ts';

/** The rows of the table. */
export const catalogue: readonly Fault[] = [
  ...serviceFaults,
  ...redisFaults,
  ...electionFaults,
  ...sentinelAndNginxFaults,
  ...overloadFaults,
  ...diskFaults,
  ...inProcessFaults,
  ...masterCuts,
  ...partialCuts,
  ...hostCuts,
  ...lowTrafficFaults,
  ...sentinelMemoryFaults,
  ...clockFaults,
  ...membershipFaults,
  ...stallSweep,
  randomCut,
];

/** What random runs choose from: everything that a shop behind proxies can have, without the sweep. */
export const randomFaults: readonly Fault[] = catalogue.filter(
  (fault) => !stallSweep.includes(fault) && (fault.needs === 'nothing' || fault.needs === 'proxies'),
);
