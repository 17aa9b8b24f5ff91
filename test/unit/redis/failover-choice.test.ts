/** Which Sentinel a service asks for a failover that the Sentinels see no need for, and when it asks none. */
import { describe, expect, test } from 'vitest';
import { chooseFailover } from '../../../api/redis/failover-choice.ts';
import type { Role } from '../../../api/redis/role.ts';
import type { SentinelAnswer } from '../../../api/redis/sentinels/sentinels.ts';
import {
  a,
  b,
  bFirst,
  c,
  peerReports,
  replicaReport,
  reportOfAbc,
  roleOfReplica,
  sentinelReport,
  silentSentinel,
} from '../../support/sentinel-reports.ts';

const periods = { pingMs: 500, infoMs: 250 };
type Evidence = Parameters<typeof chooseFailover>[0];
const refused = (reason = '') => ({ reason: expect.stringContaining(reason) });
/** Nothing has changed for a minute. */
const calm = {
  view: { master: a, epoch: 1 },
  replicas: [b, c],
  masterRole: undefined,
  history: 'now',
  unchangedForMs: 60_000,
  steadyForMs: () => 60_000,
};

describe('the Sentinel to ask while all replicas answer this service', () => {
  const reached = new Map([
    [b, roleOfReplica()],
    [c, roleOfReplica()],
  ]);
  function choose(
    answers: SentinelAnswer[],
    roles: ReadonlyMap<string, Role> = reached,
    changes: Partial<Evidence> = {},
  ) {
    return chooseFailover({ ...calm, answers, roles, ...changes }, periods);
  }

  test('is the first, and it would promote the replica with the larger offset', () => {
    expect(choose([reportOfAbc(1), reportOfAbc(2), reportOfAbc(3)])).toMatchObject({ sentinel: 's:1', replica: b });
  });

  test('is the one that reaches most of the others, so that services on both sides of a cut choose the same', () => {
    const cutBetween1And2 = (number: number, other: number) =>
      reportOfAbc(number, { peers: peerReports(number, [other]) });
    const inOneHost = choose([cutBetween1And2(1, 2), silentSentinel(2), reportOfAbc(3)]);
    const inTheOther = choose([silentSentinel(1), cutBetween1And2(2, 1), reportOfAbc(3)]);
    expect(inOneHost).toMatchObject({ sentinel: 's:3' });
    expect(inTheOther).toMatchObject({ sentinel: 's:3' });
  });

  test('may see the master as down alone, or name one that another Sentinel does not reach', () => {
    const s_down = { masterFlags: new Set(['s_down', 'master']), masterDownForMs: 1000 };
    expect(choose([silentSentinel(1), reportOfAbc(2, s_down), reportOfAbc(3)])).toMatchObject({
      sentinel: expect.any(String),
    });
  });

  const down3 = (number: number) => reportOfAbc(number, { peers: peerReports(number, [1, 2, 3]) });
  test.each<[string, SentinelAnswer[]]>([
    ['only one answers: it could be in a minority', [reportOfAbc(1), silentSentinel(2), silentSentinel(3)]],
    ['the two that answer do not reach each other', [down3(1), down3(2), silentSentinel(3)]],
    ['they differ about the master', [reportOfAbc(1), sentinelReport(2, b, bFirst), silentSentinel(3)]],
    ['they differ about the epoch', [reportOfAbc(1), reportOfAbc(2, { epoch: 0 }), silentSentinel(3)]],
    ['one of them knows a newer epoch', [reportOfAbc(1), reportOfAbc(2), sentinelReport(3, b, bFirst, { epoch: 2 })]],
    [
      'one runs a failover',
      [reportOfAbc(1), reportOfAbc(2), reportOfAbc(3, { masterFlags: new Set(['master', 'failover_in_progress']) })],
    ],
    [
      'two see the master as down',
      [reportOfAbc(1), reportOfAbc(2), reportOfAbc(3, { masterFlags: new Set(['master', 's_down', 'o_down']) })],
    ],
    [
      'each of them sees the other replica as down: it may have more',
      [1, 2, 3].map((n) => sentinelReport(n, a, [replicaReport(b), replicaReport(c, { down: true })])),
    ],
    [
      'what they know of the replica would be too old when they select one',
      [1, 2, 3].map((n) =>
        sentinelReport(n, a, [replicaReport(b, { offset: 1001, infoAgeMs: 600 }), replicaReport(c)]),
      ),
    ],
    ['they have no candidate', [1, 2, 3].map((n) => sentinelReport(n, a, [replicaReport(b, { down: true })]))],
    [
      'the last change of master is less than 15 s ago',
      [1, 2, 3].map((n) => reportOfAbc(n, { masterRoleAgeMs: 14_000 })),
    ],
  ])('is none when %s', (_, answers) => expect(choose(answers)).toEqual(refused()));

  test.each<[string, Role | undefined]>([
    ['is not reached by this service', undefined],
    ['is being filled', roleOfReplica({ state: 'sync' })],
    [
      'has not taken over the replication id of this master yet',
      roleOfReplica({ state: 'connect', history: 'before' }),
    ],
    ['follows another', roleOfReplica({ follows: c })],
    ['is a master', { state: 'master', offset: 9 }],
  ])('is none when the replica that it would promote %s', (_, role) => {
    const roles = new Map(
      role === undefined
        ? [[c, roleOfReplica()]]
        : [
            [b, role],
            [c, roleOfReplica()],
          ],
    );
    expect(choose([reportOfAbc(1), reportOfAbc(2), reportOfAbc(3)], roles)).toEqual(refused());
  });

  test('is none when this service saw a change less than 15 s ago', () => {
    expect(choose([reportOfAbc(1), reportOfAbc(2), reportOfAbc(3)], reached, { unchangedForMs: 14_000 })).toEqual(
      refused(),
    );
  });

  test('is none when another replica has got further since the Sentinels asked it', () => {
    const roles = new Map([...reached, [c, roleOfReplica({ offset: 10 })] as const]);
    expect(choose([reportOfAbc(1), reportOfAbc(2), reportOfAbc(3)], roles)).toEqual(refused());
  });

  test.each<[string, Role | undefined]>([
    ['does not answer this service: it may have died with what it alone has', undefined],
    ['is being filled', roleOfReplica({ state: 'sync' })],
    ['is in another history, whose offsets do not compare', roleOfReplica({ state: 'connect', history: 'before' })],
    ['follows another', roleOfReplica({ follows: b })],
    ['is a master', { state: 'master', history: 'now', offset: 9 }],
  ])('is none when the other replica %s', (_, role) => {
    const roles = new Map(
      role === undefined ? [[b, roleOfReplica()]] : [[b, roleOfReplica()] as const, [c, role] as const],
    );
    expect(choose([reportOfAbc(1), reportOfAbc(2), reportOfAbc(3)], roles)).toEqual(refused());
  });

  test('would promote one of two replicas that have got equally far', () => {
    const answers = [1, 2, 3].map((number) => reportOfAbc(number, { replicas: [replicaReport(b), replicaReport(c)] }));
    expect(choose(answers)).toMatchObject({ replica: b });
  });

  test('is none when this service has not heard from the master since it became master', () => {
    const answers = [reportOfAbc(1), reportOfAbc(2), reportOfAbc(3)];
    expect(choose(answers, reached, { history: undefined })).toEqual(refused());
    expect(choose(answers, reached, { history: 'now' })).toMatchObject({ sentinel: expect.any(String) });
  });

  test('is none while the Sentinel may still close its connection to the replica, after a cut: it would pass it over', () => {
    const answers = [reportOfAbc(1), reportOfAbc(2), reportOfAbc(3)];
    const brokenAt1 = (ms: number) => ({
      steadyForMs: (sentinel: string, replica: string) => (sentinel === 's:1' && replica === b ? ms : 60_000),
    });
    expect(choose(answers, reached, brokenAt1(15_900))).toEqual(refused('Sentinel s:1 lost its connection to h:2')); // another service, which has not seen it, asks s:1
    expect(choose(answers, reached, brokenAt1(16_000))).toMatchObject({ sentinel: 's:1' });
  });

  test('a Sentinel that has just started does not count as a change', () => {
    expect(choose([reportOfAbc(1, { masterRoleAgeMs: 100 }), reportOfAbc(2), reportOfAbc(3)])).toMatchObject({
      sentinel: expect.any(String),
    });
  });
});

