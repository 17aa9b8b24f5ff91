/** Every fault that there is, in the order in which they are shown. */
import type { Fault } from './fault.ts';
import { ofElections } from './sentinel.ts';
import { ofRedis, ofServices, ofWatchers, stallSweep } from './signals.ts';

/** The rows of the table. */
export const catalogue: readonly Fault[] = [...ofServices, ...ofRedis, stallSweep, ...ofElections, ...ofWatchers];

/** What random runs choose from: the rows that end by themselves in some seconds. */
export const atRandom: readonly Fault[] = catalogue.filter((fault) => fault !== stallSweep);
