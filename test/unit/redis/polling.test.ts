/** How often a service asks the Sentinels. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { poll } from '../../../api/redis/sentinels/polling.ts';

let polling: ReturnType<typeof poll> | undefined;
beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] }));
afterEach(() => {
  polling?.stop();
  vi.useRealTimers();
});

/** Counts the questions. @param answer settles each of them */
function start(answer: () => Promise<unknown> = async () => undefined) {
  let asked = 0;
  polling = poll(() => {
    asked += 1;
    return answer();
  });
  const after = async (ms: number) => {
    await vi.advanceTimersByTimeAsync(ms);
    return asked;
  };
  return { ...polling, after };
}

test('asks at once, and four times a second', async () => {
  const { after } = start();
  expect(await after(0)).toBe(1);
  expect(await after(1000)).toBe(5);
});

test('in a hurry asks twenty times a second, for half a second', async () => {
  const { after, hurry } = start();
  await after(0);
  hurry();
  expect(await after(500)).toBe(11);
  expect(await after(1000)).toBe(15);
});

test('asks nothing while a question is under way, and again after it has failed', async () => {
  let fail: (error: Error) => void = () => undefined;
  const { after, hurry } = start(() => new Promise((_, reject) => (fail = reject)));
  hurry();
  expect(await after(2000)).toBe(1);
  fail(new Error('silent'));
  expect(await after(50)).toBe(2);
});

test('asks no more once it is stopped', async () => {
  const { after, stop } = start();
  await after(0);
  stop();
  expect(await after(1000)).toBe(1);
});
