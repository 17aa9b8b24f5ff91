/** From which node a service learns the replication id of the master: node a is the master, b and c its replicas. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { watchMasterHistory } from '../../../api/redis/master-history.ts';
import type { Role } from '../../../api/redis/role.ts';
import type { View } from '../../../api/redis/sentinels/view.ts';
import { a, b, c, roleOfReplica } from '../../support/sentinel-reports.ts';

let watched: ReturnType<typeof watchMasterHistory> | undefined;
beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] }));
afterEach(() => {
  watched?.close();
  vi.useRealTimers();
});

/** The id that is learned. @param own what the master itself reports */
async function learned(own: Role | undefined, replicas: [string, Role][]): Promise<string | undefined> {
  const sentinels = { view: (): View => ({ master: a, epoch: 1, replicas: [] }), onMaster: () => () => undefined };
  watched = watchMasterHistory(
    sentinels,
    async () => own,
    async () => new Map(replicas),
  );
  await vi.advanceTimersByTimeAsync(100);
  return watched.id();
}

const master: Role = { state: 'master', history: 'of the master', offset: 9 };

test.each<[string, string | undefined, Role | undefined, [string, Role][]]>([
  ['the master itself', 'of the master', master, [[b, roleOfReplica()]]],
  ['a replica that is connected to it, when it does not answer', 'now', undefined, [[b, roleOfReplica()]]],
  ['no replica of another master', undefined, undefined, [[b, roleOfReplica({ follows: c, history: 'of another' })]]],
  [
    'no replica that has lost it, but one that has not',
    'now',
    undefined,
    [
      [b, roleOfReplica({ state: 'connect', history: 'before' })],
      [c, roleOfReplica()],
    ],
  ],
  ['no node that is a replica now', undefined, roleOfReplica({ history: 'of another' }), []],
])('is learned from %s', async (_, expected, own, replicas) => {
  expect(await learned(own, replicas)).toBe(expected);
});
