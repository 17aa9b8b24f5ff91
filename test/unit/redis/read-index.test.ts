/** Read indexes: how often the master is asked for one. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Address } from '../../../api/redis/node.ts';
import type { Nodes } from '../../../api/redis/nodes.ts';
import { openReadIndexes } from '../../../api/redis/reads/read-index.ts';
import { parseRole } from '../../../api/redis/role.ts';
import type { Sentinels } from '../../../api/redis/sentinels/sentinels.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] })); // time stands still unless a test moves it
afterEach(() => void vi.useRealTimers());

/** A master that answers while `answers.master` holds. */
function start() {
  const answers = { known: true, master: true };
  let asked = 0;
  let onMaster: (master: Address) => void = () => undefined;
  const sentinels = {
    view: () => (answers.known ? { master: 'h:1' } : undefined),
    onMaster(listener: (master: Address) => void) {
      onMaster = listener;
      return () => undefined;
    },
  } as unknown as Sentinels;
  const roleOf = async () => {
    asked += 1;
    return answers.master ? parseRole(['master', asked, []]) : undefined;
  };
  const indexes = openReadIndexes(sentinels, { roleOf } as unknown as Nodes);
  return {
    answers,
    offset: async (consistency: 'read-your-writes' | 'bounded-staleness') =>
      (await indexes.ofMaster(consistency))?.offset,
    asked: () => asked,
    changeMaster: () => onMaster({ host: 'h', port: 1 }),
  };
}

test('reads of one moment share a question; what only a bounded age needs uses the last', async () => {
  const { offset, asked } = start();
  expect(await Promise.all(Array.from({ length: 5 }, () => offset('read-your-writes')))).toEqual([1, 1, 1, 1, 1]);
  expect(await offset('read-your-writes')).toBe(2);
  expect(await offset('bounded-staleness')).toBe(2);
  vi.advanceTimersByTime(500);
  expect(await offset('bounded-staleness')).toBe(3);
  expect(asked()).toBe(3);
});

test('a master that did not answer is not asked again for 200 ms, but at once after a change of master', async () => {
  const { answers, offset, asked, changeMaster } = start();
  answers.master = false;
  expect(await offset('read-your-writes')).toBeUndefined();
  answers.master = true;
  vi.advanceTimersByTime(199);
  expect(await offset('read-your-writes')).toBeUndefined();
  expect(asked()).toBe(1);
  vi.advanceTimersByTime(1);
  expect(await offset('read-your-writes')).toBe(2);
  answers.master = false;
  expect(await offset('read-your-writes')).toBeUndefined();
  answers.master = true;
  changeMaster();
  expect(await offset('read-your-writes')).toBe(4);
});

test('without a known master there is no index', async () => {
  const { answers, offset, asked } = start();
  answers.known = false;
  expect(await offset('read-your-writes')).toBeUndefined();
  expect(asked()).toBe(0);
});
