/** What clients saw, fault by fault, as a table in Markdown. */
import type { Run } from '../run.ts';

/** The head of the table. */
export const tableHead = [
  '| fault | requests | failed first tries | longest gap between acknowledged writes | slowest read | lost | doubled |',
  '|---|---|---|---|---|---|---|',
].join('\n');

/** One line of it. */
export function tableLine({ title, clientView, violations }: Run): string {
  const count = (kind: string) => violations.filter((each) => each.kind === kind).length;
  const failed = clientView.failedReads + clientView.failedWrites;
  const how = failed === 0 ? '0' : `${failed} (${clientView.failures.join(', ')})`;
  const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
  const cells = [
    title,
    clientView.requests,
    how,
    seconds(clientView.longestGapMs),
    seconds(clientView.slowestReadMs),
    count('lost'),
    count('doubled'),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** Everything that was not as promised, a line each; nothing if all was. */
export function complaints({ violations, brokenPromises }: Run): string[] {
  const shown = violations.slice(0, 12).map(({ kind, rule, what }) => `  ${kind.toUpperCase()}: ${rule}: ${what}`);
  if (violations.length > shown.length) shown.push(`  … and ${violations.length - shown.length} more`);
  return [...shown, ...brokenPromises.map((broken) => `  NOTICED: ${broken}`)];
}
