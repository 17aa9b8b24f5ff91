/** The rule of acknowledgement, case by case: three nodes a (the master), b (has the write), c (lacks it), three Sentinels. */
import { describe, expect, test } from 'vitest';
import { type Doubt, type Evidence, judgeDurability } from '../../../api/redis/sentinels/durability.ts';
import type { SentinelReport, SilentSentinel } from '../../../api/redis/sentinels/sentinel-report.ts';
import { peerReports, replicaReport, sentinelReport, silentSentinel } from '../../support/sentinel-reports.ts';

const periods = { pingMs: 500, infoMs: 250 };
const [a, b, c] = ['h:1', 'h:2', 'h:3'] as const;
const settledAtMs = 10_000;
const askedAtMs = 10_300;

const has = (changes = {}) => replicaReport(b, changes);
const lacks = (changes = {}) => replicaReport(c, { offset: 900, ...changes });
/** Not heard since the Sentinel's last reset, which takes the beginning for a PONG. */
const unheard = { runId: '', infoAgeMs: undefined, pongAgeMs: 10, offset: 0 };

const peers = peerReports;
const silent = silentSentinel;
const sentinel = (number: number, changes: Partial<SentinelReport> = {}) =>
  sentinelReport(number, a, [has(), lacks()], { askedAtMs, ...changes });
const all = (changes: Partial<SentinelReport> = {}) => [1, 2, 3].map((number) => sentinel(number, changes));
/** Sentinel 1 with these changes, the others as they are. */
const one = (changes: Partial<SentinelReport>) => [sentinel(1, changes), sentinel(2), sentinel(3)];
/** Sentinels 1 and 2 that see the third as down, with `changes` at the first, and the third as it is given. */
const without3 = (third: SentinelReport | SilentSentinel, changes: Partial<SentinelReport> = {}) => [
  sentinel(1, { peers: peers(1, [3]), ...changes }),
  sentinel(2, { peers: peers(2, [3]) }),
  third,
];
const ghost = { id: 'ghost', address: 's:9', flags: new Set(['s_down']) };

function judge(sentinels: Evidence['sentinels'], changes: Partial<Evidence> = {}): Doubt | 'durable' {
  const evidence: Evidence = {
    master: a,
    offset: 1000,
    settledAtMs,
    confirmed: new Set([b]),
    nodes: new Set([a, b, c]),
    sentinels,
    ...changes,
  };
  const verdict = judgeDurability(evidence, periods);
  return verdict.durable ? 'durable' : verdict.reason;
}

type Case = readonly [name: string, expected: Doubt | 'durable', sentinels: Evidence['sentinels'], Partial<Evidence>?];
const masterDown = { masterFlags: new Set(['s_down', 'master']), masterDownForMs: 200, masterPongAgeMs: 1300 };
const deafToMaster = { ...masterDown, masterInfoAgeMs: 1400 };
const wouldElectOther = { replicas: [has({ down: true }), lacks()] };
const seesNoReplica = { replicas: [has({ down: true }), lacks({ down: true })] };
const notAsked: Evidence['sentinels'] = [silent(1), silent(2), silent(3)];

