/** How far a new master must write to stand further than a former one in a history of its own. */
import { expect, test } from 'vitest';
import { paddingBytes } from '../../../api/redis/writes/outgrow.ts';
import { replicaReport, sentinelReport, silentSentinel } from '../../support/sentinel-reports.ts';

const [a, b, c] = ['h:1', 'h:2', 'h:3'] as const;
const master = { offset: 1000, replicas: [{ address: b, offset: 1000 }] };
const report = (offset: number, changes = {}) =>
  sentinelReport(1, a, [replicaReport(b), replicaReport(c, { offset, ...changes })]);

test.each<[string, number, Parameters<typeof paddingBytes>[2]]>([
  ['as far as it is ahead and a margin', 500 + 1024, [report(1500)]],
  ['the margin, when it stands as far', 1024, [report(1000)]],
  ['nothing, when it is behind', 0, [report(999)]],
  ['nothing, when it follows the master', 0, [sentinelReport(1, a, [replicaReport(b, { offset: 5000 })])]],
  ['nothing, when the Sentinel has not heard from it since its reset', 0, [report(1500, { runId: '' })]],
  ['nothing, when the Sentinel names another master', 0, [{ ...report(1500), master: b }]],
  [
    'as far as the furthest that one of them knows',
    800 + 1024,
    [report(1500), { ...report(1800), address: 's:2' }, silentSentinel(3)],
  ],
  ['at most 16 MiB in one step', 16 * 1024 * 1024, [report(1e9)]],
  ['nothing, when none answers', 0, [silentSentinel(1)]],
])('%s: %i bytes', (_name, bytes, answers) => expect(paddingBytes(master, a, answers)).toBe(bytes));
