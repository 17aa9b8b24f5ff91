/** Searches as a client sends them: few at once for an address, limited by the work they cause, ended when the client goes. */
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { open } from '../../api/products/open.ts';
import { startInternalRouter, startTestService, type TestService } from '../support/app.ts';
import { operator } from '../support/redis.ts';
import { seedProducts } from '../support/seed-products.ts';
import { waitFor } from '../support/wait.ts';

let router: Awaited<ReturnType<typeof startInternalRouter>>;
let shop: TestService;
let limited: TestService;
beforeAll(async () => {
  router = await startInternalRouter();
  shop = await startTestService('products', open, router.url);
  const limits = { RATE_LIMITS: 'on', LIMIT_SEARCH_MS_PER_MINUTE: '30' };
  limited = await startTestService('products', open, router.url, limits);
  const master = await operator();
  await seedProducts(master, 1500, (n) => ({ name: n % 2 ? 'Searchodd thing' : 'Searcheven thing', stock: 0 }));
  master.disconnect();
  for (const { request } of [shop, limited]) {
    await waitFor('a replica to serve', async () => (await request.get('/products?limit=1')).status === 200);
  }
});
afterAll(async () => {
  await Promise.all([shop?.stop(), limited?.stop(), router?.stop()]);
});

const dear = (at: TestService, address: string, n = 0) =>
  at.request.get(`/products?inStock=true&maxPrice=${1000 + n}`).set('X-Forwarded-For', address);

test('more searches at once from one address than may wait are 429, while another address is answered', async () => {
  const many = Array.from({ length: 40 }, (_, n) => dear(shop, '198.51.100.66', n));
  const [answers, other] = await Promise.all([
    Promise.all(many),
    shop.request.get('/products?q=searchodd&limit=1').set('X-Forwarded-For', '198.51.100.67'),
  ]);
  expect(other.status).toBe(200);
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused.length).toBeGreaterThan(0);
  expect(refused.length).toBeLessThan(40);
  for (const { headers, body } of refused) {
    expect([headers['retry-after'], body.type]).toEqual(['1', '/problems/rate-limited']);
  }
  // On a busy machine a search may wait for longer than it has: 503.
  expect(answers.filter(({ status }) => ![200, 429, 503].includes(status))).toEqual([]);
});

test('a list that needs no search is answered while the address has its searches waiting', async () => {
  const many = Array.from({ length: 10 }, (_, n) => dear(shop, '198.51.100.68', n));
  const [plain, ...searches] = await Promise.all([
    shop.request.get('/products?limit=2').set('X-Forwarded-For', '198.51.100.68'),
    ...many,
  ]);
  expect(plain.status).toBe(200);
  expect(searches.every(({ status }) => status === 200)).toBe(true);
});

test('the work of searches is counted for the address: when it is used up, searches are 429 with the time to wait', async () => {
  const refused = await waitFor('the limit', async () => {
    const answer = await dear(limited, '198.51.100.69');
    return answer.status === 429 && answer;
  });
  expect(refused.body.type).toBe('/problems/rate-limited');
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  expect(refused.headers['ratelimit-policy']).toContain('"search-work";q=30;w=60');
  expect((await dear(limited, '198.51.100.70')).status).toBe(200);
});

test('searches whose clients have gone leave the queue, so that the same address can search at once again', async () => {
  const address = '198.51.100.71';
  const gone = Array.from({ length: 12 }, (_, n) =>
    httpRequest(`${shop.url}/products?inStock=true&maxPrice=${2000 + n}`, { headers: { 'x-forwarded-for': address } }),
  );
  for (const each of gone) each.on('error', () => undefined).end();
  await waitFor(
    'the queue of the address to be full',
    async () => (await dear(shop, address, 99)).status === 429,
    2000,
    1,
  ).catch(
    () => undefined, // a quick machine has answered them all by now
  );
  for (const each of gone) each.destroy();
  await waitFor('its next search to be answered', async () => (await dear(shop, address, 100)).status === 200, 2000);
});
