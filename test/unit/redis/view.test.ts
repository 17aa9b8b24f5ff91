/** Which master a service follows when Sentinels differ, or begin again at epoch 0. */
import { describe, expect, test } from 'vitest';
import type { SentinelAnswer } from '../../../api/redis/sentinels/sentinels.ts';
import { nextView, type ViewState } from '../../../api/redis/sentinels/view.ts';
import { replicaReport, sentinelReport, silentSentinel } from '../../support/sentinel-reports.ts';

const [a, b] = ['h:1', 'h:2'] as const;
const says = (number: number, master: string, epoch: number) => sentinelReport(number, master, [], { epoch });
const unknown: ViewState = { view: undefined, changedAtMs: Number.NEGATIVE_INFINITY, lower: undefined };
const follows = (master: string, epoch: number): ViewState => ({ ...unknown, view: { master, epoch, replicas: [] } });
const after = (state: ViewState, rounds: [nowMs: number, answers: SentinelAnswer[]][]) =>
  rounds.reduce((last, [nowMs, answers]) => nextView(last, answers, nowMs), state);

describe('the view', () => {
  test.each<[string, ViewState, SentinelAnswer[], [master: string | undefined, epoch: number | undefined]]>([
    ['begins with the first answer', unknown, [says(1, a, 3)], [a, 3]],
    ['stays unknown while none answers', unknown, [silentSentinel(1)], [undefined, undefined]],
    ['stays when none answers', follows(a, 3), [silentSentinel(1), silentSentinel(2)], [a, 3]],
    [
      'follows the highest epoch, though only one Sentinel names it',
      follows(a, 3),
      [says(1, a, 3), says(2, b, 4)],
      [b, 4],
    ],
    ['stays with its master when two differ under one epoch', follows(a, 3), [says(1, b, 3), says(2, a, 3)], [a, 3]],
    ['does not follow a lower epoch at once', follows(a, 3), [says(1, b, 0), says(2, b, 0)], [a, 3]],
  ])('%s', (_name, state, answers, [master, epoch]) => {
    const { view } = nextView(state, answers, 1000);
    expect([view?.master, view?.epoch]).toEqual([master, epoch]);
  });

  test('takes the replicas from each answer, also under the same epoch', () => {
    const report = sentinelReport(1, a, [replicaReport(b, { down: true })], { epoch: 3 });
    const { view } = nextView(follows(a, 3), [report], 1000);
    expect(view?.replicas.map(({ address, flags }) => [address, flags.has('s_down')])).toEqual([[b, true]]);
  });

  test('says when master or epoch changed last, the first view not counted', () => {
    expect(nextView(unknown, [says(1, a, 3)], 1000).changedAtMs).toBe(Number.NEGATIVE_INFINITY);
    expect(nextView(follows(a, 3), [says(1, a, 3)], 1000).changedAtMs).toBe(Number.NEGATIVE_INFINITY);
    expect(nextView(follows(a, 3), [says(1, a, 4)], 1000).changedAtMs).toBe(1000);
  });
});

describe('Sentinels that have lost their memory', () => {
  const lost = [says(1, b, 0), says(2, b, 0)];
  test.each<[string, string, [nowMs: number, answers: SentinelAnswer[]][]]>([
    [
      'are followed when two have agreed for 5 s',
      b,
      [
        [0, lost],
        [5000, lost],
      ],
    ],
    [
      'are not followed before',
      a,
      [
        [0, lost],
        [4999, lost],
      ],
    ],
    [
      'are not followed while one names a higher epoch',
      a,
      [
        [0, lost],
        [5000, [...lost, says(3, a, 3)]],
      ],
    ],
    [
      'begin to count anew after one named a higher epoch',
      a,
      [
        [0, lost],
        [3000, [...lost, says(3, a, 3)]],
        [5000, lost],
      ],
    ],
    [
      'begin to count anew when they change their minds',
      a,
      [
        [0, [says(1, a, 0), says(2, a, 0)]],
        [3000, lost],
        [5000, lost],
      ],
    ],
    [
      'are not followed when only one says so',
      a,
      [
        [0, [says(1, b, 0)]],
        [6000, [says(1, b, 0)]],
      ],
    ],
    [
      'begin to count anew when one fell silent',
      a,
      [
        [0, lost],
        [3000, [says(1, b, 0), silentSentinel(2)]],
        [5000, lost],
      ],
    ],
  ])('%s', (_name, master, rounds) => expect(after(follows(a, 3), rounds).view?.master).toBe(master));
});
