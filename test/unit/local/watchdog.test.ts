/** When the watchdog takes an Nginx for frozen. The processes are stand-ins; the decision is the real one. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { SupervisedProcess } from '../../../ops/local/process.ts';
import { watchForFreeze } from '../../../ops/local/watchdog.ts';

type Played = SupervisedProcess & { silent: boolean; kills: number };

function play(name: string): Played {
  let pid = 1;
  const played = {
    silent: false,
    kills: 0,
    pid: () => pid,
    spec: () => ({ name }),
    kill() {
      played.kills += 1;
      played.silent = false;
      pid += 1;
    },
  };
  return played as unknown as Played;
}

let one: Played;
let other: Played;
let timer: NodeJS.Timeout;
beforeEach(() => {
  vi.useFakeTimers();
  one = play('nginx-1');
  other = play('nginx-2');
  timer = watchForFreeze(
    [one, other],
    () => undefined,
    async (nginx) => !(nginx as Played).silent,
  );
});
afterEach(() => {
  clearInterval(timer);
  vi.useRealTimers();
});

describe('an Nginx is replaced', () => {
  test('within 2 s of its last answer, when the other answers', async () => {
    await vi.advanceTimersByTimeAsync(1000);
    one.silent = true;
    await vi.advanceTimersByTimeAsync(1700);
    expect([one.kills, other.kills]).toEqual([1, 0]);
  });

  test('one after the other when none answers, and not before it has lasted', async () => {
    await vi.advanceTimersByTimeAsync(1000);
    one.silent = true;
    other.silent = true;
    await vi.advanceTimersByTimeAsync(4000);
    expect([one.kills, other.kills]).toEqual([0, 0]);
    await vi.advanceTimersByTimeAsync(3000);
    expect([one.kills, other.kills]).toEqual([1, 1]);
  });
});

describe('it is left alone', () => {
  test('when it answers now and then', async () => {
    for (let i = 0; i < 20; i++) {
      one.silent = i % 3 !== 0;
      await vi.advanceTimersByTimeAsync(400);
    }
    expect(one.kills).toBe(0);
  });
});
