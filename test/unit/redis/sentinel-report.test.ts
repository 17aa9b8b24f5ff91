/** The parser of what a Sentinel says. Replies are those of Redis 7.0, shortened. */

import { describe, expect, test } from 'vitest';
import { parseReport } from '../../../api/redis/sentinels/sentinel-report.ts';
import { majorityNamedAtMs } from '../../../api/redis/sentinels/sentinels.ts';

type Fields = Record<string, string | number>;
const asked = { address: 's:1', askedAtMs: 100, answeredAtMs: 102 };
const flat = (fields: Fields) => Object.entries(fields).flatMap(([name, value]) => [name, String(value)]);
const node = (port: number, fields: Fields = {}): Fields => ({
  name: `h:${port}`,
  ip: 'h',
  port,
  runid: `run-${port}`,
  flags: 'slave',
  'last-ok-ping-reply': 120,
  'info-refresh': 80,
  'role-reported-time': 5000,
  'slave-priority': 100,
  'slave-repl-offset': 900,
  'master-link-down-time': 0,
  'role-reported': 'slave',
  'master-host': 'h',
  'master-port': 1,
  ...fields,
});
const master = (port: number, fields: Fields = {}) =>
  node(port, { flags: 'master', 'config-epoch': 7, 'down-after-milliseconds': 1000, ...fields });
const peer = { name: 'id-2', ip: 's', port: 2, runid: 'id-2', flags: 's_down,sentinel' };

function parse(watched: Fields, replicas: Fields[], current: number) {
  return parseReport(asked, ['id-1', flat(watched), replicas.map(flat), [flat(peer)], ['h', String(current)]]);
}

test('a client that copied the data of the master, and announced no port, is no replica', () => {
  const copy = node(0, { runid: '', flags: 's_down,slave,disconnected', 's-down-time': 300 });
  expect(parse(master(1), [node(2), copy], 1).replicas.map(({ address }) => address)).toEqual(['h:2']);
});

describe('a Sentinel that runs no failover', () => {
  const report = parse(master(1), [node(2, { 's-down-time': 300, flags: 's_down,slave' }), node(3)], 1);
  test('names the node that it watches', () => {
    expect(report).toMatchObject({
      ...asked,
      id: 'id-1',
      master: 'h:1',
      epoch: 7,
      masterFlags: new Set(['master']),
      masterRunId: 'run-1',
      masterPongAgeMs: 120,
      masterInfoAgeMs: 80,
      masterDownForMs: undefined,
      masterRoleAgeMs: 5000,
      downAfterMs: 1000,
      switchingFrom: undefined,
    });
  });
  test('reports replicas and peers', () => {
    expect(report.replicas).toEqual([
      {
        address: 'h:2',
        runId: 'run-2',
        flags: new Set(['s_down', 'slave']),
        priority: 100,
        offset: 900,
        masterLinkDownMs: 0,
        follows: 'h:1',
        pongAgeMs: 120,
        infoAgeMs: 80,
        downForMs: 300,
      },
      expect.objectContaining({ address: 'h:3', downForMs: undefined }),
    ]);
    expect(report.peers).toEqual([{ id: 'id-2', address: 's:2', flags: new Set(['s_down', 'sentinel']) }]);
  });
});

test('before its first INFO a replica has no run id, and its INFO no age, whatever Sentinel prints', () => {
  const [replica] = parse(master(1), [node(2, { runid: '', 'info-refresh': 0 })], 1).replicas;
  expect(replica).toMatchObject({ runId: '', infoAgeMs: undefined });
});

test('a replica that says that it is a master follows none', () => {
  const [replica] = parse(master(1), [node(2, { 'role-reported': 'master' })], 1).replicas;
  expect(replica).toMatchObject({ follows: undefined });
});

test('an INFO that has just come is 0 ms old', () => {
  expect(parse(master(1), [node(2, { 'info-refresh': 0 })], 1).replicas[0]).toMatchObject({ infoAgeMs: 0 });
});

describe('the leader of a failover that has promoted a replica', () => {
  const watched = master(1, { flags: 'master,s_down,o_down,failover_in_progress' });
  const report = parse(watched, [node(2, { flags: 'slave,promoted', 'last-ok-ping-reply': 9 }), node(3)], 2);
  test('names the promoted replica, with what it knows of that one, and the node that it switches from', () => {
    expect(report).toMatchObject({ master: 'h:2', masterPongAgeMs: 9, switchingFrom: 'h:1' });
    expect(report.masterFlags).toEqual(new Set(['slave', 'promoted']));
  });
  test('will forget what it knows of the others: they count as not heard', () => {
    expect(report.replicas.map(({ address, runId, infoAgeMs }) => [address, runId, infoAgeMs])).toEqual([
      ['h:1', '', undefined],
      ['h:3', '', undefined],
    ]);
  });
  test('counts as running a failover when it does not list the master that it names', () => {
    expect(parse(watched, [node(3)], 2).masterFlags).toEqual(new Set(['failover_in_progress']));
  });
});

test.each<[string, [master: string, askedAtMs: number][], number]>([
  [
    'all three name it: when the second latest was asked',
    [
      ['a', 10],
      ['a', 30],
      ['a', 20],
    ],
    20,
  ],
  [
    'two of three name it',
    [
      ['a', 10],
      ['b', 30],
      ['a', 20],
    ],
    10,
  ],
  [
    'one of three names it',
    [
      ['a', 10],
      ['b', 30],
      ['b', 20],
    ],
    Number.NEGATIVE_INFINITY,
  ],
  [
    'two have reported',
    [
      ['a', 10],
      ['a', 20],
    ],
    10,
  ],
  ['none has reported', [], Number.NEGATIVE_INFINITY],
])('a majority of the Sentinels last named a master: %s', (_name, reports, expected) => {
  const given = reports.map(([master, askedAtMs]) => ({ master, askedAtMs }));
  expect(majorityNamedAtMs('a', given, 3)).toBe(expected);
});
