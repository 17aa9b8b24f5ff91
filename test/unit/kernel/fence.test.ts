/** When the Sentinels' answers are certain enough for a write that not all replicas have. */
import { describe, expect, test } from 'vitest';
import { fenceHolds } from '../../../api/redis/fence.ts';
import type { SentinelAnswer } from '../../../api/redis/sentinels.ts';

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
