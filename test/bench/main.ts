/**
 * `npm run bench`: the shop beside bare references. `npm run bench -- NAME …`: what something costs, as a ratio of two shops, one with it and
 * one without. All is measured in turns on the same machine in the same run: seconds and requests differ, the ratios are what counts.
 */
import { runMutants } from '../mutants/main.ts';
import { benchCapacity } from './capacity.ts';
import { benchFsync } from './fsync.ts';
import { benchGroups } from './groups.ts';
import { benchLatency } from './latency.ts';
import { benchMemory } from './memory.ts';
import { benchMonitoring } from './monitoring.ts';
import { benchProfile } from './profile.ts';
import { benchReferences, small } from './references.ts';
import { benchAgainst } from './revision.ts';
import { benchSearch } from './search.ts';
import { benchSize } from './size.ts';

/** What each measures and prints. Most run for less than five minutes; `size` stores a million products first. */
const benches: Record<string, readonly [about: string, run: () => Promise<void>]> = {
  references: ['the shop beside bare references: table, JSON and chart', () => benchReferences()],
  'references-small': ['the same with less load, in a minute', () => benchReferences(small)],
  profile: ['where the CPU time of a request goes', benchProfile],
  fsync: ['purchases with `appendfsync everysec` and with `always`', benchFsync],
  capacity: ['CPU time of a request, by kind of process', benchCapacity],
  groups: ['three groups of Redis beside one', benchGroups],
  monitoring: ['a shop with monitoring beside one without', benchMonitoring],
  search: ['other clients while one address searches at its limit, 100,000 products', () => benchSearch(100_000)],
  'search-small': ['the same with 4,000 products', () => benchSearch(4000)],
  latency: ['how long requests wait at half of the highest throughput', benchLatency],
  memory: ['bytes in Redis for each product and each purchase', benchMemory],
  size: ['a shop with a million products and purchases beside one with a thousand', () => benchSize(1_000_000)],
  'size-medium': ['the same with 100,000', () => benchSize(100_000)],
  'size-small': ['the same with 20,000', () => benchSize(20_000)],
};

const usage = `npm run bench                         references
npm run bench -- NAME ...
${Object.entries(benches)
  .map(([name, [about]]) => `  ${name.padEnd(36)}${about}`)
  .join('\n')}
npm run bench -- against REVISION     purchases on an earlier revision beside the present tree
npm run bench -- mutants [--count N] [--seed N] [--only N-N] [--projects NAMES] [--workers N] [--results FILE] [--nearest]
                                      makes small faults in api/ and names those that no test notices`;

/**
 * Does what the words ask for.
 * @returns the exit code: 2 when there is no bench of that name
 */
export async function runBenches(given: string[]): Promise<number> {
  const names = given.length > 0 ? given : ['references'];
  const [name, revision] = names;
  if (name === 'mutants') return runMutants(names.slice(1));
  if (name === 'against' && revision !== undefined) {
    await benchAgainst(revision);
    return 0;
  }
  if (names.includes('--help')) {
    console.log(usage);
    return 0;
  }
  const unknown = names.filter((name) => !(name in benches));
  if (unknown.length > 0) {
    console.error(`There is no bench ${unknown.join(', ')}.\n\n${usage}`);
    return 2;
  }
  const wanted = Object.entries(benches).filter(([name]) => names.includes(name));
  console.log(
    `${wanted.map(([name]) => name).join(', ')}: some minutes each, with the whole machine at work. Ctrl-C ends it.`,
  );
  for (const [, [, bench]] of wanted) await bench();
  return 0;
}
