/** Refusals that a replica gives again without asking Redis. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createRecentRefusals } from '../../../api/http/limit-memory.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] })); // time stands still unless a test moves it
afterEach(() => void vi.useRealTimers());

const refusal = (resetMs: number) => [{ used: 9, resetMs, isRefused: true }];

test('a refusal is given again for a second, with the time that is left of it', () => {
  const refusals = createRecentRefusals();
  expect(refusals.find('a')).toBeUndefined();
  refusals.add('a', refusal(60_000));
  vi.advanceTimersByTime(999);
  expect(refusals.find('a')).toEqual(refusal(59_001));
  expect(refusals.find('b')).toBeUndefined();
  vi.advanceTimersByTime(1);
  expect(refusals.find('a')).toBeUndefined();
});

test('a refusal ends with its window', () => {
  const refusals = createRecentRefusals();
  refusals.add('a', refusal(300));
  vi.advanceTimersByTime(299);
  expect(refusals.find('a')).toEqual(refusal(1));
  vi.advanceTimersByTime(1);
  expect(refusals.find('a')).toBeUndefined();
});

test('limits that did not refuse may end before the one that did', () => {
  const refusals = createRecentRefusals();
  const counts = [{ used: 1, resetMs: 10, isRefused: false }, ...refusal(500)];
  refusals.add('a', counts);
  vi.advanceTimersByTime(100);
  expect(refusals.find('a')).toEqual([{ used: 1, resetMs: 0, isRefused: false }, ...refusal(400)]);
});
