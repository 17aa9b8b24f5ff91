/** What the reply to each write of a group means, and how long a write is repeated. */
import type { Redis } from 'ioredis';
import { expect, test, vi } from 'vitest';
import { deadlineIn } from '../../../api/core/clock.ts';
import { Unavailable } from '../../../api/core/outcome.ts';
import type { FailoverRequest } from '../../../api/redis/failover-request.ts';
import type { Sentinels } from '../../../api/redis/sentinels/sentinels.ts';
import { trackConfirmations } from '../../../api/redis/writes/confirmations.ts';
import { createPendingWrite, sendGroup } from '../../../api/redis/writes/group.ts';
import { openWrites } from '../../../api/redis/writes/writes.ts';

const script = { name: 'test/lua/write.lua', source: 'the source', sha: 'the sha' };

/** A master that answers each script as `answerOf` says and confirms it with two replicas. @returns also the scripts that it was sent */
function masterThat(answerOf: (command: 'eval' | 'evalsha', sent: number) => unknown) {
  const sent: string[] = [];
  const redis = {
    status: 'ready',
    pipeline() {
      const replies: [Error | null, unknown][] = [];
      const add = (command: 'eval' | 'evalsha') => {
        sent.push(command);
        const answer = answerOf(command, sent.length);
        replies.push(answer instanceof Error ? [answer, undefined] : [null, answer]);
      };
      return {
        eval: () => add('eval'),
        evalsha: () => add('evalsha'),
        role: () => replies.push([null, ['master', 1, []]]),
        wait: () => replies.push([null, 2]),
        exec: async () => replies,
      };
    },
  };
  return { redis: redis as unknown as Redis, sent };
}

const replyError = (message: string) => Object.assign(new Error(message), { name: 'ReplyError' });

test.each<[message: string, meaning: string]>([
  ['NOSCRIPT No matching script.', 'to repeat'],
  ["READONLY You can't write against a read only replica.", 'to repeat'],
  ['NOREPLICAS Not enough good replicas to write.', 'to repeat'],
  ['MISCONF Errors writing to the AOF file', 'to repeat'],
  ['LOADING Redis is loading the dataset in memory', 'to repeat'],
  ["OOM command not allowed when used memory > 'maxmemory'.", 'unavailable'],
  ['WRONGTYPE Operation against a key holding the wrong kind of value', 'an error that names the script'],
])('a write that Redis refuses with %s is %s', async (message, meaning) => {
  let rejected: Error | undefined;
  const write = createPendingWrite(
    { script, keys: [], args: [] },
    deadlineIn(10_000),
    () => undefined,
    (error) => {
      rejected = error;
    },
  );
  const { toRepeat, executed } = await sendGroup(masterThat(() => replyError(message)).redis, [write], 2, false);
  expect(executed).toEqual([]);
  if (rejected === undefined) expect([toRepeat, meaning]).toEqual([[write], 'to repeat']);
  else if (rejected instanceof Unavailable) expect(meaning).toBe('unavailable');
  else expect([rejected.message, meaning]).toEqual([`${script.name}: ${message}`, 'an error that names the script']);
  write.reject(new Error('the test is over'));
});

test('a write whose connection broke may have run, and is repeated', async () => {
  const write = createPendingWrite(
    { script, keys: [], args: [] },
    deadlineIn(10_000),
    () => undefined,
    () => undefined,
  );
  const { toRepeat } = await sendGroup(masterThat(() => new Error('Connection is closed.')).redis, [write], 2, false);
  expect(toRepeat).toEqual([write]);
  write.reject(new Error('the test is over'));
});

test('a write that is settled keeps no timer until its deadline', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const write = createPendingWrite(
      { script, keys: [], args: [] },
      deadlineIn(10_000),
      () => undefined,
      () => undefined,
    );
    write.resolve(['fresh']);
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

function openWritesTo(redis: Redis) {
  const sentinels = {
    nodes: () => new Set(['h:1', 'h:2', 'h:3']),
    ask: async () => [],
    silentForMs: () => 0,
    hurry: () => undefined,
  } as unknown as Sentinels;
  const failover = { onStalled: () => undefined, onProgress: () => undefined } as unknown as FailoverRequest;
  const link = { address: { host: 'h', port: 1 }, redis };
  return openWrites(() => link, sentinels, failover, 'padding');
}

test('a script that the master does not know is sent again with its source', async () => {
  const { redis, sent } = masterThat((command) => (command === 'eval' ? ['fresh'] : replyError('NOSCRIPT')));
  expect(await openWritesTo(redis).run(script, [], [], deadlineIn(10_000))).toEqual(['fresh']);
  expect(sent).toEqual(['evalsha', 'eval']);
});

test('a write that the master refuses is repeated more and more rarely', async () => {
  const { redis, sent } = masterThat(() => replyError('NOREPLICAS'));
  await expect(openWritesTo(redis).run(script, [], [], deadlineIn(600))).rejects.toThrow(Unavailable);
  expect(sent.length).toBeLessThan(20); // every 5 ms would be 120
});

test('while no replica is known, nothing is acknowledged', () => {
  const confirmations = trackConfirmations();
  const role = { offset: 1, replicas: [] };
  for (const roles of [
    { before: undefined, after: undefined },
    { before: role, after: role },
  ]) {
    confirmations.next(0);
    expect(confirmations.judge({ executed: [], toRepeat: [], confirmations: 0, ...roles }, 'h:1', [])).toBe('none');
  }
});
