/** The client's repetitions and sign-ins, with a shop that answers as the test says. */
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
  const urls: string[] = [];
  const fetch = async (url: unknown, init?: RequestInit) => {
    sent.push(new Headers(init?.headers));
    urls.push(String(url));
    const reply = replies.shift() ?? new Error('no further reply');
    if (reply instanceof Error) throw reply;
    return reply;
  };
  return {
    client: createClient({ baseUrl: 'http://shop.example', retryMs, fetch: fetch as typeof globalThis.fetch }),
    sent,
    urls,
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
  expect(keys[0]).toMatch(/^[\da-f]{32}$/);
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

test('a key that is given as undefined is made all the same, and a parameter given as undefined is left out', async () => {
  const { client, sent, urls } = clientWith([busy('0'), json(201, { id: 'p1' }), json(200, { data: [] })]);
  // As TypeScript without `exactOptionalPropertyTypes` lets a caller write it.
  await client.call('buy', { ...purchase, idempotencyKey: undefined as never });
  const keys = sent.map((headers) => headers.get('idempotency-key'));
  expect(keys).toEqual([expect.stringMatching(/^[\da-f]{32}$/), keys[0]]);
  await client.call('listProducts', { query: { category: undefined as never, limit: 2 } });
  expect(urls.at(-1)).toBe('http://shop.example/products?limit=2');
});

test('an id that would make another path is refused before it is sent', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] }); // a repetition would never come
  const { client, sent } = clientWith([]);
  for (const id of ['', '.', '..']) {
    await expect(client.call('deleteProduct', { params: { id } })).rejects.toThrow('params.id');
  }
  expect(sent).toEqual([]);
});

test('Retry-After may be a date; one that is past, zero or not understood does not make the client repeat without a pause', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'Date'], now: Date.parse('2026-11-22T10:00:00Z') });
  const dates = ['Sun, 22 Nov 2026 10:00:05 GMT', 'Sun, 22 Nov 2026 09:00:00 GMT', '0', 'soon', '-1'];
  const { client, sent } = clientWith([...dates.map(busy), json(201, { id: 'p1' })]);
  const bought = client.call('buy', purchase);
  await vi.advanceTimersByTimeAsync(4900);
  expect(sent).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(200);
  expect(sent.length).toBeLessThanOrEqual(2);
  await vi.advanceTimersByTimeAsync(5000);
  expect(await bought).toEqual({ id: 'p1' });
  const { client: other, sent: often } = clientWith(Array.from({ length: 1000 }, () => busy('0')));
  const refused = expect(other.call('buy', purchase)).rejects.toThrow('503');
  await vi.advanceTimersByTimeAsync(31_000);
  await refused;
  expect(often.length).toBeLessThan(200);
});

test('an abort ends the wait before a repetition', async () => {
  const { client, sent } = clientWith([busy('20')]);
  const abort = new AbortController();
  const bought = client.call('buy', { ...purchase, signal: abort.signal });
  while (sent.length === 0) await new Promise(setImmediate);
  setImmediate(() => abort.abort(new Error('enough')));
  await expect(bought).rejects.toThrow('enough');
});

test('an answer that is not a problem document, and one that breaks off, are refusals too', async () => {
  const { client } = clientWith([new Response('null', { status: 403 }), json(403, { error: 'denied' })]);
  for (let i = 0; i < 2; i++) {
    await expect(client.call('buy', purchase)).rejects.toThrow('403 about:blank');
  }
  const broken = new ReadableStream({ start: (controller) => controller.error(new TypeError('terminated')) });
  const { client: other } = clientWith([
    new Response(broken, { status: 503, headers: { 'retry-after': '0' } }),
    json(201, { id: 'p1' }),
  ]);
  expect(await other.call('buy', purchase)).toEqual({ id: 'p1' });
});

test('a header that cannot be sent is an error at once', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] }); // a repetition would never come
  const { client, sent } = clientWith([]);
  await expect(client.call('buy', { ...purchase, idempotencyKey: 'Ann’s' })).rejects.toThrow(TypeError);
  expect(sent).toEqual([]);
});

