/** When a failover is asked for that the Sentinels see no need for. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openRescue, type Rescue } from '../../../api/redis/rescue.ts';
import type { Role } from '../../../api/redis/role.ts';
import type { SentinelAnswer, Sentinels } from '../../../api/redis/sentinels.ts';

const master = { host: '127.0.0.1', port: 7001 };
const inStep: Role = { follows: '127.0.0.1:7001', state: 'connected', history: 'a', offset: 9 };

let said: SentinelAnswer;
let replicas: (Role | undefined)[];
let failover: ReturnType<typeof vi.fn<() => Promise<void>>>;
let told: string[];
let rescue: Rescue;

beforeEach(() => {
  vi.useFakeTimers();
  said = { master, epoch: 1, masterFlags: new Set(['master']), replicas: [], sentinelsDown: 0 };
  replicas = [inStep, inStep];
  told = [];
  failover = vi.fn(async () => undefined);
  const sentinels: Sentinels = {
    view: () => said,
    ask: async () => [said, said, said],
    hurry: () => undefined,
    failover,
    onMaster: () => () => undefined,
    close: () => undefined,
  };
  rescue = openRescue(sentinels, { replicaInfos: async () => replicas }, (event) => told.push(event));
});
afterEach(() => {
  vi.useRealTimers();
});

/** As writes do it: again and again while none is confirmed. */
async function stuckFor(ms: number): Promise<void> {
  for (let passed = 0; passed <= ms; passed += 100) {
    rescue.stuck();
    await vi.advanceTimersByTimeAsync(100);
  }
}

describe('a failover is asked for', () => {
  test('once, when no write was confirmed for longer than Sentinel needs to replace a dead master', async () => {
    await stuckFor(2300);
    expect(failover).not.toHaveBeenCalled();
    await stuckFor(2000);
    expect(failover).toHaveBeenCalledOnce();
    expect(told).toEqual([expect.stringContaining('asking for a failover')]);
  });

  test('again only after a while, so that one of us who is cut off cannot keep the others from work', async () => {
    await stuckFor(15_000);
    expect(failover).toHaveBeenCalledOnce();
    await stuckFor(5000);
    expect(failover).toHaveBeenCalledTimes(2);
  });

  test('as soon as somebody could take over, when nobody could at first', async () => {
    replicas = [undefined, undefined];
    await stuckFor(4000);
    expect(failover).not.toHaveBeenCalled();
    replicas = [inStep, undefined];
    await stuckFor(400);
    expect(failover).toHaveBeenCalledOnce();
  });

  test('when the replicas have lost the master, too', async () => {
    replicas = [{ ...inStep, state: 'connect' }, undefined];
    await stuckFor(3000);
    expect(failover).toHaveBeenCalledOnce();
  });
});

describe('it is not asked for', () => {
  test('when a write was confirmed meanwhile', async () => {
    await stuckFor(2000);
    rescue.fine();
    await stuckFor(2000);
    expect(failover).not.toHaveBeenCalled();
  });

  test('when a Sentinel sees the master down: it is being replaced', async () => {
    said = { ...said, masterFlags: new Set(['master', 's_down']) };
    await stuckFor(5000);
    expect(failover).not.toHaveBeenCalled();
  });

  test.each<[string, (Role | undefined)[]]>([
    ['answers', [undefined, undefined]],
    ['has its data: both are being filled', [{ ...inStep, state: 'sync' }, undefined]],
    [
      'follows it',
      [
        { ...inStep, follows: '127.0.0.1:7002' },
        { state: 'master', offset: 1 },
      ],
    ],
  ])('when no replica %s', async (_, roles) => {
    replicas = roles;
    await stuckFor(5000);
    expect(failover).not.toHaveBeenCalled();
  });
});
