/** The queue of searches: few at once, fair between addresses, once for the same search, and not at all for a client that has gone. */
import { expect, test } from 'vitest';
import { deadlineIn } from '../../../api/core/clock.ts';
import { Unavailable } from '../../../api/core/outcome.ts';
import { createSearchQueue } from '../../../api/products/search-queue.ts';

const bounds = { running: 3, runningPerAddress: 2, waiting: 6, waitingPerAddress: 2 };

/** Searches that end when the test says so. */
function open() {
  const queue = createSearchQueue<string>(bounds);
  const ends: ((result: string) => void)[] = [];
  const begun: string[] = [];
  const search = (name: string) => (signal: AbortSignal) =>
    new Promise<string>((resolve) => {
      begun.push(name);
      ends.push(resolve);
      signal.addEventListener('abort', () => resolve(`${name} ended early`), { once: true });
    });
  const run = (name: string, address: string, key?: string, signal?: AbortSignal) =>
    queue.run(key, { caller: { address }, deadline: deadlineIn(5000), ...(signal && { signal }) }, search(name));
  return { queue, begun, run, end: (i: number) => ends[i]?.(`done ${i}`) };
}
const turns = () => new Promise((resolve) => setImmediate(resolve));

test('an address has two running, two waiting, and is refused more with 429', async () => {
  const { run, queue } = open();
  for (const name of ['1', '2', '3', '4']) void run(name, 'a');
  expect(await run('5', 'a')).toMatchObject({ code: 'rate-limited', headers: { 'Retry-After': '1' } });
  expect(queue.counts()).toEqual({ running: 2, waiting: 2 });
});

test('another address begins while one has its searches waiting', async () => {
  const { begun, run, end } = open();
  for (const name of ['a1', 'a2', 'a3', 'a4']) void run(name, 'a');
  void run('b1', 'b');
  void run('b2', 'b');
  await turns();
  expect(begun).toEqual(['a1', 'a2', 'b1']);
  end(0);
  await turns();
  expect(begun.slice(3)).toEqual(['a3']);
  end(2);
  await turns();
  expect(begun.slice(4)).toEqual(['b2']);
});

test('too many waiting in all are sent elsewhere with 503', async () => {
  const { run } = open();
  for (const address of ['a', 'b', 'c', 'd', 'e']) for (const name of ['1', '2']) void run(name, address);
  expect(await run('1', 'f')).toMatchObject({ code: 'temporarily-unavailable' });
});

test('the same search asked for at once runs once, and again when asked for later', async () => {
  const { begun, run, end } = open();
  const both = [run('1', 'a', 'same'), run('2', 'b', 'same')];
  void run('3', 'c', 'other');
  await turns();
  end(0);
  expect(await Promise.all(both)).toEqual(['done 0', 'done 0']);
  void run('4', 'a', 'same');
  await turns();
  expect(begun).toEqual(['1', '3', '4']);
});

test('a search does not wait for the same one of another address that waits for its turn', async () => {
  const { begun, run, end } = open();
  for (const name of ['a1', 'a2']) void run(name, 'a');
  const waiting = run('a3', 'a', 'same');
  const own = run('b1', 'b', 'same');
  await turns();
  expect(begun).toEqual(['a1', 'a2', 'b1']);
  end(2);
  expect(await own).toBe('done 2');
  end(0);
  await turns();
  end(3);
  expect(await waiting).toBe('done 3');
});

test('a search goes on while one of its clients is there, and ends when the last has gone', async () => {
  const { run, queue } = open();
  const clients = [new AbortController(), new AbortController()];
  const results = clients.map(({ signal }) => run('1', 'a', 'same', signal));
  clients[0]?.abort();
  await turns();
  expect(queue.counts().running).toBe(1);
  clients[1]?.abort();
  expect(await Promise.all(results)).toEqual(['1 ended early', '1 ended early']);
  expect(queue.counts()).toEqual({ running: 0, waiting: 0 });
});

test('a search that waits for its turn leaves the queue when its client has gone', async () => {
  const { begun, run, queue, end } = open();
  void run('1', 'a');
  void run('2', 'a');
  const client = new AbortController();
  const waiting = run('3', 'a', undefined, client.signal);
  client.abort();
  expect(await waiting).toMatchObject({ kind: 'refused' });
  end(0);
  await turns();
  expect(begun).toEqual(['1', '2']);
  expect(queue.counts()).toEqual({ running: 1, waiting: 0 });
});

test('a search that fails gives its place to the next', async () => {
  const { queue } = open();
  const asking = { caller: { address: 'a' }, deadline: deadlineIn(5000) };
  await expect(queue.run('x', asking, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(queue.counts()).toEqual({ running: 0, waiting: 0 });
  expect(await queue.run('x', asking, () => Promise.resolve('works'))).toBe('works');
});

test('callers who joined a search that ran out of its first caller’s time share one more by their own', async () => {
  const { queue } = open();
  const asking = (leftMs: number) => ({ caller: { address: 'a' }, deadline: deadlineIn(leftMs) });
  let runs = 0;
  const search = async () => {
    runs += 1;
    if (runs === 1) throw new Unavailable('no time left');
    return 'found';
  };
  const all = [0, 5000, 5000, 0].map((leftMs) => queue.run('same', asking(leftMs), search).catch(String));
  const late = expect.stringMatching(/no time left/);
  expect(await Promise.all(all)).toEqual([late, 'found', 'found', late]);
  expect(runs).toBe(2);
});
