/** Following a stream: how far back it begins, and when the state is computed anew. */
import { afterEach, expect, test } from 'vitest';
import { type Followed, followStream } from '../../../api/redis/follow.ts';
import type { Reads } from '../../../api/redis/reads/reads.ts';
import type { Sentinels } from '../../../api/redis/sentinels/sentinels.ts';
import { waitFor } from '../../support/wait.ts';

const historyMs = 60_000;
let followed: Followed<string[]> | undefined;
afterEach(() => followed?.close());

/** Follows a stream that holds these ids; `ids` may be changed meanwhile. @param unreadable the id of an entry that cannot be applied */
function follow(ids: string[], unreadable?: string) {
  const polledAtMs: number[] = [];
  const logged: string[] = [];
  let changeMaster: () => void = () => undefined;
  const sentinels = {
    onMaster(listener: () => void) {
      changeMaster = listener;
      return () => undefined;
    },
  } as unknown as Sentinels;
  const msOf = (id: string) => Number(id.split('-')[0]);
  const query = async (_consistency: string, fill: (pipeline: object) => unknown) => {
    const replies: unknown[] = [];
    const entries = (found: string[]) => found.map((id) => [id, ['id', id]]);
    const pipeline = {
      xread(...words: unknown[]) {
        polledAtMs.push(performance.now());
        const later = ids.filter((id) => msOf(id) > msOf(String(words.at(-1))));
        replies.push(later.length === 0 ? null : [['stream', entries(later)]]);
        return pipeline;
      },
      xrevrange() {
        replies.push(entries(ids.slice(-1)));
        return pipeline;
      },
    };
    fill(pipeline);
    return replies;
  };
  const options = {
    stream: 'stream',
    historyMs,
    initial: (): string[] => [],
    apply(state: string[], entry: { id: string }) {
      if (entry.id === unreadable) throw new TypeError('unknown fields');
      state.push(entry.id);
    },
  };
  followed = followStream(options, { query } as unknown as Reads, sentinels, (event) => logged.push(event));
  const heard = (expected: string[]) =>
    waitFor(`the state ${expected}`, () => followed?.state().join() === expected.join());
  return { heard, changeMaster: () => changeMaster(), polledAtMs, logged };
}

test('begins with the history before the newest entry, and goes on with each new one', async () => {
  const ids = ['1000-0', '100000-0', '150000-0'];
  const { heard } = follow(ids);
  await heard(['100000-0', '150000-0']);
  expect(followed?.ageMs()).toBeLessThan(Number.POSITIVE_INFINITY);
  ids.push('150001-0');
  await heard(['100000-0', '150000-0', '150001-0']);
});

test('after a change of master the state holds what the new master has, and nothing else', async () => {
  const ids = ['1000-0', '2000-0'];
  const { heard, changeMaster } = follow(ids);
  await heard(['1000-0', '2000-0']);
  ids.splice(1, 1, '3000-0');
  changeMaster();
  await heard(['1000-0', '3000-0']);
});

test('when the stream has become shorter, the state is computed anew', async () => {
  const ids = ['1000-0', '2000-0'];
  const { heard } = follow(ids);
  await heard(['1000-0', '2000-0']);
  ids.pop();
  await heard(['1000-0']);
});

test('an entry that cannot be read keeps the state from being fresh, is logged once and read four times a second until it has gone', async () => {
  const ids = ['1000-0', '2000-0', '3000-0'];
  const { heard, polledAtMs, logged } = follow(ids, '2000-0');
  await waitFor('three polls', () => polledAtMs.length >= 3);
  expect((polledAtMs[2] ?? 0) - (polledAtMs[0] ?? 0)).toBeGreaterThan(300);
  expect(followed?.ageMs()).toBe(Number.POSITIVE_INFINITY);
  expect(logged).toEqual([expect.stringMatching(/entry 2000-0 cannot be read: TypeError: unknown fields/)]);
  ids.splice(1, 1);
  await heard(['1000-0', '3000-0']);
  expect(followed?.ageMs()).toBeLessThan(Number.POSITIVE_INFINITY);
});
