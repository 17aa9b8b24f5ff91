/** Searches through Nginx: the longest that is valid is answered, and its Link can be followed. */
import { expect, inject, test } from 'vitest';
import { makeProduct, shopClient, signInAdmin } from '../support/client.ts';

const { httpUrl, adminEmail, adminPassword } = inject('shop');
const shop = shopClient(httpUrl);

test('the longest valid search is answered, its Link leads to the next page, and no replica is taken for dead', async () => {
  const token = await signInAdmin(shop, adminEmail, adminPassword);
  // Each character is three bytes, so nine when percent-encoded; those of the name are four, for the longest cursor.
  const category = '台'.repeat(100);
  const company = '公'.repeat(200);
  const name = '𠀀'.repeat(100);
  const id = (n: number) => String(n).padStart(64, 'x');
  for (const n of [1, 2]) await makeProduct(shop, token, { id: id(n), name, category, company });
  const prices = { minPrice: '0'.repeat(15), maxPrice: '9'.repeat(15) };
  const query = { category, company, q: company, ...prices, inStock: 'true', sort: 'name', limit: '1' };
  const path = `/products?${new URLSearchParams(query)}`;
  const first = await shop('GET', path, { token });
  expect([first.status, first.body.data?.map((product: { id: string }) => product.id)]).toEqual([200, [id(1)]]);
  const link = /^<(.+)>; rel="next"$/.exec(first.headers.get('link') ?? '')?.[1] ?? '';
  expect(link.length).toBeGreaterThan(4500);
  const second = await shop('GET', link, { token });
  expect([second.status, second.body.data.map((product: { id: string }) => product.id)]).toEqual([200, [id(2)]]);
  // Both replicas of each service still answer.
  const answers = await Promise.all(Array.from({ length: 10 }, () => shop('GET', '/products?limit=1')));
  expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
  for (const n of [1, 2]) await shop('DELETE', `/products/${id(n)}`, { token });
});
