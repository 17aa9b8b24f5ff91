import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  type ProcessEvent,
  planRestart,
  type SupervisedProcess,
  superviseProcess,
} from '../../../ops/local/process.ts';
import type { ProcessSpec } from '../../../ops/local/spec.ts';
import { createDeathCount } from '../../../ops/local/supervisor.ts';

let dir: string;
let supervised: SupervisedProcess;
const events: ProcessEvent[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'process-'));
  events.length = 0;
});
afterEach(async () => {
  const stopped = supervised.stop();
  supervised.kill();
  await stopped;
  rmSync(dir, { recursive: true });
});

function supervise(script: string, changes: Partial<ProcessSpec> = {}): SupervisedProcess {
  const spec: ProcessSpec = {
    name: 'thing-1',
    kind: 'thing',
    port: 0,
    command: ['sh', '-c', script],
    env: {},
    health: { ask: 'http', port: 0, path: '/' },
    stopSignal: 'SIGTERM',
    stopMs: 5000,
    deathSignal: 'KILL',
    stopOrder: 1,
    ...changes,
  };
  const place = { projectDir: dir, inherited: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin' } };
  supervised = superviseProcess(spec, place, join(dir, 'log'), (event) => events.push(event));
  supervised.start();
  return supervised;
}

const log = () => readFileSync(join(dir, 'log'), 'utf8');
const isAlive = (pid: number) => {
  try {
    // A child that ended but was not waited for is not alive either.
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};
const within = { timeout: 8000, interval: 20 };

test('a process that dies is started again, at once and then more slowly', async () => {
  supervise('echo here; exit 3');
  await vi.waitFor(() => expect(events.length).toBeGreaterThanOrEqual(4), within);
  expect(events.slice(0, 4).map(({ how, retryMs }) => [how, retryMs])).toEqual([
    ['exit code 3', 100],
    ['exit code 3', 200],
    ['exit code 3', 400],
    ['exit code 3', 800],
  ]);
});

test.each([
  { failures: 0, ranMs: 0, plan: { failures: 1, retryMs: 100 } },
  { failures: 3, ranMs: 0, plan: { failures: 4, retryMs: 800 } },
  { failures: 20, ranMs: 30_000, plan: { failures: 21, retryMs: 5000 } },
  { failures: 20, ranMs: 30_001, plan: { failures: 1, retryMs: 100 } },
])(
  'after $failures failures and a run of $ranMs ms the next start is planned as $plan',
  ({ failures, ranMs, plan }) => {
    expect(planRestart(failures, ranMs)).toEqual(plan);
  },
);

describe('deaths before a process has worked', () => {
  const deathsOf = (name: string, code: number, times: number) => {
    const deaths = createDeathCount();
    return { deaths, isFirst: Array.from({ length: times }, () => deaths.add({ name, code })) };
  };

  test('make it hopeless at the sixth', () => {
    expect(deathsOf('a', 1, 5).deaths.isHopeless('a')).toBe(false);
    expect(deathsOf('a', 1, 6).deaths.isHopeless('a')).toBe(true);
    expect(deathsOf('b', 1, 6).deaths.isHopeless('a')).toBe(false);
  });

  test('make it hopeless at once when its settings are wrong (exit code 78)', () => {
    expect(deathsOf('a', 78, 1).deaths.isHopeless('a')).toBe(true);
  });

  test('count anew once it works, and the first one is known', () => {
    const { deaths, isFirst } = deathsOf('a', 1, 6);
    expect(isFirst).toEqual([true, false, false, false, false, false]);
    deaths.clear('a');
    expect(deaths.isHopeless('a')).toBe(false);
    expect(deaths.add({ name: 'a', code: 1 })).toBe(true);
  });
});

test('a killed process takes its children with it, and comes back as another one', async () => {
  const process = supervise('sleep 1000 & echo $!; wait');
  await vi.waitFor(() => expect(log()).toMatch(/\d+\n/), within);
  const child = Number(log());
  const pid = process.pid();
  process.kill();
  expect(process.pid()).toBeUndefined();
  await vi.waitFor(() => expect(isAlive(child)).toBe(false), within);
  await vi.waitFor(() => expect(process.pid()).toBeGreaterThan(0), within);
  expect(process.pid()).not.toBe(pid);
  expect(process.restarts()).toBe(1);
});

test('children that outlive their parent are killed, so that they do not keep its port', async () => {
  supervise('sleep 1000 & echo $!; exit 0');
  await vi.waitFor(() => expect(log()).toMatch(/\d+\n/), within);
  await vi.waitFor(() => expect(isAlive(Number(log().split('\n')[0]))).toBe(false), within);
});

test('a paused process is known to be paused, also when another program paused it', async () => {
  const paused = supervise('exec sleep 1000');
  await vi.waitFor(() => expect(paused.pid()).toBeDefined(), within);
  process.kill(paused.pid() ?? 0, 'SIGSTOP');
  await vi.waitFor(() => expect(paused.isPaused()).toBe(true), within);
  paused.resume();
  await vi.waitFor(() => expect(paused.isPaused()).toBe(false), within);
});

test('stopping waits for what the process has begun, also if it was paused', async () => {
  const stopping = supervise('trap "sleep 0.3; echo done; exit 0" TERM; echo ready; while :; do sleep 0.05; done');
  await vi.waitFor(() => expect(log()).toContain('ready'), within);
  stopping.pause();
  await stopping.stop();
  expect(log()).toContain('done');
  expect(stopping.pid()).toBeUndefined();
  expect(events).toEqual([]);
});

test('a process that does not stop in time is killed', async () => {
  const stubborn = supervise('trap "" TERM; echo ready; while :; do sleep 0.05; done', { stopMs: 200 });
  await vi.waitFor(() => expect(log()).toContain('ready'), within);
  await stubborn.stop();
  expect(stubborn.pid()).toBeUndefined();
});

test('a process does not outlive its supervisor, even if that is killed', async () => {
  supervise('exec sleep 1000'); // only for the clean-up
  const script = join(dir, 'supervisor.sh');
  writeFileSync(script, 'setpriv --pdeathsig KILL -- sleep 1000 & echo $!; wait\n');
  const supervisor = spawn('sh', [script], { stdio: ['ignore', 'pipe', 'ignore'] });
  const child = await new Promise<number>((done) => supervisor.stdout.once('data', (line) => done(Number(line))));
  await vi.waitFor(() => expect(readFileSync(`/proc/${child}/comm`, 'utf8')).toBe('sleep\n'), within);
  supervisor.kill('SIGKILL');
  await vi.waitFor(() => expect(isAlive(child)).toBe(false), within);
});
