/** The replica that a Sentinel would promote (sentinelSelectSlave): of b, which has the write, and c, which lacks it. */
import { expect, test } from 'vitest';
import { selectReplica } from '../../../api/redis/sentinels/election.ts';
import type { SentinelReport } from '../../../api/redis/sentinels/sentinel-report.ts';
import { replicaReport, sentinelReport } from '../../support/sentinel-reports.ts';

const periods = { pingMs: 500, infoMs: 250 };
const [a, b, c] = ['h:1', 'h:2', 'h:3'] as const;
const has = (changes = {}) => replicaReport(b, changes);
const lacks = (changes = {}) => replicaReport(c, { offset: 900, ...changes });
/** Not heard since the Sentinel's last reset, which takes the beginning for a PONG. */
const unheard = { runId: '', infoAgeMs: undefined, pongAgeMs: 10, offset: 0 };
const masterDown = { masterFlags: new Set(['s_down', 'master']), masterDownForMs: 200, masterPongAgeMs: 1300 };

const select = (changes: Partial<SentinelReport>) =>
  selectReplica(sentinelReport(1, a, [has(), lacks()], changes), periods)?.address;

test.each([
  ['the one with the larger offset', [has(), lacks()], b],
  ['the one with the lower priority, before the offset', [has(), lacks({ priority: 99 })], c],
  [
    'at the same offset the one with the lower run id, in any case of letters',
    [has({ runId: 'b' }), lacks({ runId: 'A', offset: 1000 })],
    c,
  ],
  ['no node of priority 0', [has({ priority: 0 }), lacks()], c],
  ['no node that is down', [has({ down: true }), lacks()], c],
  ['no node without a connection', [has({ flags: new Set(['slave', 'disconnected']) }), lacks()], c],
  ['no node that has not answered five PINGs', [has({ pongAgeMs: 2501 }), lacks()], c],
  ['no node whose INFO is older than three periods', [has({ infoAgeMs: 751 }), lacks()], c],
  ['no node without an INFO', [has({ ...unheard }), lacks()], c],
  ['no node that lost its master too long ago', [has({ masterLinkDownMs: 10_001 }), lacks()], c],
  ['nothing where there is none', [has({ down: true }), lacks({ down: true })], undefined],
])('%s', (_name, replicas, expected) => expect(select({ replicas })).toBe(expected));

test('while the master is down, an INFO may be as old as five PINGs', () => {
  expect(select({ ...masterDown, replicas: [has({ infoAgeMs: 2500 }), lacks()] })).toBe(b);
  expect(select({ ...masterDown, replicas: [has({ infoAgeMs: 2501 }), lacks()] })).toBe(c);
});
