/** What clients saw, fault by fault, as a table in Markdown; a fault that came several times has one line with the worst of them. */
import type { Run } from '../run.ts';

const head = [
  '| fault | times | requests | failed first tries | longest gap between acknowledged writes | slowest read | violations | not as promised |',
  '|---|---|---|---|---|---|---|---|',
];

/** The table of all runs. */
export function table(runs: readonly Run[]): string {
  const byTitle = new Map<string, Run[]>();
  for (const run of runs) byTitle.set(run.title, [...(byTitle.get(run.title) ?? []), run]);
  return [...head, ...[...byTitle].map(([title, same]) => line(title, same))].join('\n');
}

function line(title: string, runs: readonly Run[]): string {
  const sum = (of: (run: Run) => number) => runs.reduce((total, run) => total + of(run), 0);
  const worst = (of: (run: Run) => number) => `${(Math.max(...runs.map(of)) / 1000).toFixed(2)} s`;
  const failed = sum(({ clientView }) => clientView.failedReads + clientView.failedWrites);
  const ways = new Set(runs.flatMap(({ clientView }) => clientView.failures.map((text) => text.split(' ')[0])));
  const cells = [
    title,
    runs.length,
    sum(({ clientView }) => clientView.requests),
    failed === 0 ? '0' : `${failed} (${[...ways].join(', ')})`,
    worst(({ clientView }) => clientView.longestGapMs),
    worst(({ clientView }) => clientView.slowestReadMs),
    sum(({ violations }) => violations.length),
    runs.filter(({ brokenPromises }) => brokenPromises.length > 0).length,
  ];
  return `| ${cells.join(' | ')} |`;
}

/** A few lines for a note: how much was tried, what was violated, what was not as promised. `stopped` runs did not come to an end. */
export function summary(runs: readonly Run[], stopped: number, seed: number, minutes: number): string {
  const sum = (of: (run: Run) => number) => runs.reduce((total, run) => total + of(run), 0);
  const notAsPromised = runs.filter(({ brokenPromises }) => brokenPromises.length > 0);
  return [
    `- seed ${seed}: ${runs.length} runs in ${minutes.toFixed(1)} minutes, ${sum(({ clientView }) => clientView.requests)} requests`,
    `- safety: ${sum(({ violations }) => violations.length)} violations in ${runs.filter(({ violations }) => violations.length > 0).length} runs`,
    `- clients: ${notAsPromised.length} runs not as their rows promise; ${stopped} runs stopped by an error`,
    `- soon after the last fault, so that more time was allowed: ${runs.filter(({ requestDelayMs }) => requestDelayMs > 0).length} runs`,
    `- elections: ${sum(({ elections }) => elections.masterChanges)} changes of master, ${sum(({ elections }) => elections.split)} elections split`,
    ...notAsPromised.map(({ title, brokenPromises }) => `  - ${title}: ${brokenPromises.map(firstLine).join('; ')}`),
  ].join('\n');
}

const firstLine = (text: string) => text.split('\n')[0] ?? '';

/** Everything that was not as promised, a line each; nothing if all was. */
export function complaints({ violations, brokenPromises }: Run): string[] {
  const shown = violations.slice(0, 12).map(({ kind, rule, what }) => `  ${kind.toUpperCase()}: ${rule}: ${what}`);
  if (violations.length > shown.length) shown.push(`  … and ${violations.length - shown.length} more`);
  return [...shown, ...brokenPromises.map((broken) => `  NOTICED: ${broken}`)];
}
