/** /healthz at Nginx: one answer for all callers, limited for each, and an answer also when nothing is left to ask. */
import { afterEach, expect, test, vi } from 'vitest';
import { startNginx, type TestNginx } from '../../support/nginx.ts';
import { waitFor } from '../../support/wait.ts';

vi.setConfig({ testTimeout: 20_000, hookTimeout: 20_000 });

let nginx: TestNginx | undefined;
afterEach(async () => {
  await nginx?.close();
  nginx = undefined;
});

test('callers of one second share one answer', async () => {
  let asked = 0;
  nginx = await startNginx((req, res) => {
    if (req.url === '/healthz') asked += 1;
    // Long enough that all callers come while it is asked.
    setTimeout(() => res.writeHead(200, { 'cache-control': 'no-store' }).end('{"status":"ok"}'), 200);
  });
  const url = `http://127.0.0.1:${nginx.httpPort}/healthz`;
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => fetch(`${url}?${i}`)));
  expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200));
  expect(answers.every(({ headers }) => headers.get('cache-control') === 'no-store')).toBe(true);
  expect(asked).toBe(1);
  await waitFor('it to be asked again', async () => (await fetch(url)).ok && asked > 1, 10_000, 100);
});

test('one address gets 429 when it asks without end, another is answered', async () => {
  nginx = await startNginx((_req, res) => res.end('{"status":"ok"}'), { TRUSTED_PROXIES: '127.0.0.1' });
  const url = `http://127.0.0.1:${nginx.httpPort}/healthz`;
  const from = (address: string) => fetch(url, { headers: { 'x-forwarded-for': address } });
  const answers = await Promise.all(Array.from({ length: 300 }, (_, i) => from(`2001:db8::${i}`)));
  const refused = answers.find(({ status }) => status === 429);
  expect(refused?.headers.get('retry-after')).toBe('1');
  expect(await refused?.json()).toMatchObject({ type: '/problems/rate-limited' });
  expect((await from('198.51.100.1')).status).toBe(200);
});

test.each([
  ['what the replica found', 503],
  ['a replica that does not answer', undefined],
  ['no replica at all', 'none'],
] as const)('not healthy, by %s, is a 503 with each caller’s own id', async (_how, status) => {
  const problem = (id: unknown) =>
    JSON.stringify({ type: '/problems/temporarily-unavailable', status: 503, services: ['users'], requestId: id });
  nginx = await startNginx(
    status === 'none'
      ? undefined
      : (req, res) => {
          if (status === undefined) return req.socket.destroy();
          return res
            .writeHead(status, { 'content-type': 'application/problem+json', 'retry-after': '1' })
            .end(problem(req.headers['x-request-id']));
        },
  );
  for (const id of ['first-caller', 'second-caller']) {
    const answer = await fetch(`http://127.0.0.1:${nginx.httpPort}/healthz`, { headers: { 'x-request-id': id } });
    expect(answer.status).toBe(503);
    expect(answer.headers.get('x-request-id')).toBe(id);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(await answer.json()).toMatchObject({
      type: '/problems/temporarily-unavailable',
      status: 503,
      requestId: id,
      services: expect.arrayContaining(['users']),
    });
  }
});
