/**
 * `npm run bench -- NAME …`: what something costs, as a ratio of two shops, one with it and one without, measured in turns on the same
 * machine in the same run. Seconds and requests differ from machine to machine; the ratio says what a choice costs.
 */
import { benchFsync } from './fsync.ts';
import { benchMonitoring } from './monitoring.ts';
import { benchAgainst } from './revision.ts';
import { benchSearch } from './search.ts';

/** Each prints what it measured, and runs for less than four minutes. */
const benches: Record<string, () => Promise<void>> = {
  fsync: benchFsync,
  monitoring: benchMonitoring,
  search: () => benchSearch(100_000),
  'search-small': () => benchSearch(4000),
};

/**
 * Runs the benches with these names, or all; `against REVISION` compares purchases with an earlier revision.
 * @returns the exit code: 2 when there is none of that name
 */
export async function runBenches(names: string[]): Promise<number> {
  const [name, revision] = names;
  if (name === 'against' && revision !== undefined) {
    await benchAgainst(revision);
    return 0;
  }
  const unknown = names.filter((name) => !(name in benches));
  if (unknown.length > 0) {
    console.error(
      `There is no bench ${unknown.join(', ')}. There are: ${Object.keys(benches).join(', ')}, against REVISION`,
    );
    return 2;
  }
  const wanted = Object.entries(benches).filter(([name]) => names.length === 0 || names.includes(name));
  console.log(
    `${wanted.map(([name]) => name).join(', ')}: some minutes each, with the whole machine at work. Ctrl-C ends it.`,
  );
  for (const [, bench] of wanted) await bench();
  return 0;
}