/** A shop with sign-ins, whose tokens are `NAME-N`. An exchange waits for `answerRefresh`, a list of purchases for `answerList`. */
function shopOfTokens(expiresIn: number) {
  const bearers: (string | null)[] = [];
  let exchanges = 0;
  const rejected = new Set<string>();
  const lists = held();
  const refreshes = held();
  const sessionOf = (token: string) => json(200, { accessToken: token, refreshToken: token, expiresIn });
  const fetch = async (url: URL, init?: RequestInit) => {
    const body = JSON.parse(String(init?.body ?? '{}'));
    if (url.pathname === '/users/login') return sessionOf(`${body.email}-0`);
    if (url.pathname === '/users/logout') return new Response(null, { status: 204 });
    if (url.pathname === '/users/refresh') {
      exchanges += 1;
      const count = exchanges;
      await refreshes.released;
      return sessionOf(`${body.refreshToken.split('-')[0]}-${count}`);
    }
    const bearer = new Headers(init?.headers).get('authorization');
    bearers.push(bearer);
    if (url.pathname === '/purchases' && init?.method === 'GET') await lists.released;
    return rejected.has(bearer ?? '')
      ? json(401, { type: '/problems/unauthenticated', status: 401, detail: '' })
      : json(200, { id: 'p1' });
  };
  const client = createClient({ baseUrl: 'http://shop.example', fetch: fetch as unknown as typeof globalThis.fetch });
  return {
    client,
    bearers,
    rejected,
    answerRefresh: refreshes.release,
    answerList: lists.release,
    exchanges: () => exchanges,
  };
}
/** Answers that wait until they are released. */
function held() {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { released, release };
}
const as = (email: string) => ({ email, password: 'a good long password' });

test('a refresh under way does not replace a newer sign-in, and its call stays that of the older', async () => {
  const { client, bearers, answerRefresh } = shopOfTokens(0);
  await client.signIn(as('ann'));
  const bought = client.call('buy', purchase);
  await client.signIn(as('bob'));
  answerRefresh();
  await bought;
  await client.call('buy', purchase);
  expect(bearers).toEqual(['Bearer ann-1', 'Bearer bob-2']);
});

test('a refresh under way does not undo a sign-out', async () => {
  const { client, bearers, answerRefresh } = shopOfTokens(0);
  await client.signIn(as('ann'));
  const bought = client.call('buy', purchase);
  await client.signOut();
  answerRefresh();
  await bought;
  await client.call('listProducts');
  expect(bearers.at(-1)).toBe(null);
});

test('a call whose token was refused is not repeated as another user', async () => {
  const { client, bearers, rejected, answerRefresh } = shopOfTokens(900);
  await client.signIn(as('ann'));
  rejected.add('Bearer ann-0');
  const bought = client.call('buy', purchase);
  await client.signIn(as('bob'));
  answerRefresh();
  await bought;
  expect(bearers).toEqual(['Bearer ann-0', 'Bearer ann-1']);
});

test('a token that was exchanged meanwhile is used, not exchanged again', async () => {
  const { client, bearers, rejected, answerRefresh, answerList, exchanges } = shopOfTokens(900);
  await client.signIn(as('ann'));
  rejected.add('Bearer ann-0');
  answerRefresh();
  const list = client.call('listPurchases');
  await client.call('getOwnUser');
  answerList();
  await list;
  expect([bearers.length, exchanges()]).toEqual([4, 1]);
});

test('of sign-ins and sign-outs at the same time the last counts', async () => {
  const answers: ((answer: Response) => void)[] = [];
  const bearers: (string | null)[] = [];
  const fetch = (url: URL, init?: RequestInit) => {
    if (url.pathname === '/users/login') return new Promise<Response>((resolve) => answers.push(resolve));
    bearers.push(new Headers(init?.headers).get('authorization'));
    return Promise.resolve(json(200, { data: [] }));
  };
  const client = createClient({ baseUrl: 'http://shop.example', fetch: fetch as unknown as typeof globalThis.fetch });
  const session = (token: string) => json(200, { accessToken: token, refreshToken: token, expiresIn: 900 });
  const both = [client.signIn(as('ann')), client.signIn(as('bob'))];
  answers[1]?.(session('bob'));
  answers[0]?.(session('ann'));
  await Promise.all(both);
  await client.call('listProducts');
  const third = client.signIn(as('ann'));
  await client.signOut();
  answers[2]?.(session('ann'));
  await third;
  await client.call('listProducts');
  expect(bearers).toEqual(['Bearer bob', null]);
});
