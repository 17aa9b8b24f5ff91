/** Two choices compared in turns, so that whatever else the machine does falls upon both. */
import type { Measured } from './wrk.ts';

/** One of two choices. */
export type Choice = { readonly name: string; measure(): Promise<Measured> };

/**
 * Measures two choices in turns, after one turn each that does not count, and prints both and the ratios of neighbours: their median, the least and the most.
 * @param what is measured, for the heading
 * @param rounds how many turns each
 * @returns that ratio: requests a second of the second choice for each of the first's
 */
export async function comparePairs(what: string, first: Choice, second: Choice, rounds = 6): Promise<number> {
  console.log(`\n${what}: ${rounds} turns each`);
  await first.measure();
  await second.measure();
  const pairs: [Measured, Measured][] = [];
  for (let round = 0; round < rounds; round++) {
    // Who begins changes, so that a machine that grows slower treats both alike.
    const early = await (round % 2 === 0 ? first : second).measure();
    const late = await (round % 2 === 0 ? second : first).measure();
    pairs.push(round % 2 === 0 ? [early, late] : [late, early]);
    process.stdout.write('.');
  }
  process.stdout.write('\n');
  for (const [i, { name }] of [first, second].entries()) {
    const of = (value: (measured: Measured) => number) => median(pairs.map((pair) => value(pair[i === 0 ? 0 : 1])));
    console.log(
      `  ${name}: ${of((m) => m.perSecond).toFixed(0)} a second, p50 ${of((m) => m.p50)} ms, p99 ${of((m) => m.p99)} ms`,
    );
  }
  const ratios = (value: (measured: Measured) => number) => pairs.map(([a, b]) => value(b) / value(a));
  const perSecond = ratios((m) => m.perSecond);
  const slowest = ratios((m) => m.p99);
  console.log(`  ${second.name} / ${first.name}: ${spread(perSecond)} of the requests, ${spread(slowest)} of the p99`);
  return median(perSecond);
}

function spread(ratios: readonly number[]): string {
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)];
  return `${median(ratios).toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`;
}

/** The median; 0 of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
