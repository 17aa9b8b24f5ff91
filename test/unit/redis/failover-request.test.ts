/** When a service asks for a failover that the Sentinels see no need for. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type FailoverRequest, openFailoverRequest } from '../../../api/redis/failover-request.ts';
import type { Role } from '../../../api/redis/role.ts';
import type { SentinelAnswer } from '../../../api/redis/sentinels/sentinels.ts';
import { a, b, c, replicaReport, reportOfAbc, roleOfReplica, sentinelReport } from '../../support/sentinel-reports.ts';

const viewOf = (master: string) => ({ master, epoch: 1, replicas: [] });

let view: () => ReturnType<typeof viewOf>;
let answers: SentinelAnswer[];
let masterRole: () => Promise<Role | undefined>;
let onReplicasAsked: () => void;
let roles: Map<string, Role>;
let rolesAfterMs: number;
let changedAtMs: number;
let failover: ReturnType<typeof vi.fn<(sentinel: string) => Promise<void>>>;
let ask: ReturnType<typeof vi.fn<() => Promise<SentinelAnswer[]>>>;
let logged: string[];
let request: FailoverRequest;

beforeEach(() => {
  vi.useFakeTimers();
  view = () => viewOf(a);
  answers = [reportOfAbc(1), reportOfAbc(2), reportOfAbc(3)];
  roles = new Map([
    [b, roleOfReplica()],
    [c, roleOfReplica()],
  ]);
  masterRole = async () => undefined;
  onReplicasAsked = () => undefined;
  rolesAfterMs = 3;
  changedAtMs = Number.NEGATIVE_INFINITY;
  failover = vi.fn(async () => undefined);
  logged = [];
  const all = () => new Set([a, b, c]);
  ask = vi.fn(async () => answers);
  const sentinels = {
    view: () => view(),
    ask,
    nodes: all,
    changedAtMs: () => changedAtMs,
    steadyForMs: () => 60_000,
    failover,
  };
  const replicaInfos = () =>
    new Promise<Map<string, Role>>((resolve) => {
      onReplicasAsked();
      setTimeout(() => resolve(roles), rolesAfterMs);
    });
  const nodes = { infoOf: () => masterRole(), replicaInfos, masterHistory: () => 'now' };
  request = openFailoverRequest(sentinels, nodes, (event) => logged.push(event));
});
afterEach(() => {
  vi.useRealTimers();
});

async function stallFor(ms: number, everyMs = 10): Promise<void> {
  for (let passed = 0; passed < ms; passed += everyMs) {
    request.onStalled(performance.now());
    await vi.advanceTimersByTimeAsync(everyMs);
  }
}

test('a request is sent once, when no write was acknowledged for longer than Sentinel needs to replace a dead master', async () => {
  await stallFor(2400);
  expect(failover).not.toHaveBeenCalled();
  await stallFor(2000);
  expect(failover.mock.calls).toEqual([['s:1']]);
  expect(logged).toEqual([expect.stringContaining('asking Sentinel s:1 for a failover to h:2')]);
});

test('the 2.5 s begin when the first write was sent, not when its connection was given up', async () => {
  request.onStalled(performance.now() - 500);
  await stallFor(1950);
  expect(failover).not.toHaveBeenCalled();
  await stallFor(100);
  expect(failover).toHaveBeenCalledOnce();
});

test('the 2.5 s begin after the last acknowledgement, though a write that stalls was sent before it', async () => {
  const sentAtMs = performance.now();
  await vi.advanceTimersByTimeAsync(400);
  request.onProgress();
  request.onStalled(sentAtMs);
  await stallFor(2450);
  expect(failover).not.toHaveBeenCalled();
  await stallFor(100);
  expect(failover).toHaveBeenCalledOnce();
});

test('a process that stood still for 10 s with a write on its way sends no request for that', async () => {
  request.onStalled(performance.now() - 10_000);
  await stallFor(1850);
  expect(failover).not.toHaveBeenCalled();
});

test('a request is not sent when the second look finds that another service has asked another Sentinel', async () => {
  const started = reportOfAbc(3, { masterFlags: new Set(['master', 'force_failover']) });
  let looks = 0;
  ask.mockImplementation(async () => (++looks === 1 ? answers : [reportOfAbc(1), reportOfAbc(2), started]));
  await stallFor(5000);
  expect(failover).not.toHaveBeenCalled();
  expect(looks).toBeGreaterThan(1);
});

test.each([
  ['Sentinel', [2, 3].map((number) => reportOfAbc(number))],
  ['replica', [1, 2, 3].map((number) => sentinelReport(number, a, [replicaReport(c, { offset: 1001, follows: a })]))],
])('a request is not sent when the second look chooses another %s', async (_what, later) => {
  let looks = 0;
  ask.mockImplementation(async () => (++looks % 2 === 1 ? answers : later));
  await stallFor(5000);
  expect(failover).not.toHaveBeenCalled();
  ask.mockImplementation(async () => later);
  await stallFor(1000);
  expect(failover).toHaveBeenCalledOnce();
});

test('a request is not sent when a write was acknowledged while Sentinels and nodes were asked', async () => {
  onReplicasAsked = () => request.onProgress();
  await stallFor(2600);
  expect(ask).toHaveBeenCalledOnce();
  expect(failover).not.toHaveBeenCalled();
});

test('a request is not sent when the master has changed while Sentinels and nodes were asked', async () => {
  let isBefore = false;
  view = () => {
    isBefore = !isBefore;
    return viewOf(isBefore ? a : b);
  };
  const ofB = [replicaReport(a, { offset: 1001, follows: b }), replicaReport(c, { follows: b })];
  answers = [1, 2, 3].map((number) => sentinelReport(number, b, ofB));
  roles = new Map([a, b, c].map((node) => [node, roleOfReplica({ follows: b })]));
  await stallFor(5000);
  expect(ask.mock.calls.length).toBeGreaterThan(2);
  expect(failover).not.toHaveBeenCalled();
  view = () => viewOf(b);
  await stallFor(1000);
  expect(failover).toHaveBeenCalledOnce();
});

test('a request is sent also when there is one write a second, each dropped at its deadline', async () => {
  await stallFor(5000, 1000);
  expect(failover).toHaveBeenCalledOnce();
});

test('a request is not sent when a write was acknowledged meanwhile', async () => {
  await stallFor(2000);
  request.onProgress();
  await stallFor(2000);
  expect(failover).not.toHaveBeenCalled();
});

test('a request is not sent for two writes that stalled for a moment, far apart', async () => {
  await stallFor(100);
  await vi.advanceTimersByTimeAsync(6000);
  await stallFor(100);
  expect(failover).not.toHaveBeenCalled();
});

test('a request is one at a time, though a replica takes 300 ms to answer and Sentinel refuses a second failover', async () => {
  rolesAfterMs = 300;
  let busy = false;
  failover.mockImplementation(() => {
    if (busy) return Promise.reject(new Error('-INPROG Failover already in progress'));
    busy = true;
    return Promise.resolve();
  });
  await stallFor(16_000);
  expect(failover).toHaveBeenCalledOnce();
});

test('a request is repeated after 15 s at the earliest, counted from the last change of master', async () => {
  await stallFor(3000);
  changedAtMs = performance.now();
  await stallFor(14_500);
  expect(failover).toHaveBeenCalledOnce();
  await stallFor(1500);
  expect(failover).toHaveBeenCalledTimes(2);
});

test('a request that is refused is tried again after a second, but not within 15 s of a change', async () => {
  failover.mockRejectedValue(new Error('-NOGOODSLAVE'));
  await stallFor(3000);
  expect(failover).toHaveBeenCalledTimes(1);
  await stallFor(1000);
  expect(failover).toHaveBeenCalledTimes(2);
  changedAtMs = performance.now();
  await stallFor(10_000);
  expect(failover).toHaveBeenCalledTimes(2);
});

test('a request is sent as soon as a replica could take over, when none could at first', async () => {
  roles = new Map();
  await stallFor(4000);
  expect(failover).not.toHaveBeenCalled();
  roles = new Map([
    [b, roleOfReplica({ state: 'connect' })],
    [c, roleOfReplica({ state: 'connect' })],
  ]);
  await stallFor(600);
  expect(failover).toHaveBeenCalledOnce();
});

test('while writes stall and no request can be sent, the log says why, once in 5 s', async () => {
  roles.delete(c);
  await stallFor(7400);
  const line = /^Redis master h:1 does not confirm writes; not asking for a failover, because no replica that answers/;
  expect(logged).toEqual([expect.stringMatching(line)]);
  changedAtMs = performance.now();
  roles.set(c, roleOfReplica());
  await stallFor(1000);
  expect(logged[1]).toMatch(/because the master changed less than 15 s ago$/);
  expect(logged).toHaveLength(2);
});

test('the nodes are asked last: the master, then the replicas, of which one that has reached its offset has all acknowledged writes', async () => {
  const asked: string[] = [];
  const takes20Ms = <T>(what: string, answer: T) => {
    asked.push(what);
    return new Promise<T>((resolve) => setTimeout(resolve, 20, answer)).finally(() => asked.push(`${what} answered`));
  };
  ask.mockImplementation(() => takes20Ms('Sentinels', answers));
  masterRole = () => takes20Ms('master', { state: 'master', history: 'now', offset: 9 });
  onReplicasAsked = () => asked.push('replicas');
  roles.delete(c);
  await stallFor(3000);
  expect(failover).toHaveBeenCalledOnce();
  const look = ['Sentinels', 'Sentinels answered', 'master', 'master answered', 'replicas'];
  expect(asked).toEqual([...look, ...look]);
});
