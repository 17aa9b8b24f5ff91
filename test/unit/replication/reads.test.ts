/** Which node answers a read: a is the master, b and c are its replicas. */
import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { deadlineIn, monotonicMs } from '../../../api/core/clock.ts';
import { Unavailable } from '../../../api/core/outcome.ts';
import type { Nodes } from '../../../api/redis/nodes.ts';
import { openReads } from '../../../api/redis/reads/reads.ts';
import type { Sentinels } from '../../../api/redis/sentinels/sentinels.ts';
import { a, b, c } from '../../support/sentinel-reports.ts';

/** The offset up to which everything was acknowledged. */
const acknowledged = 100;

/** @param offsets of the nodes that answer @returns the read of a product, which each node answers with its own address */
function openReadsOf(offsets: Partial<Record<string, number>>) {
  const role = (address: string) => [
    ...(address === a ? ['master'] : ['slave', 'h', 1, 'connected']),
    offsets[address],
    ...(address === a ? [[]] : []),
  ];
  const connection = (address: string) => {
    const status = offsets[address] === undefined ? 'connecting' : 'ready';
    const pipeline = () => {
      const replies: [null, unknown][] = [];
      return {
        get length() {
          return replies.length;
        },
        role: () => replies.push([null, role(address)]),
        get: () => replies.push([null, address]),
        exec: async () => replies,
      };
    };
    return { status, pipeline } as unknown as Redis;
  };
  const roleOf = async (address: string) =>
    offsets[address] === undefined
      ? undefined
      : {
          state: address === a ? 'master' : 'connected',
          offset: offsets[address],
          ...(address !== a && { follows: a }),
        };
  const sentinels = {
    view: () => ({ master: a, epoch: 1, replicas: [] }),
    nodes: () => new Set([a, b, c]),
    namedAtMs: () => monotonicMs(),
    silentForMs: () => 0,
    onMaster: () => () => undefined,
    hurry: () => undefined,
    ask: async () => [],
  } as unknown as Sentinels;
  const nodes = {
    connection,
    roleOf,
    replicaRoles: async () => new Map(),
    replicaInfos: async () => new Map(),
    acknowledgedBy: async () => new Map(),
    masterHistory: () => undefined,
  } as unknown as Nodes;
  const reads = openReads(sentinels, nodes);
  return async (consistency: 'read-your-writes' | 'bounded-staleness', ms = 5000) =>
    (await reads.query(consistency, (pipeline) => pipeline.get('product'), deadlineIn(ms)))[0];
}

const upToDate = { [a]: acknowledged, [b]: acknowledged, [c]: acknowledged };

test.each(['read-your-writes', 'bounded-staleness'] as const)('the replicas in turn, a read with %s', async (which) => {
  const read = openReadsOf(upToDate);
  expect(new Set([await read(which), await read(which)])).toEqual(new Set([b, c]));
});

test('a read without a token: the replica that has everything acknowledged, while the other is behind', async () => {
  const read = openReadsOf({ ...upToDate, [b]: acknowledged - 1 });
  expect([await read('bounded-staleness'), await read('bounded-staleness')]).toEqual([c, c]);
});

test('a read without a token: the master, when both replicas are behind', async () => {
  const read = openReadsOf({ [a]: acknowledged, [b]: acknowledged - 1, [c]: acknowledged - 1 });
  expect(await read('bounded-staleness')).toBe(a);
});

test('no node, while none that answers is known to have everything acknowledged', async () => {
  const read = openReadsOf({ [b]: acknowledged, [c]: acknowledged });
  await expect(read('read-your-writes', 100)).rejects.toThrow(Unavailable);
});
