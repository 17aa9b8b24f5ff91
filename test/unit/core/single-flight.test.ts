/** Callers share a run that begins after their call, and never one that had begun before. */
import { expect, test, vi } from 'vitest';
import { singleFlight } from '../../../api/core/single-flight.ts';

test('callers of one turn of the event loop share a run; those who come while it runs share the next', async () => {
  const answers: ((answer: string) => void)[] = [];
  const ask = singleFlight(() => new Promise<string>((resolve) => answers.push(resolve)));
  const early = [ask(), ask()];
  await vi.waitFor(() => expect(answers).toHaveLength(1));
  const late = [ask(), ask()];
  answers[0]?.('first');
  expect(await Promise.all(early)).toEqual(['first', 'first']);
  await vi.waitFor(() => expect(answers).toHaveLength(2));
  answers[1]?.('second');
  expect(await Promise.all(late)).toEqual(['second', 'second']);
});

test('callers share a run also where the second calls after promises of the same turn have settled', async () => {
  let runs = 0;
  const ask = singleFlight(async () => ++runs);
  const first = ask();
  for (let i = 0; i < 10; i++) await Promise.resolve();
  expect(await Promise.all([first, ask()])).toEqual([1, 1]);
});

test('a run that fails is reported to its callers, and the next one is made all the same', async () => {
  let runs = 0;
  const ask = singleFlight(async () => {
    runs += 1;
    if (runs === 1) throw new Error('down');
    return runs;
  });
  await expect(ask()).rejects.toThrow('down');
  expect(await ask()).toBe(2);
});
