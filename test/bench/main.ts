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

/** Each prints what it measured. Most run for less than five minutes; `size` stores a million products first. */
const benches: Record<string, () => Promise<void>> = {
  references: () => benchReferences(),
  'references-small': () => benchReferences(small),
  profile: benchProfile,
  fsync: benchFsync,
  capacity: benchCapacity,
  groups: benchGroups,
  monitoring: benchMonitoring,
  search: () => benchSearch(100_000),
  'search-small': () => benchSearch(4000),
  latency: benchLatency,
  memory: benchMemory,
  size: () => benchSize(1_000_000),
  'size-medium': () => benchSize(100_000),
  'size-small': () => benchSize(20_000),
};

/**
 * Runs the benches with these names, `references` without any; `against REVISION` compares purchases with an earlier revision, `mutants` tries
 * whether the tests notice small faults.
 * @returns the exit code: 2 when there is none of that name
 */
export async function runBenches(given: string[]): Promise<number> {
  const names = given.length > 0 ? given : ['references'];
  const [name, revision] = names;
  if (name === 'mutants') return runMutants(names.slice(1));
  if (name === 'against' && revision !== undefined) {
    await benchAgainst(revision);
    return 0;
  }
  const unknown = names.filter((name) => !(name in benches));
  if (unknown.length > 0) {
    console.error(
      `There is no bench ${unknown.join(', ')}. There are: ${Object.keys(benches).join(', ')}, against REVISION, mutants [--count N] [--seed N] [--only N-N] [--projects NAMES]`,
    );
    return 2;
  }
  const wanted = Object.entries(benches).filter(([name]) => names.includes(name));
  console.log(
    `${wanted.map(([name]) => name).join(', ')}: some minutes each, with the whole machine at work. Ctrl-C ends it.`,
  );
  for (const [, bench] of wanted) await bench();
  return 0;
}
