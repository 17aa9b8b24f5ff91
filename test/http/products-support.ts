/** What the http tests of `products` share: two replicas of the service, and requests to them. */
import { expect } from 'vitest';
import { newId } from '../../api/core/ids.ts';
import { open } from '../../api/products/open.ts';
import { accessToken, startInternalRouter, startTestService } from '../support/app.ts';
import { waitFor } from '../support/wait.ts';

type Method = 'post' | 'patch' | 'put' | 'delete';

const adminToken = accessToken({ role: 'admin' });
export const customerToken = accessToken();

/** The body of a product that does not exist yet. */
export const lamp = (changes: object = {}) => ({
  id: newId(),
  name: 'Desk lamp',
  category: 'Lamps',
  price: { amount: 1999, currency: 'USD' },
  stock: 5,
  ...changes,
});

/** The members of a refusal that matter. */
export const problem = (code: string, status: number) => ({ status, body: { type: `/problems/${code}`, status } });

/** Two replicas, `shop` and `twin`, that have found Redis; stop them in `afterAll`. */
export async function startProducts() {
  const router = await startInternalRouter();
  const shop = await startTestService('products', open, router.url);
  const twin = await startTestService('products', open, router.url);

  /** A write as the admin; `key` is the Idempotency-Key. */
  function write(method: Method, path: string, body?: object | string, key: string = newId(), at = shop) {
    const request = at.request[method](`/products${path}`)
      .auth(adminToken, { type: 'bearer' })
      .set('Idempotency-Key', key);
    return body === undefined ? request : request.set('Content-Type', 'application/json').send(body);
  }
  for (const at of [shop, twin]) {
    await waitFor(
      'a replica to find Redis',
      async () => (await write('delete', '/x', undefined, newId(), at)).status === 404,
    );
  }
  return {
    shop,
    twin,
    write,
    /** A read with a token, so that it sees what was just written. */
    read: (path: string, at = shop) => at.request.get(`/products${path}`).auth(customerToken, { type: 'bearer' }),
    /** The answer to the creation of a product. */
    async made(changes: object = {}) {
      const answer = await write('post', '', lamp(changes));
      expect(answer.status).toBe(201);
      return answer;
    },
    stop: () => Promise.all([shop.stop(), twin.stop(), router.stop()]),
  };
}

/** See {@link startProducts}. */
export type Products = Awaited<ReturnType<typeof startProducts>>;
