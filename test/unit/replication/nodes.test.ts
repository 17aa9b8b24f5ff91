/** What the replicas have confirmed to the master, as the master says. */
import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { openNodes } from '../../../api/redis/nodes.ts';
import type { View } from '../../../api/redis/sentinels/view.ts';

const master = '127.0.0.1:7001';
const replica = '127.0.0.1:7002';
const view: View = { master, epoch: 1, replicas: [] } as unknown as View;

/** Nodes of which the first answers ROLE as a master. @param offset what the replica has confirmed of 500 @returns and what the master was asked */
function open(offset: number, { hasMaster = true } = {}) {
  const asked: string[] = [];
  const role = ['master', 500, [['127.0.0.1', '7002', String(offset)]]];
  const redis = {
    status: 'ready',
    async role() {
      asked.push('ROLE');
      return role;
    },
    pipeline() {
      const commands: string[] = [];
      const add = (command: string) => {
        commands.push(command);
        return pipeline;
      };
      const pipeline = {
        role: () => add('ROLE'),
        wait: (count: number) => add(`WAIT ${count}`),
        async exec() {
          asked.push(...commands);
          return commands.map((command) => [null, command === 'ROLE' ? role : 1]);
        },
      };
      return pipeline;
    },
    disconnect() {},
  };
  const sentinels = {
    view: () => (hasMaster ? view : undefined),
    nodes: () => new Set([master, replica]),
    onMaster: () => () => undefined,
  };
  const nodes = openNodes(sentinels as never, () => redis as unknown as Redis);
  return { nodes, asked };
}

test('is known of the present master, and of no other node', async () => {
  const { nodes } = open(500);
  expect(await nodes.acknowledgedBy(master)).toEqual(new Map([[replica, 500]]));
  expect(await nodes.acknowledgedBy(replica)).toEqual(new Map());
  nodes.close();
});

test('is unknown while there is no master', async () => {
  const { nodes, asked } = open(500, { hasMaster: false });
  expect(await nodes.acknowledgedBy(master)).toEqual(new Map());
  expect(asked).toEqual([]);
  nodes.close();
});

test('is asked for with WAIT while a replica is behind, because replicas report once a second by themselves', async () => {
  const { nodes, asked } = open(490);
  await nodes.acknowledgedBy(master);
  expect(asked).toEqual(['ROLE']);
  expect(await nodes.acknowledgedBy(master)).toEqual(new Map([[replica, 490]]));
  expect(asked).toEqual(['ROLE', 'ROLE', 'WAIT 1', 'ROLE']);
  nodes.close();
});
