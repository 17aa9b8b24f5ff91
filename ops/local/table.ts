// The table of processes that `npm start` and `npm run shop -- status` print.
import { relative } from 'node:path';
import { serviceNames } from '../../api/services.ts';
import type { ProcessStatus } from './status.ts';

const heads = ['process', 'role', 'port', 'state', 'lag', 'restarts', 'log'];

/** A path as messages show it: relative to the current folder for what lies in it, otherwise absolute. */
export function shownPath(path: string): string {
  const shown = relative(process.cwd(), path);
  return shown.startsWith('..') ? path : shown || '.';
}

/** Lines of a table of processes. */
export function tableOf(status: ProcessStatus[]): string[] {
  const rows = status.map((each) => [
    each.name,
    each.role ?? roleOf(each.kind),
    String(each.port || ''),
    each.state,
    each.lag === undefined || each.role === 'master' ? '' : `${each.lag} B`,
    String(each.restarts),
    shownPath(each.log),
  ]);
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)));
  return [heads, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function roleOf(kind: string): string {
  if (kind === 'nginx') return 'reverse proxy';
  if (kind === 'sentinel') return 'watches Redis';
  if (kind === 'redis') return '';
  if (kind === 'backup') return 'backups';
  return (serviceNames as readonly string[]).includes(kind) ? 'service' : 'monitoring';
}
