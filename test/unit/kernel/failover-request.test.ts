/** When a service asks for a failover that the Sentinels see no need for, and which Sentinel. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { chooseFailover, type FailoverRequest, openFailoverRequest } from '../../../api/redis/failover-request.ts';
import type { Role } from '../../../api/redis/role.ts';
import type { SentinelReport } from '../../../api/redis/sentinel-report.ts';
import type { SentinelAnswer } from '../../../api/redis/sentinels.ts';
import { peerReports, replicaReport, sentinelReport, silentSentinel } from '../../support/sentinel-reports.ts';

const [a, b, c] = ['h:1', 'h:2', 'h:3'] as const;
const periods = { pingMs: 500, infoMs: 250 };
const follows = (changes: Partial<Role> = {}): Role => ({
  follows: a,
  state: 'connected',
  history: 'now',
  offset: 9,
  ...changes,
});
const bFirst = [replicaReport(b, { offset: 1001 }), replicaReport(c)];
const report = (number: number, changes: Partial<SentinelReport> = {}) => sentinelReport(number, a, bFirst, changes);
const view = { master: a, epoch: 1, replicas: [] };

describe('the Sentinel to ask', () => {
  const reached = new Map([
    [b, follows()],
    [c, follows()],
  ]);
  function choose(
    answers: SentinelAnswer[],
    roles: ReadonlyMap<string, Role> = reached,
    { unchangedForMs = 60_000 } = {},
  ) {
    return chooseFailover({ view, answers, replicas: [b, c], roles, history: 'now', unchangedForMs }, periods);
  }

  test('is the first, and it would promote the replica with the larger offset', () => {
    expect(choose([report(1), report(2), report(3)])).toMatchObject({ sentinel: 's:1', replica: b });
  });

  test('is the one that reaches most of the others, so that services on both sides of a cut choose the same', () => {
    const cutBetween1And2 = (number: number, other: number) => report(number, { peers: peerReports(number, [other]) });
    const inOneHost = choose([cutBetween1And2(1, 2), silentSentinel(2), report(3)]);
    const inTheOther = choose([silentSentinel(1), cutBetween1And2(2, 1), report(3)]);
    expect(inOneHost).toMatchObject({ sentinel: 's:3' });
    expect(inTheOther).toMatchObject({ sentinel: 's:3' });
  });

  test('may see the master as down alone, or name one that another Sentinel does not reach', () => {
    const s_down = { masterFlags: new Set(['s_down', 'master']), masterDownForMs: 1000 };
    expect(choose([silentSentinel(1), report(2, s_down), report(3)])).toBeDefined();
  });

  const down3 = (number: number) => report(number, { peers: peerReports(number, [1, 2, 3]) });
  test.each<[string, SentinelAnswer[]]>([
    ['only one answers: it could be in a minority', [report(1), silentSentinel(2), silentSentinel(3)]],
    ['the two that answer do not reach each other', [down3(1), down3(2), silentSentinel(3)]],
    ['they differ about the master', [report(1), sentinelReport(2, b, bFirst), silentSentinel(3)]],
    ['they differ about the epoch', [report(1), report(2, { epoch: 0 }), silentSentinel(3)]],
    ['one of them knows a newer epoch', [report(1), report(2), sentinelReport(3, b, bFirst, { epoch: 2 })]],
    [
      'one runs a failover',
      [report(1), report(2), report(3, { masterFlags: new Set(['master', 'failover_in_progress']) })],
    ],
    [
      'two see the master as down',
      [report(1), report(2), report(3, { masterFlags: new Set(['master', 's_down', 'o_down']) })],
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
    ['the last change of master is less than 15 s ago', [1, 2, 3].map((n) => report(n, { masterRoleAgeMs: 14_000 }))],
  ])('is none when %s', (_, answers) => expect(choose(answers)).toBeUndefined());

  test.each<[string, Role | undefined]>([
    ['is not reached by this service', undefined],
    ['is being filled', follows({ state: 'sync' })],
    ['has not got as far as the beginning of this master', follows({ state: 'connect', history: 'before' })],
    ['follows another', follows({ follows: c })],
    ['is a master', { state: 'master', offset: 9 }],
  ])('is none when the replica that it would promote %s', (_, role) => {
    const roles = new Map(
      role === undefined
        ? [[c, follows()]]
        : [
            [b, role],
            [c, follows()],
          ],
    );
    expect(choose([report(1), report(2), report(3)], roles)).toBeUndefined();
  });

  test('is none when this service saw a change less than 15 s ago', () => {
    expect(choose([report(1), report(2), report(3)], reached, { unchangedForMs: 14_000 })).toBeUndefined();
  });

  test('is none when another replica has got further since the Sentinels asked it', () => {
    const roles = new Map([...reached, [c, follows({ offset: 10 })] as const]);
    expect(choose([report(1), report(2), report(3)], roles)).toBeUndefined();
  });

  test.each<[string, Role | undefined]>([
    ['does not answer this service: it may have died with what it alone has', undefined],
    ['is being filled', follows({ state: 'sync' })],
    ['is in another history, whose offsets do not compare', follows({ state: 'connect', history: 'before' })],
    ['follows another', follows({ follows: b })],
    ['is a master', { state: 'master', history: 'now', offset: 9 }],
  ])('is none when the other replica %s', (_, role) => {
    const roles = new Map(role === undefined ? [[b, follows()]] : [[b, follows()] as const, [c, role] as const]);
    expect(choose([report(1), report(2), report(3)], roles)).toBeUndefined();
  });

  test('would promote one of two replicas that have got equally far', () => {
    const answers = [1, 2, 3].map((number) => report(number, { replicas: [replicaReport(b), replicaReport(c)] }));
    expect(choose(answers)).toMatchObject({ replica: b });
  });

  test('is none when this service has not heard from the master since it became master', () => {
    const answers = [report(1), report(2), report(3)];
    const known = { view, answers, replicas: [b, c], roles: reached, unchangedForMs: 60_000 };
    expect(chooseFailover({ ...known, history: undefined }, periods)).toBeUndefined();
    expect(chooseFailover({ ...known, history: 'now' }, periods)).toBeDefined();
  });

  test('a Sentinel that has just started does not count as a change', () => {
    expect(choose([report(1, { masterRoleAgeMs: 100 }), report(2), report(3)])).toBeDefined();
  });
});

describe('the request', () => {
  let answers: SentinelAnswer[];
  let roles: Map<string, Role>;
  let rolesAfterMs: number;
  let changedAtMs: number;
  let failover: ReturnType<typeof vi.fn<(sentinel: string) => Promise<void>>>;
  let ask: ReturnType<typeof vi.fn<() => Promise<SentinelAnswer[]>>>;
  let logged: string[];
  let request: FailoverRequest;

  beforeEach(() => {
    vi.useFakeTimers();
    answers = [report(1), report(2), report(3)];
    roles = new Map([
      [b, follows()],
      [c, follows()],
    ]);
    rolesAfterMs = 3;
    changedAtMs = Number.NEGATIVE_INFINITY;
    failover = vi.fn(async () => undefined);
    logged = [];
    const nodes = () => new Set([a, b, c]);
    ask = vi.fn(async () => answers);
    const sentinels = { view: () => view, ask, nodes, changedAtMs: () => changedAtMs, failover };
    const replicaInfos = () =>
      new Promise<Map<string, Role>>((resolve) => setTimeout(() => resolve(roles), rolesAfterMs));
    request = openFailoverRequest(sentinels, { replicaInfos, masterHistory: () => 'now' }, (event) =>
      logged.push(event),
    );
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  async function stallFor(ms: number, everyMs = 10): Promise<void> {
    for (let passed = 0; passed < ms; passed += everyMs) {
      request.onStalled();
      await vi.advanceTimersByTimeAsync(everyMs);
    }
  }

  test('is sent once, when no write was acknowledged for longer than Sentinel needs to replace a dead master', async () => {
    await stallFor(2400);
    expect(failover).not.toHaveBeenCalled();
    await stallFor(2000);
    expect(failover.mock.calls).toEqual([['s:1']]);
    expect(logged).toEqual([expect.stringContaining('asking Sentinel s:1 for a failover to h:2')]);
  });

  test('is not sent when the second look finds that another service has asked another Sentinel', async () => {
    const started = report(3, { masterFlags: new Set(['master', 'force_failover']) });
    let looks = 0;
    ask.mockImplementation(async () => (++looks === 1 ? answers : [report(1), report(2), started]));
    await stallFor(5000);
    expect(failover).not.toHaveBeenCalled();
    expect(looks).toBeGreaterThan(1);
  });

  test('is sent also when there is one write a second, each dropped at its deadline', async () => {
    await stallFor(5000, 1000);
    expect(failover).toHaveBeenCalledOnce();
  });

  test('is not sent when a write was acknowledged meanwhile', async () => {
    await stallFor(2000);
    request.onProgress();
    await stallFor(2000);
    expect(failover).not.toHaveBeenCalled();
  });

  test('is not sent for two writes that stalled for a moment, far apart', async () => {
    await stallFor(100);
    await vi.advanceTimersByTimeAsync(6000);
    await stallFor(100);
    expect(failover).not.toHaveBeenCalled();
  });

  test('is one at a time, though a replica takes 300 ms to answer and Sentinel refuses a second failover', async () => {
    rolesAfterMs = 300;
    let busy = false;
    failover.mockImplementation(() => {
      if (busy) return Promise.reject(new Error('-INPROG Failover already in progress'));
      busy = true;
      return Promise.resolve();
    });
    await stallFor(16_000);
    expect(failover).toHaveBeenCalledOnce();
  });

  test('is repeated after 15 s at the earliest, counted from the last change of master', async () => {
    await stallFor(3000);
    changedAtMs = performance.now();
    await stallFor(14_500);
    expect(failover).toHaveBeenCalledOnce();
    await stallFor(1500);
    expect(failover).toHaveBeenCalledTimes(2);
  });

  test('that is refused is tried again after a second, but not within 15 s of a change', async () => {
    failover.mockRejectedValue(new Error('-NOGOODSLAVE'));
    await stallFor(3000);
    expect(failover).toHaveBeenCalledTimes(1);
    await stallFor(1000);
    expect(failover).toHaveBeenCalledTimes(2);
    changedAtMs = performance.now();
    await stallFor(10_000);
    expect(failover).toHaveBeenCalledTimes(2);
  });

  test('is sent as soon as a replica could take over, when none could at first', async () => {
    roles = new Map();
    await stallFor(4000);
    expect(failover).not.toHaveBeenCalled();
    roles = new Map([
      [b, follows({ state: 'connect' })],
      [c, follows({ state: 'connect' })],
    ]);
    await stallFor(600);
    expect(failover).toHaveBeenCalledOnce();
  });
});
