/** Reads of one moment share a pipeline, and nothing else: each has its own replies and its own errors. */
import type { ChainableCommander, Redis } from 'ioredis';
import { expect, test, vi } from 'vitest';
import { createReadBatches } from '../../../api/redis/reads/read-batches.ts';

type Reply = [error: Error | null, reply: unknown];
const replica = (offset: number) => ['slave', '127.0.0.1', 7001, 'connected', offset];

/** A connection that records what is sent in each pipeline, and answers with `answerOf` when `isDue` resolves. */
function recordingRedis(answerOf: (command: string, sent: number) => Reply, isDue = async () => undefined as unknown) {
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
        exec: async () => {
          await isDue();
          return commands.map(answerOf);
        },
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

test('a node has one batch at a time to answer: queries that come meanwhile share the next one', async () => {
  const answers: (() => void)[] = [];
  const { redis, pipelines } = recordingRedis(
    (command) => [null, command === 'role' ? replica(1) : command],
    () => new Promise<void>((resolve) => answers.push(resolve)),
  );
  const { query } = createReadBatches(() => redis);
  const first = query('a:1', 'role', getting('x'));
  await vi.waitFor(() => expect(answers).toHaveLength(1));
  const others = [query('a:1', 'role', getting('y'))];
  await new Promise((resolve) => setImmediate(resolve));
  others.push(query('a:1', 'role', getting('z')));
  answers[0]?.();
  expect((await first)?.replies).toEqual(['get x']);
  await vi.waitFor(() => expect(answers).toHaveLength(2));
  answers[1]?.();
  expect((await Promise.all(others)).map((found) => found?.replies)).toEqual([['get y'], ['get z']]);
  expect(pipelines).toEqual([
    ['role', 'get x', 'role'],
    ['role', 'get y', 'get z', 'role'],
  ]);
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
