/** Whether what a read saw can be shown to a token: node a is the master, b and c its replicas; c did not answer this service. */
import { expect, test } from 'vitest';
import { deadlineIn, monotonicMs } from '../../../api/core/clock.ts';
import type { Nodes } from '../../../api/redis/nodes.ts';
import type { Snapshot } from '../../../api/redis/reads/read-batches.ts';
import { openReadEvidence } from '../../../api/redis/reads/read-evidence.ts';
import type { Role } from '../../../api/redis/role.ts';
import type { SentinelAnswer, Sentinels } from '../../../api/redis/sentinels/sentinels.ts';
import { a, b, c, replicaReport, reportOfAbc, roleOfReplica, silentSentinel } from '../../support/sentinel-reports.ts';

const offset = 1000;
const index = { master: a, offset, atMs: monotonicMs() };
const upToDate = roleOfReplica({ offset });
const found: Snapshot = { before: upToDate, after: upToDate, replies: [] };

/** @param master as this service knows it @param answers of the Sentinels @param acknowledged what each replica has confirmed to the master */
function openEvidence(
  answers: () => SentinelAnswer[],
  { master = a as string, acknowledged = {} as Record<string, number> } = {},
) {
  const sentinels = {
    ask: async () => answers(),
    nodes: () => new Set([a, b, c]),
    view: () => ({ master, epoch: 1, replicas: [] }),
    onMaster: () => () => undefined,
  } as unknown as Sentinels;
  const nodes = {
    replicaRoles: async () => new Map<string, Role>([[b, upToDate]]),
    acknowledgedBy: async () => new Map(Object.entries(acknowledged)),
  } as unknown as Nodes;
  return openReadEvidence(sentinels, nodes);
}

function isDurable(...parts: Parameters<typeof openEvidence>): Promise<boolean> {
  return openEvidence(...parts).isDurable(found, index, deadlineIn(3000));
}

/** All Sentinels have heard just now that c is down, so that they would elect b, which has what was read. */
const electing = () =>
  [1, 2, 3].map((number) =>
    reportOfAbc(number, {
      masterPongAgeMs: 0,
      masterInfoAgeMs: 0,
      replicas: [
        replicaReport(b, { offset, follows: a, infoAgeMs: 0, pongAgeMs: 0 }),
        replicaReport(c, { down: true, offset, follows: a }),
      ],
    }),
  );

test('yes, when the replica that did not answer has confirmed it to the master', async () => {
  const silent = () => [1, 2, 3].map(silentSentinel);
  expect(await isDurable(silent, { acknowledged: { [b]: offset, [c]: offset } })).toBe(true);
});

test('yes, when every Sentinel would elect a replica that has it', async () => {
  expect(await isDurable(electing)).toBe(true);
});

test('no, when the Sentinels are silent', async () => {
  expect(await isDurable(() => [1, 2, 3].map(silentSentinel))).toBe(false);
});

test('no, when the master was replaced meanwhile', async () => {
  const replaced = () => [1, 2, 3].map((number) => reportOfAbc(number, { master: b, epoch: 2 }));
  expect(await isDurable(replaced, { master: b })).toBe(false);
});

test.each([
  [
    'all replicas have it',
    new Map([
      [b, upToDate],
      [c, upToDate],
    ]),
    true,
  ],
  [
    'one is behind',
    new Map([
      [b, upToDate],
      [c, roleOfReplica({ offset: offset - 1 })],
    ]),
    false,
  ],
  ['one has not answered', new Map([[b, upToDate]]), false],
  [
    'one follows another master',
    new Map([
      [b, upToDate],
      [c, roleOfReplica({ offset, follows: b })],
    ]),
    false,
  ],
])('what was read needs no more questions only if all replicas are known to have it: %s', (_what, roles, expected) => {
  expect(openEvidence(() => []).isOnAll(found, index, roles)).toBe(expected);
});
