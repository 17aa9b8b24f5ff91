/** The queue of writes while there is no master. */
import { expect, test } from 'vitest';
import { deadlineIn } from '../../../api/core/clock.ts';
import type { FailoverRequest } from '../../../api/redis/failover-request.ts';
import type { Sentinels } from '../../../api/redis/sentinels/sentinels.ts';
import { openWrites } from '../../../api/redis/writes/writes.ts';

const script = { name: 'test', source: '', sha: '' };

test('5,000 writes wait for a master; another one is refused at once, and all of them at their deadline', async () => {
  const sentinels = {
    nodes: () => new Set<string>(),
    ask: async () => [],
    silentForMs: () => 0,
    hurry: () => undefined,
  } as unknown as Sentinels;
  const failover = { onStalled: () => undefined, onProgress: () => undefined } as unknown as FailoverRequest;
  const writes = openWrites(() => undefined, sentinels, failover, 'padding');
  const deadline = deadlineIn(1000);
  const reasonOf = (write: Promise<unknown>) =>
    write.then(
      () => 'acknowledged',
      (error: Error) => error.message,
    );
  const waiting = Array.from({ length: 5000 }, () => reasonOf(writes.run(script, [], [], deadline)));
  expect(await reasonOf(writes.run(script, [], [], deadlineIn(10_000)))).toBe('too many writes are waiting');
  expect(new Set(await Promise.all(waiting))).toEqual(new Set(['the write was not confirmed in time']));
});
