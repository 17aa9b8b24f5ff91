/** Following a stream: how far back it begins, and when the state is computed anew. */
import { afterEach, expect, test } from 'vitest';
import { type Followed, followStream } from '../../../api/redis/follow.ts';
import type { Reads } from '../../../api/redis/reads/reads.ts';
import type { Sentinels } from '../../../api/redis/sentinels/sentinels.ts';
import { waitFor } from '../../support/wait.ts';

const historyMs = 60_000;
let followed: Followed<string[]> | undefined;
afterEach(() => followed?.close());

/** Follows a stream that holds these ids; `ids` may be changed meanwhile. */
function follow(ids: string[]) {
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
    apply: (state: string[], entry: { id: string }) => void state.push(entry.id),
  };
  followed = followStream(options, { query } as unknown as Reads, sentinels);
  const heard = (expected: string[]) =>
    waitFor(`the state ${expected}`, () => followed?.state().join() === expected.join());
  return { heard, changeMaster: () => changeMaster() };
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
