/** What a group of writes learns from the replies of its replicas, and how the next group is sent. */
import { expect, test } from 'vitest';
import type { MasterRole } from '../../../api/redis/role.ts';
import { trackConfirmations } from '../../../api/redis/writes/confirmations.ts';
import type { GroupReply } from '../../../api/redis/writes/group.ts';

const master = 'h:1';
const replicas = ['h:2', 'h:3'];

/** The master's ROLE. @param offsets of the replicas that are connected to it */
function role(offset: number, offsets: Record<string, number>): MasterRole {
  return { offset, replicas: Object.entries(offsets).map(([address, each]) => ({ address, offset: each })) };
}

/** A group's reply. @param confirmations what its WAIT counted @param roles ROLE before and after it */
function reply(confirmations: number, ...[before, after]: MasterRole[]): GroupReply {
  return { executed: [], toRepeat: [], confirmations, before, after };
}

/** After a group that one replica did not confirm: the replicas that have the next one are named. */
function naming() {
  const confirmations = trackConfirmations();
  confirmations.next(replicas.length);
  expect(confirmations.judge(reply(1), master, replicas)).toBe('name-them');
  return confirmations;
}

test('while all replicas confirm, none is named', () => {
  const confirmations = trackConfirmations();
  for (let i = 0; i < 2; i++) {
    expect(confirmations.next(replicas.length)).toEqual({ named: false, wanted: 2 });
    expect(confirmations.judge(reply(2), master, replicas)).toBe('all');
  }
});

test.each([
  ['one of two replicas confirms', 1, 'name-them'],
  ['no replica confirms', 0, 'none'],
])('when %s, the group is repeated, and the replicas that have it are named', (_, count, expected) => {
  const confirmations = trackConfirmations();
  confirmations.next(replicas.length);
  expect(confirmations.judge(reply(count), master, replicas)).toBe(expected);
  expect(confirmations.next(replicas.length)).toEqual({ named: true, wanted: 2 });
});

test('a master without replicas proves nothing, whatever it counts', () => {
  const confirmations = trackConfirmations();
  expect(confirmations.next(0)).toEqual({ named: false, wanted: 1 });
  expect(confirmations.judge(reply(0), master, [])).toBe('none');
});

test.each<[string, GroupReply, unknown]>([
  ['all have the offset from before the group', reply(2, role(90, {}), role(100, { 'h:2': 95, 'h:3': 90 })), 'all'],
  ['none has it', reply(0, role(90, {}), role(100, { 'h:2': 89, 'h:3': 10 })), 'none'],
  ['the connection broke before the second ROLE', reply(0, role(90, {})), 'none'],
  [
    'one has it, the other is connected and behind',
    reply(1, role(90, {}), role(100, { 'h:2': 90, 'h:3': 89 })),
    { master, offset: 90, confirmed: new Set(['h:2']) },
  ],
  [
    'one has it, the other is gone',
    reply(1, role(90, {}), role(100, { 'h:2': 100 })),
    { master, offset: 90, confirmed: new Set(['h:2']) },
  ],
])('named: %s', (_, answer, expected) => {
  const confirmations = naming();
  confirmations.next(replicas.length);
  const judged = confirmations.judge(answer, master, replicas);
  if (typeof expected === 'string') expect(judged).toBe(expected);
  else expect(judged).toMatchObject(expected as object);
});

test('a replica that is connected and does not confirm is waited for once a second, not by every group', () => {
  const confirmations = naming();
  const behind = reply(1, role(90, {}), role(100, { 'h:2': 100, 'h:3': 80 }));
  expect(confirmations.next(replicas.length).wanted).toBe(2);
  confirmations.judge(behind, master, replicas);
  expect(confirmations.next(replicas.length)).toEqual({ named: true, wanted: 1 });
});

test('once all confirm again, they are no longer named', () => {
  const confirmations = naming();
  confirmations.next(replicas.length);
  expect(confirmations.judge(reply(2, role(90, {}), role(100, { 'h:2': 100, 'h:3': 100 })), master, replicas)).toBe(
    'all',
  );
  expect(confirmations.next(replicas.length)).toEqual({ named: false, wanted: 2 });
});
