/** In an outage few reads are tried at a time, and all of them as soon as one has succeeded. */
import { expect, test } from 'vitest';
import { deadlineIn } from '../../../api/core/clock.ts';
import { createRetryGate } from '../../../api/redis/reads/retry-gate.ts';

const soon = () => deadlineIn(30_000);
const turnOfEventLoop = () => new Promise((resolve) => setImmediate(resolve));

/** Who has entered, by number, in the order of their turns. */
function arrivals(gate: ReturnType<typeof createRetryGate>, numbers: number[]) {
  const entered: number[] = [];
  for (const number of numbers) void gate.enter(soon()).then((has) => has && entered.push(number));
  return entered;
}

test('while tries succeed, all have a turn at once', async () => {
  const entered = arrivals(createRetryGate(2), [1, 2, 3, 4]);
  await turnOfEventLoop();
  expect(entered).toEqual([1, 2, 3, 4]);
});

test('after a failure two at a time have one, in the order of their arrival', async () => {
  const gate = createRetryGate(2);
  await gate.enter(soon());
  gate.leave(false);
  const entered = arrivals(gate, [1, 2, 3, 4, 5]);
  await turnOfEventLoop();
  expect(entered).toEqual([1, 2]);
  gate.leave(false);
  await turnOfEventLoop();
  expect(entered).toEqual([1, 2, 3]);
});

test('one success admits all that wait, and all that come', async () => {
  const gate = createRetryGate(2);
  await gate.enter(soon());
  gate.leave(false);
  const entered = arrivals(gate, [1, 2, 3, 4, 5]);
  await turnOfEventLoop();
  gate.leave(true);
  await turnOfEventLoop();
  expect(entered).toEqual([1, 2, 3, 4, 5]);
  expect(await gate.enter(soon())).toBe(true);
});

test('when those that were admitted fail again, later ones wait until few enough are left', async () => {
  const gate = createRetryGate(2);
  for (let i = 0; i < 5; i++) await gate.enter(soon());
  gate.leave(false);
  const entered = arrivals(gate, [6]);
  gate.leave(false);
  gate.leave(false);
  await turnOfEventLoop();
  expect(entered).toEqual([]);
  gate.leave(false);
  await turnOfEventLoop();
  expect(entered).toEqual([6]);
});

test('a deadline ends the wait and takes no turn from the others', async () => {
  const gate = createRetryGate(1);
  await gate.enter(soon());
  gate.leave(false);
  await gate.enter(soon());
  expect(await gate.enter(deadlineIn(1))).toBe(false);
  const entered = arrivals(gate, [1]);
  gate.leave(false);
  await turnOfEventLoop();
  expect(entered).toEqual([1]);
});
