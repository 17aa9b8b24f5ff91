/** The client's repetitions, with a shop that answers as the test says. */
import { afterEach, expect, test, vi } from 'vitest';
import { createClient, ShopProblem } from '../../../api/client/client.ts';

type Reply = Response | Error;
const json = (status: number, body: object, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } });
const busy = (retryAfter: string) =>
  json(503, { type: '/problems/temporarily-unavailable', status: 503, detail: '' }, { 'retry-after': retryAfter });

/** A client whose requests get these replies in turn, and the headers of each request. */
function clientWith(replies: Reply[], retryMs = 30_000) {
  const sent: Headers[] = [];
  const fetch = async (_url: unknown, init?: RequestInit) => {
    sent.push(new Headers(init?.headers));
    const reply = replies.shift() ?? new Error('no further reply');
    if (reply instanceof Error) throw reply;
    return reply;
  };
  return {
    client: createClient({ baseUrl: 'http://shop.example', retryMs, fetch: fetch as typeof globalThis.fetch }),
    sent,
  };
}
const purchase = {
  body: { items: [{ productId: 'boots', quantity: 1 }] as [{ productId: string; quantity: number }] },
};

afterEach(() => vi.useRealTimers());

test('a write that is refused for the moment is repeated under the same key', async () => {
  const { client, sent } = clientWith([busy('0'), json(201, { id: 'p1' })]);
  expect(await client.call('buy', purchase)).toEqual({ id: 'p1' });
  const keys = sent.map((headers) => headers.get('idempotency-key'));
  expect(keys).toEqual([keys[0], keys[0]]);
  expect(keys[0]).toMatch(/^[\da-f-]{36}$/);
});

test('a lost connection is repeated, also one that is lost in the middle of the body', async () => {
  const broken = new Response(
    new ReadableStream({
      start: (controller) => controller.error(new TypeError('terminated')),
    }),
  );
  const { client, sent } = clientWith([new TypeError('fetch failed'), broken, json(201, { id: 'p1' })]);
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  const bought = client.call('buy', purchase);
  await vi.advanceTimersByTimeAsync(2000); // a second before each repetition
  expect(await bought).toEqual({ id: 'p1' });
  expect(sent).toHaveLength(3);
});

test('a refusal that would come again is thrown at once', async () => {
  const { client, sent } = clientWith([json(409, { type: '/problems/insufficient-stock', status: 409, detail: '' })]);
  await expect(client.call('buy', purchase)).rejects.toThrow(ShopProblem);
  expect(sent).toHaveLength(1);
});

test('the last refusal is thrown when the next attempt would be too late', async () => {
  const { client, sent } = clientWith([busy('5')], 1000);
  await expect(client.call('buy', purchase)).rejects.toThrow('503 /problems/temporarily-unavailable');
  expect(sent).toHaveLength(1);
});

test('a call that its caller aborts is not repeated', async () => {
  const { client, sent } = clientWith([new DOMException('aborted', 'AbortError')]);
  await expect(client.call('buy', { ...purchase, signal: AbortSignal.abort() })).rejects.toThrow('aborted');
  expect(sent).toHaveLength(1);
});