/** The link between two hosts is cut: this service reaches the master, one replica and two Sentinels; the third Sentinel has lost the master. */
describe('the Sentinel to ask while a replica is silent to this service', () => {
  const masterRole: Role = { state: 'master', history: 'now', offset: 9 };
  const withSilentC = (changes = {}) => [bFirst[0] ?? replicaReport(b), replicaReport(c, { follows: a, ...changes })];
  const losingC = sentinelReport(1, a, withSilentC({ down: true }), { peers: peerReports(1, [2]) });
  const hearingAll = (silent = {}) => sentinelReport(3, a, withSilentC(silent));
  type Situation = { master?: Role | undefined; candidate?: Role; answers?: SentinelAnswer[] };
  function choose(situation: Situation) {
    const { candidate = roleOfReplica(), answers } = situation;
    const evidence = {
      ...calm,
      answers: answers ?? [losingC, silentSentinel(2), hearingAll()],
      masterRole: 'master' in situation ? situation.master : masterRole,
      roles: new Map([[b, candidate]]),
    };
    return chooseFailover(evidence, periods);
  }

  test.each<[string, Situation]>([
    ['has reached the offset that the master had before', {}],
    ['has got further meanwhile', { candidate: roleOfReplica({ offset: 10 }) }],
    ['has just lost the master', { candidate: roleOfReplica({ state: 'connect' }) }],
  ])('is the one that hears all replicas, if the other replica %s', (_, situation) => {
    expect(choose(situation)).toMatchObject({ sentinel: 's:3', replica: b });
  });

  test.each<[string, Situation]>([
    ['the master does not answer either: only the silent replica may have all', { master: undefined }],
    ['the master is a replica', { master: roleOfReplica({ follows: b }) }],
    ['the master does not name its history', { master: { state: 'master', offset: 9 } }],
    ['the other replica has not reached the offset of the master', { candidate: roleOfReplica({ offset: 8 }) }],
    ['the other replica is being filled', { candidate: roleOfReplica({ state: 'sync' }) }],
    ['the other replica is in another history', { candidate: roleOfReplica({ history: 'before' }) }],
    ['the other replica follows the silent one', { candidate: roleOfReplica({ follows: c }) }],
    ['the other replica is a master', { candidate: { state: 'master', history: 'now', offset: 9 } }],
    ...[
      ['says that it is a master: it was promoted', { follows: undefined }],
      ['follows another', { follows: b }],
      ['is down for the Sentinel, too: writes need no failover', { down: true }],
      ['would be promoted', { offset: 1002 }],
    ].map(([what, silent]): [string, Situation] => [
      `the silent replica ${what}`,
      { answers: [losingC, silentSentinel(2), hearingAll(silent as object)] },
    ]),
    [
      'the Sentinel does not list the silent replica',
      { answers: [losingC, silentSentinel(2), sentinelReport(3, a, [replicaReport(b, { follows: a })])] },
    ],
  ])('is none if %s', (_, situation) => expect(choose(situation)).toEqual(refused()));
});
