/** The time since the last fault was healed. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Cluster } from './cluster.ts';
import { noteHealing, requestDelayMs } from './rest.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('a fault that begins soon after a healing may delay the request for a failover by what is left of 16 s when writes have stalled for 2.5 s', async () => {
  const [cluster, other] = [{}, {}] as [Cluster, Cluster];
  expect(requestDelayMs(cluster)).toBe(0);
  noteHealing(cluster);
  await vi.advanceTimersByTimeAsync(7000);
  expect(requestDelayMs(cluster)).toBeCloseTo(6500, -1);
  expect(requestDelayMs(cluster, 1500)).toBeCloseTo(5000, -1);
  expect(requestDelayMs(other)).toBe(0);
  await vi.advanceTimersByTimeAsync(6600);
  expect(requestDelayMs(cluster)).toBe(0);
});
