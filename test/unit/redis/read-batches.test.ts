/** Reads of one moment share a pipeline, and nothing else: each has its own replies and its own errors. */
import type { ChainableCommander, Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { createReadBatches } from '../../../api/redis/reads/read-batches.ts';

type Reply = [error: Error | null, reply: unknown];
const replica = (offset: number) => ['slave', '127.0.0.1', 7001, 'connected', offset];

/** A connection that records what is sent in each pipeline, and answers with `answerOf`. */
function recordingRedis(answerOf: (command: string, sent: number) => Reply) {
  const pipelines: string[][] = [];
  const redis = {
    status: 'ready',
    pipeline() {
      const commands: string[] = [];
      pipelines.push(commands);
      const add = (text: string) => void commands.push(text);
      return {
        get length() {
          return commands.length;
        },
        role: () => add('role'),
        info: () => add('info'),
        get: (key: string) => add(`get ${key}`),
        exec: async () => commands.map(answerOf),
      };
    },
  };
  return { redis: redis as unknown as Redis, pipelines };
}

const getting =
  (...keys: string[]) =>
  (pipeline: ChainableCommander) =>
    keys.map((key) => pipeline.get(key));

test('queries of one moment go together, between two questions about the role; the next one by itself', async () => {
  const { redis, pipelines } = recordingRedis((command, i) => [null, command === 'role' ? replica(i) : command]);
  const { query } = createReadBatches(() => redis);
  const found = await Promise.all([query('a:1', 'role', getting('x', 'y')), query('a:1', 'role', getting('z'))]);
  expect(pipelines).toEqual([['role', 'get x', 'get y', 'get z', 'role']]);
  expect(found.map((snapshot) => snapshot?.replies)).toEqual([['get x', 'get y'], ['get z']]);
  expect(found.map((snapshot) => [snapshot?.before.offset, snapshot?.after.offset])).toEqual(Array(2).fill([0, 4]));
  await query('a:1', 'role', getting('x'));
  expect(pipelines[1]).toEqual(['role', 'get x', 'role']);
});

test('a query whose command is wrong throws, and the others have their replies', async () => {
  const wrong = Object.assign(new Error('WRONGTYPE not a string'), { name: 'ReplyError' });
  const { redis } = recordingRedis((command) =>
    command === 'get list' ? [wrong, undefined] : [null, command === 'role' ? replica(1) : 'value'],
  );
  const { query } = createReadBatches(() => redis);
  const [bad, good] = await Promise.allSettled([
    query('a:1', 'role', getting('list')),
    query('a:1', 'role', getting('text')),
  ]);
  expect(bad).toMatchObject({ status: 'rejected', reason: wrong });
  expect(good).toMatchObject({ status: 'fulfilled', value: { replies: ['value'] } });
});

test.each([
  ['the question about the role before', 0],
  ['a command', 1],
  ['the question about the role afterwards', 2],
])('a node that does not answer %s gives nothing', async (_what, silent) => {
  const { redis } = recordingRedis((_command, i) =>
    i === silent ? [new Error('Connection is closed.'), undefined] : [null, replica(1)],
  );
  expect(await createReadBatches(() => redis).query('a:1', 'role', getting('x'))).toBeUndefined();
});
