/** Which answers of `products` Nginx may give to other clients: X-Accel-Expires, which nginx/catalogue.conf heeds. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../../api/core/ids.ts';
import { open } from '../../api/products/open.ts';
import { accessToken, startInternalRouter, startTestService, type TestService } from '../support/app.ts';
import { waitFor } from '../support/wait.ts';

let router: Awaited<ReturnType<typeof startInternalRouter>>;
let shop: TestService;
const admin = `Bearer ${accessToken({ role: 'admin' })}`;
const category = `Shared ${newId()}`;
const ids = Array.from({ length: 40 }, () => newId());

beforeAll(async () => {
  router = await startInternalRouter();
  shop = await startTestService('products', open, router.url);
  const product = {
    name: 'Lamp',
    description: 'x'.repeat(1000),
    category,
    stock: 1,
    price: { amount: 1, currency: 'USD' },
  };
  const products = ids.map((id) => ({ ...product, id }));
  await waitFor('the products to be made', async () => {
    const made = await shop.request.post('/products/batch').set('Authorization', admin).send({ products });
    return made.status === 200;
  });
});
afterAll(async () => {
  await Promise.all([shop.stop(), router.stop()]);
});

const keptFor = async (path: string, headers: Record<string, string> = {}) => {
  const answer = await shop.request.get(path).set(headers);
  expect('x-ages' in answer.headers).toBe('x-accel-expires' in answer.headers);
  return [answer.status, answer.headers['x-accel-expires']];
};
const page = (limit: number) => `/products?category=${encodeURIComponent(category)}&limit=${limit}`;

test('products and pages without a token are marked, for a second', async () => {
  await waitFor('a read without a token to see the products', async () => {
    return (await shop.request.get(`/products/${ids[0]}`)).status === 200;
  });
  expect(await keptFor(`/products/${ids[0]}`)).toEqual([200, '1']);
  expect(await keptFor(page(5))).toEqual([200, '1']);
});

test('what was asked for with a token, good or bad, is not, nor an error, nor a large page', async () => {
  for (const authorization of [admin, 'Bearer nonsense', '0']) {
    expect(await keptFor(`/products/${ids[0]}`, { authorization })).toEqual([200, undefined]);
    expect(await keptFor(page(5), { authorization })).toEqual([200, undefined]);
  }
  expect(await keptFor('/products/not-there')).toEqual([404, undefined]);
  expect(await keptFor('/products?unknown=1')).toEqual([422, undefined]);
  expect(await keptFor(page(40))).toEqual([200, undefined]);
});
