/**
 * The shop beside bare references, in turns within one run: what this machine could do at most, and how much of it is left with all that the
 * shop promises. Requests a second differ from machine to machine and from minute to minute; the ratios are what counts.
 */

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, relative } from 'node:path';
import { barChart } from './chart.ts';
import { openShop } from './load.ts';
import { median } from './pairs.ts';
import { startReferences } from './reference/start.ts';
import { checkStock } from './stock-check.ts';
import { createSubjects, type Subject, seedCatalogue } from './subjects.ts';
import type { Measured } from './wrk.ts';

/** How long it takes, and how many products there are. */
type Size = { readonly seconds: number; readonly rounds: number; readonly products: number };

/** So many products that none, and no page, is asked for twice while Nginx may keep it. */
const usual: Size = { seconds: 3, rounds: 3, products: 30_000 };
/** To see that the bench works: its figures say little. */
export const small: Size = { seconds: 1, rounds: 1, products: 3000 };

/** What came of a subject: medians over the rounds, times in ms; `ratio` and `p50Ratio` to the subject named by `of`. */
type Row = {
  readonly name: string;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly of?: string;
  readonly ratio?: number;
  readonly p50Ratio?: number;
};

const legend = `  R1 Express and ioredis, one HGETALL as JSON; R2 the same with node:http; R3 Nginx by itself, the same bytes;
  R4 Express, one script that writes a hash and a stream entry, one WAIT 1 for each group. All behind a bare Nginx, two processes each.
  "alone": one connection. "ten in turn" may come from Nginx's cache, "each another" cannot.`;

/** Runs the comparison: prints a table, checks the stock, writes JSON and a chart into `.shop/bench`. */
export async function benchReferences(size: Size = usual): Promise<void> {
  const { seconds, rounds } = size;
  const { shop, close } = await openShop();
  try {
    const productIds = await seedCatalogue(shop, size.products);
    const references = await startReferences(shop, productIds[0] ?? '');
    try {
      const subjects = createSubjects(shop, references.url, productIds);
      console.log(
        `references: ${rounds} turns of ${seconds} s each, 32 connections, ${cpus().length} cores; logs on, limits and monitoring off`,
      );
      const rows = await measureInTurns(subjects.list, size);
      print(rows);
      await checkStock(shop, subjects);
      save(join(shop.settings.projectDir, '.shop', 'bench'), size, rows);
    } finally {
      await references.close();
    }
  } finally {
    await close();
  }
}

/** Measures each subject once a round, after a short turn that does not count. */
async function measureInTurns(subjects: readonly Subject[], { seconds, rounds }: Size): Promise<Row[]> {
  const results = new Map<string, Measured[]>(subjects.map(({ name }) => [name, []]));
  for (const subject of subjects) await subject.measure(1);
  for (let round = 0; round < rounds; round++) {
    for (const { name, measure } of subjects) results.get(name)?.push(await measure(seconds));
    process.stdout.write('.');
  }
  process.stdout.write('\n');
  const of = (name: string, value: (measured: Measured) => number) => median((results.get(name) ?? []).map(value));
  /** The median of the rounds' ratios: both values of a ratio are from the same round. */
  const ratio = (name: string, other: string, value: (measured: Measured) => number) => {
    const others = results.get(other) ?? [];
    return median((results.get(name) ?? []).map((own, i) => value(own) / value(others[i] ?? own)));
  };
  return subjects.map(({ name, of: other }) => ({
    name,
    perSecond: of(name, (m) => m.perSecond),
    p50: of(name, (m) => m.p50),
    p99: of(name, (m) => m.p99),
    ...(other === undefined
      ? {}
      : { of: other, ratio: ratio(name, other, (m) => m.perSecond), p50Ratio: ratio(name, other, (m) => m.p50) }),
  }));
}

function print(rows: readonly Row[]): void {
  console.log(legend);
  console.log(
    `\n${'what'.padEnd(32)}${'a second'.padStart(10)}${'p50 ms'.padStart(9)}${'p99 ms'.padStart(9)}  requests, p50 compared`,
  );
  for (const { name, perSecond, p50, p99, of, ratio = 0, p50Ratio = 0 } of rows) {
    const numbers = `${perSecond.toFixed(0).padStart(10)}${p50.toFixed(2).padStart(9)}${p99.toFixed(2).padStart(9)}`;
    const compared = of === undefined ? '' : `  ${ratio.toFixed(3)}, ${p50Ratio.toFixed(1)} of ${of}`;
    console.log(`${name.padEnd(32)}${numbers}${compared}`);
  }
}

function save(dir: string, size: Size, rows: readonly Row[]): void {
  mkdirSync(dir, { recursive: true });
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const machine = { cores: cpus().length, model: cpus()[0]?.model, node: process.version };
  const run = { at: new Date().toISOString(), commit, machine, connections: 32, ...size };
  writeFileSync(join(dir, 'references.json'), `${JSON.stringify({ ...run, rows }, null, 2)}\n`);
  const bars = rows.flatMap(({ name, of, ratio }) =>
    ratio === undefined ? [] : [{ label: `${name} / ${of}`, value: ratio }],
  );
  writeFileSync(
    join(dir, 'references.svg'),
    barChart(`Requests a second, as a share of the reference (${commit})`, bars),
  );
  console.log(`Written: ${relative(process.cwd(), dir)}/references.json and references.svg`);
}
