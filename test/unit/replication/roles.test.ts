/** What a Redis node says about itself, by ROLE and by INFO, and the replica that has everything acknowledged (api/redis/role.ts). */
import { expect, test } from 'vitest';
import { furthestOffset, parseInfo, parseMasterRole, parseRole, type Role } from '../../../api/redis/role.ts';

const a = '127.0.0.1:7001';
const b = '127.0.0.1:7002';
const c = '127.0.0.1:7003';

const roleOfMaster = [
  'master',
  500,
  [
    ['127.0.0.1', '7002', '500'],
    ['127.0.0.1', '7003', '480'],
  ],
];
const roleOfReplica = ['slave', '127.0.0.1', 7001, 'connected', 480];
const roleOfSentinel = ['sentinel', ['shop']];

test('ROLE of a master, of a replica, of neither', () => {
  expect(parseRole(roleOfMaster)).toEqual({ state: 'master', offset: 500 });
  expect(parseRole(roleOfReplica)).toEqual({ follows: a, state: 'connected', offset: 480 });
  for (const reply of [roleOfSentinel, undefined, null, 'slave']) expect(parseRole(reply)).toBeUndefined();
});

test('ROLE of a master also says what each replica has confirmed; only a master does', () => {
  expect(parseMasterRole(roleOfMaster)).toEqual({
    offset: 500,
    replicas: [
      { address: b, offset: 500 },
      { address: c, offset: 480 },
    ],
  });
  for (const reply of [roleOfReplica, undefined, 'master']) expect(parseMasterRole(reply)).toBeUndefined();
});

const infoOf = (fields: Record<string, string | number>) =>
  ['# Replication', ...Object.entries(fields).map(([name, value]) => `${name}:${value}`), ''].join('\r\n');
const replica = {
  role: 'slave',
  master_host: '127.0.0.1',
  master_port: 7001,
  master_link_status: 'up',
  master_sync_in_progress: 0,
  slave_repl_offset: 480,
  master_replid: 'history-1',
  master_repl_offset: 500,
};

test.each<[node: string, fields: Record<string, string | number>, role: Role | undefined]>([
  ['master', { ...replica, role: 'master' }, { state: 'master', history: 'history-1', offset: 500 }],
  ['replica', replica, { follows: a, state: 'connected', history: 'history-1', offset: 480 }],
  [
    'replica without a link to its master',
    { ...replica, master_link_status: 'down' },
    { follows: a, state: 'connect', history: 'history-1', offset: 480 },
  ],
  [
    'replica that receives all data',
    { ...replica, master_link_status: 'down', master_sync_in_progress: 1 },
    { follows: a, state: 'sync', history: 'history-1', offset: 480 },
  ],
  ['Sentinel', { ...replica, role: 'sentinel' }, undefined],
])('INFO of a %s', (_node, fields, role) => {
  expect(parseInfo(infoOf(fields))).toEqual(role);
});

test('a reply that is not the text of INFO', () => {
  expect(parseInfo(undefined)).toBeUndefined();
});

const upToDate: Role = { follows: a, state: 'connected', history: 'history-1', offset: 480 };
const behind: Role = { ...upToDate, offset: 470 };
const { history: _unknown, ...withoutHistory } = upToDate;

test.each<[situation: string, roles: [string, Role][], history: string | undefined, offset: number | undefined]>([
  [
    'both follow the master',
    [
      [b, behind],
      [c, upToDate],
    ],
    'history-1',
    480,
  ],
  ['one does not answer', [[b, upToDate]], 'history-1', undefined],
  [
    'one follows another node',
    [
      [b, upToDate],
      [c, { ...upToDate, follows: b }],
    ],
    'history-1',
    undefined,
  ],
  [
    'the data of one are being replaced',
    [
      [b, upToDate],
      [c, { ...upToDate, state: 'sync' }],
    ],
    'history-1',
    undefined,
  ],
  [
    'one stands in an older history',
    [
      [b, upToDate],
      [c, { ...upToDate, history: 'history-0' }],
    ],
    'history-1',
    undefined,
  ],
  [
    'no history is known',
    [
      [b, withoutHistory],
      [c, withoutHistory],
    ],
    undefined,
    undefined,
  ],
])('the greatest offset of replicas, when all of them can be compared: %s', (_situation, roles, history, offset) => {
  expect(furthestOffset(a, [b, c], new Map(roles), history)).toBe(offset);
});

test('a master without replicas has no greatest offset of replicas', () => {
  expect(furthestOffset(a, [], new Map(), 'history-1')).toBeUndefined();
});