const cases: Record<string, readonly Case[]> = {
  'which nodes have it': [
    ['all: no Sentinel needs to say anything', 'durable', notAsked, { confirmed: new Set([b, c]) }],
    ['none but the master', 'unconfirmed', all(seesNoReplica), { confirmed: new Set() }],
    ['the master is the only node there is', 'unconfirmed', all(), { confirmed: new Set(), nodes: new Set([a]) }],
    ['all that one Sentinel knows, but another knows one more', 'too-few-sentinels', notAsked],
  ],
  'who answers': [
    ['all', 'durable', all()],
    ['one alone', 'too-few-sentinels', [sentinel(1, { peers: peers(1, [2, 3]) }), silent(2), silent(3)]],
    ['two, and both see the third as down', 'durable', without3(silent(3))],
    [
      'two, and one of them sees the third as up',
      'silent-sentinel',
      [sentinel(1, { peers: peers(1, [3]) }), sentinel(2), silent(3)],
    ],
    [
      'two, and what they see as down is not the third but a Sentinel of the past',
      'silent-sentinel',
      [1, 2].map((n) => sentinel(n, { peers: [...peers(n), ghost] })).concat([silent(3)] as never),
    ],
    ['all, and see a Sentinel of the past as down', 'durable', all({ peers: [...peers(0), ghost] })],
    [
      'all, and one knows a Sentinel that the service does not',
      'silent-sentinel',
      one({ peers: [...peers(1), { id: 'new', address: 's:4', flags: new Set() }] }),
    ],
    [
      'the third never answered: compared by address',
      'durable',
      without3({ address: 's:3', id: undefined, silent: true }),
    ],
  ],
  'who is the master': [
    ['one Sentinel names another', 'replaced', one({ master: b })],
    ['one runs a failover', 'failover', one({ masterFlags: new Set(['master', 'failover_in_progress']) })],
    ['one was asked for a failover', 'failover', one({ masterFlags: new Set(['master', 'force_failover']) })],
    ['the leader of a failover has not forgotten the node that lacks it', 'switching', one({ switchingFrom: c })],
    ['the leader of a failover has not finished, and the former master has it', 'durable', one({ switchingFrom: b })],
    [
      'one that both others see as down names an earlier master',
      'durable',
      without3(sentinel(3, { master: b, epoch: 0 })),
    ],
    [
      'one that both others see as down has led a failover: a cut is healing',
      'replaced',
      without3(sentinel(3, { master: b, epoch: 2 })),
    ],
    [
      'one that both others see as down runs a failover',
      'failover',
      without3(sentinel(3, { masterFlags: new Set(['master', 'failover_in_progress']) })),
    ],
    [
      'one that both others see as down is silent, and one of those does not hear the master: it can win that vote when a cut heals',
      'silent-sentinel',
      without3(silent(3), deafToMaster),
    ],
    [
      'one that both others see as down would elect the node that lacks it, and one of those does not hear the master',
      'other-winner',
      without3(sentinel(3, wouldElectOther), deafToMaster),
    ],
    [
      'one that both others see as down would elect the node that lacks it, and both of those hear the master',
      'durable',
      without3(sentinel(3, { ...wouldElectOther, ...deafToMaster })),
    ],
    [
      'one that only one other sees as down names another',
      'replaced',
      [sentinel(1, { peers: peers(1, [2]) }), sentinel(2, { master: b }), sentinel(3)],
    ],
    ['one sees it as down, and would elect a node with the write', 'durable', one(masterDown)],
    [
      'two do not hear it: were the node with the write to die, they would elect the other',
      'master-not-heard',
      [sentinel(1, deafToMaster), sentinel(2, deafToMaster), sentinel(3)],
    ],
    [
      'two heard it last before the write had settled',
      'master-not-heard',
      [1, 2, 3].map((n) => sentinel(n, n === 3 ? {} : { masterPongAgeMs: 300, masterInfoAgeMs: 300 })),
    ],
  ],
  'a Sentinel that could lead would elect': [
    ['a node that has it, and knows that', 'durable', all()],
    [
      'a node that has it, but does not know that yet',
      'winner-behind',
      one({ replicas: [has({ offset: 999 }), lacks()] }),
    ],
    ['the node that lacks it: the other one is down', 'other-winner', one(wouldElectOther)],
    [
      'the node that lacks it: it knows old offsets',
      'other-winner',
      all({ replicas: [has({ offset: 800 }), lacks()] }),
    ],
    [
      'the node that lacks it: its priority is better',
      'other-winner',
      all({ replicas: [has(), lacks({ priority: 1 })] }),
    ],
    [
      'the node that lacks it: it has an offset of another history',
      'other-winner',
      all({ replicas: [has(), lacks({ offset: 5000 })] }),
    ],
    [
      'the node that lacks it, with its next INFO',
      'other-winner',
      all({ replicas: [has({ infoAgeMs: 800, pongAgeMs: 800, offset: 800 }), lacks({ infoAgeMs: 800 })] }),
    ],
    [
      'the node that has it: the other may never be elected',
      'durable',
      all({ replicas: [has({ offset: 999 }), lacks({ priority: 0 })] }),
    ],
    [
      'a node with the same offset by its run id',
      'other-winner',
      all({ replicas: [has({ runId: 'bb' }), lacks({ runId: 'AA', offset: 1000 })] }),
    ],
    [
      'a node that has it, last heard before the write',
      'winner-not-heard',
      all({ replicas: [has({ pongAgeMs: 400, infoAgeMs: 450 }), lacks()] }),
    ],
    [
      'a node that has it, last heard when the write had only just settled',
      'winner-not-heard',
      all({ replicas: [has({ pongAgeMs: 270, infoAgeMs: 270 }), lacks()] }),
    ],
    [
      'a node that has it, heard by INFO alone',
      'durable',
      all({ replicas: [has({ pongAgeMs: 450, infoAgeMs: 200 }), lacks()] }),
    ],
  ],
  'the other node is down': [
    [
      'and the winner was heard since',
      'durable',
      all({ replicas: [has({ offset: 999, pongAgeMs: 400, infoAgeMs: 400 }), lacks({ down: true })] }),
    ],
    [
      'but the winner was not heard since, nor since the write',
      'winner-not-heard',
      all({ replicas: [has({ pongAgeMs: 700, infoAgeMs: 700 }), lacks({ down: true, downForMs: 100 })] }),
    ],
    [
      'and the Sentinels were reset after it fell silent',
      'durable',
      all({
        replicas: [
          has(),
          lacks({ ...unheard, down: true, flags: new Set(['s_down', 'slave', 'disconnected']), downForMs: 5000 }),
        ],
      }),
    ],
  ],
  'a Sentinel without a candidate': [
    ['which hears the master', 'durable', one(seesNoReplica)],
    ['which alone does not hear the master', 'durable', one({ ...seesNoReplica, ...deafToMaster })],
    [
      'and another that does not hear the master either',
      'master-not-heard',
      [
        sentinel(1, { replicas: [has({ ...unheard }), lacks({ ...unheard })], ...deafToMaster }),
        sentinel(2, deafToMaster),
        sentinel(3),
      ],
    ],
    [
      'all of them: they have lost both replicas',
      'no-candidate',
      all({ replicas: [has({ down: true, downForMs: 8000 }), lacks({ down: true })] }),
    ],
    ['all of them, just reset', 'durable', all({ replicas: [has(unheard), lacks(unheard)] })],
    [
      'all of them, just reset, the master not heard yet',
      'master-not-heard',
      all({ replicas: [has(unheard), lacks(unheard)], masterRunId: '' }),
    ],
  ],
};

for (const [group, table] of Object.entries(cases)) {
  describe(group, () => {
    test.each(table.map(([name, expected, sentinels, changes]) => ({ name, expected, sentinels, changes })))(
      '$name: $expected',
      ({ expected, sentinels, changes }) => expect(judge(sentinels, changes)).toBe(expected),
    );
  });
}
