/** When the Sentinels' answers are certain enough for a write that not all replicas have. */
import { describe, expect, test } from 'vitest';
import { fenceHolds } from '../../../api/redis/fence.ts';
import { parseAnswer, type SentinelAnswer } from '../../../api/redis/sentinels.ts';

const node = { host: '127.0.0.1', port: 7001 };
const other = { host: '127.0.0.1', port: 7002 };

function answer(changes: Partial<SentinelAnswer> & { flags?: string[] } = {}): SentinelAnswer {
  const { flags = ['master'], ...rest } = changes;
  return { master: node, epoch: 1, masterFlags: new Set(flags), replicas: [], sentinelsDown: 0, ...rest };
}

describe('the fence holds', () => {
  test('when all Sentinels name the node and see nothing wrong', () => {
    expect(fenceHolds([answer(), answer(), answer()], node)).toBe(true);
  });

  test('when a silent Sentinel is held for down by the two others', () => {
    const seesOneDown = answer({ sentinelsDown: 1 });
    expect(fenceHolds([seesOneDown, undefined, seesOneDown], node)).toBe(true);
  });
});

describe('the fence does not hold', () => {
  test.each(['s_down', 'o_down', 'force_failover', 'failover_in_progress'])(
    'when one Sentinel flags the master %s',
    (flag) => {
      expect(fenceHolds([answer(), answer({ flags: ['master', flag] }), answer()], node)).toBe(false);
    },
  );

  test('when one Sentinel names another master', () => {
    expect(fenceHolds([answer(), answer({ master: other, epoch: 2 }), answer()], node)).toBe(false);
  });

  test('when a silent Sentinel may be leading a failover: not everybody holds it for down', () => {
    expect(fenceHolds([answer({ sentinelsDown: 1 }), undefined, answer()], node)).toBe(false);
  });

  test('when fewer than two answer', () => {
    expect(fenceHolds([answer({ sentinelsDown: 2 }), undefined, undefined], node)).toBe(false);
    expect(fenceHolds([], node)).toBe(false);
  });
});

describe('a Sentinel that leads a failover', () => {
  const instance = (port: number, flags: string) => ['ip', '127.0.0.1', 'port', String(port), 'flags', flags];
  const replies = (current: number) => [
    [...instance(7002, 'master,s_down,o_down,failover_in_progress'), 'config-epoch', '2'],
    [instance(7001, 'slave,promoted'), instance(7003, 'slave')],
    [instance(7012, 'sentinel'), instance(7013, 's_down,sentinel')],
    ['127.0.0.1', String(current)],
  ];

  test('names the node that it promotes once that one has obeyed, with the old master among the replicas', () => {
    const said = parseAnswer(replies(7001));
    expect(said).toMatchObject({ master: node, epoch: 2, sentinelsDown: 1 });
    expect(said.replicas.map(({ address }) => address.port)).toEqual([7002, 7003]);
    expect(fenceHolds([said, answer({ sentinelsDown: 1 }), undefined], node)).toBe(true);
  });

  test('and does not before: nothing is acknowledged on either', () => {
    const said = parseAnswer(replies(7002));
    expect(said.master).toEqual(other);
    expect(fenceHolds([said, answer(), answer()], node)).toBe(false);
    expect(fenceHolds([said, answer({ master: other }), answer({ master: other })], other)).toBe(false);
  });
});
