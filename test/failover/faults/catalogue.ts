/** Every fault that there is, in the order in which they are shown. */
import { ofCrowds } from './crowds.ts';
import { ofDisks } from './disk.ts';
import type { Fault } from './fault.ts';
import { ofInside } from './inside.ts';
import { ofMembers } from './members.ts';
import { ofNetwork } from './network.ts';
import { ofElections } from './sentinel.ts';
import { ofRedis, ofServices, ofWatchers, stallSweep } from './signals.ts';

/** The rows of the table. */
export const catalogue: readonly Fault[] = [
  ...ofServices,
  ...ofRedis,
  ...ofElections,
  ...ofWatchers,
  ...ofCrowds,
  ...ofDisks,
  ...ofInside,
  ...ofNetwork,
  ...ofMembers,
  stallSweep,
];

/** What random runs choose from: all that one shop behind proxies can have, and that ends in some seconds. */
export const atRandom: readonly Fault[] = catalogue.filter(
  (fault) => fault !== stallSweep && (fault.needs === 'nothing' || fault.needs === 'proxies'),
);
