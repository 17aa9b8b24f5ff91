/** Addresses that are not there, and methods: what a client may have meant, and what it may do. */
import { expect, inject, test } from 'vitest';
import { shopClient } from '../support/client.ts';

const shop = shopClient(inject('shop').httpUrl);

test.each([
  ['/product/boots', '/products'],
  ['/api/v1/users', '/'],
  ['/api/purchases', '/purchases'],
  ['/Users', '/users'],
  ['/openapi.yaml', '/openapi.json'],
  ['/swagger', '/docs'],
  ['/problem/not-found', '/problems'],
  ['/health', '/healthz'],
  ['/nothing', '/'],
])('%s: the nearest is %s', async (path, nearest) => {
  const { body } = await shop('GET', path);
  expect(body.detail).toBe(
    `There is no resource at this path. ${nearest === '/' ? '/ lists what there is.' : `The nearest is ${nearest}.`}`,
  );
});

test.each(['/', '/healthz', '/openapi.json', '/docs', '/docs/page.css', '/problems', '/problems/not-found'])(
  'OPTIONS %s lists the methods; another method is refused with the same list',
  async (path) => {
    const options = await shop('OPTIONS', path);
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'GET, HEAD, OPTIONS']);
    const wrong = await shop('DELETE', path);
    expect([wrong.status, wrong.body.type]).toEqual([405, '/problems/method-not-allowed']);
    expect(wrong.headers.get('allow')).toBe('GET, HEAD, OPTIONS');
    expect((await shop('HEAD', path)).status).toBe(200);
  },
);
