/** What `products` answers to `purchases`, by the client that `purchases` uses; and what it refuses to others. */
import { request as httpRequest } from 'node:http';
import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { releaseStock, reserveStock } from '../../api/contracts/calls.ts';
import { deadlineIn } from '../../api/core/clock.ts';
import { newId } from '../../api/core/ids.ts';
import { type InternalClient, internalClient } from '../../api/http/client.ts';
import { createCredentials } from '../../api/http/credentials.ts';
import { open } from '../../api/products/open.ts';
import {
  accessToken,
  internalSecrets,
  serviceCredential,
  startInternalRouter,
  startTestService,
  type TestService,
} from '../support/app.ts';
import { waitFor } from '../support/wait.ts';

let router: Awaited<ReturnType<typeof startInternalRouter>>;
let shop: TestService;
let client: InternalClient;
beforeAll(async () => {
  router = await startInternalRouter();
  shop = await startTestService('products', open, router.url);
  router.add('products', shop.url);
  client = internalClient(router.url, createCredentials('purchases', internalSecrets('purchases')));
  await waitFor('the service to find Redis', async () => (await make(0)).status === 201);
});
afterAll(async () => {
  await Promise.all([shop.stop(), router.stop()]);
});

const adminToken = accessToken({ role: 'admin' });
const reserve = (purchaseId: string, productId: string, quantity: number) =>
  client.call(reserveStock, { purchaseId, items: [{ productId, quantity }] }, newId(), deadlineIn(4000));

function make(stock: number) {
  const body = { name: 'Lamp', category: 'Lamps', price: { amount: 300, currency: 'USD' }, stock };
  return shop.request.post('/products').auth(adminToken, { type: 'bearer' }).send(body);
}
const product = async (stock: number) => String((await make(stock)).body.id);
const stockOf = async (id: string) =>
  (await shop.request.get(`/products/${id}`).auth(adminToken, { type: 'bearer' })).body.stock;

describe('reservations', () => {
  test('take stock, and releases give it back', async () => {
    const [id, purchaseId] = [await product(5), newId()];
    const reserved = await reserve(purchaseId, id, 3);
    expect(reserved).toMatchObject({
      result: 'reserved',
      items: [{ productId: id, name: 'Lamp', quantity: 3, unitPriceMinor: 300, generation: expect.any(String) }],
    });
    expect(await reserve(purchaseId, id, 3)).toEqual(reserved);
    expect(await stockOf(id)).toBe(2);
    const items = reserved.result === 'reserved' ? reserved.items : [];
    const released = await client.call(releaseStock, { purchaseId, items }, newId(), deadlineIn(4000));
    expect(released).toMatchObject({ result: 'released', eventId: expect.any(String), at: expect.any(Number) });
    expect(await client.call(releaseStock, { purchaseId, items: [] }, newId(), deadlineIn(4000))).toEqual(released);
    expect(await stockOf(id)).toBe(5);
    expect(await reserve(purchaseId, id, 3)).toEqual({ result: 'released' });
  });

  test('refuse in words', async () => {
    const id = await product(1);
    expect(await reserve(newId(), id, 2)).toEqual({
      result: 'sold-out',
      items: [{ productId: id, requested: 2, available: 1 }],
    });
    expect(await reserve(newId(), 'no such {thing}', 2)).toEqual({
      result: 'unknown-product',
      productIds: ['no such {thing}'],
    });
  });

  test('change the version of the product', async () => {
    const id = await product(5);
    const before = await shop.request.get(`/products/${id}`).auth(adminToken, { type: 'bearer' });
    await reserve(newId(), id, 1);
    const after = await shop.request.get(`/products/${id}`).auth(adminToken, { type: 'bearer' });
    expect(after.headers.etag).not.toBe(before.headers.etag);
  });
});

describe('no other caller', () => {
  const paths = ['/internal/products/reservations', '/internal/products/releases'];

  /** What other services can make: signed with each of their secrets, and issued to them, as `purchases` would call `products`. */
  function credentialsOfOthers(): string[] {
    const secrets = Object.values(internalSecrets('users'));
    const audience = 'evergreen-internal/products';
    const forged = secrets.map((secret) => jwt.sign({}, secret, { issuer: 'purchases', audience, expiresIn: 60 }));
    return [...forged, serviceCredential('purchases', 'users'), serviceCredential('products', 'users')];
  }

  test.each(paths)('may call %s', async (path) => {
    const id = await product(5);
    const body = { purchaseId: newId(), items: path.endsWith('/releases') ? [] : [{ productId: id, quantity: 1 }] };
    expect((await shop.request.post(path).send(body)).status).toBe(401);
    expect((await shop.request.post(path).auth(adminToken, { type: 'bearer' }).send(body)).status).toBe(401);
    for (const credential of credentialsOfOthers()) {
      expect((await shop.request.post(path).auth(credential, { type: 'bearer' }).send(body)).status).toBe(401);
    }
    expect(await stockOf(id)).toBe(5);
  });

  test('can make stock by a reservation of less than one', async () => {
    const id = await product(5);
    for (const quantity of [-1, 0, 0.5, 1e12]) {
      const answer = await shop.request
        .post('/internal/products/reservations')
        .auth(serviceCredential('purchases', 'products'), { type: 'bearer' })
        .send({ purchaseId: newId(), items: [{ productId: id, quantity }] });
      expect(answer.status).toBe(422);
    }
    expect(await stockOf(id)).toBe(5);
  });
});

test('reservations are answered while clients use up all that may be in work at once', async () => {
  const id = await product(5);
  const full = await startTestService('products', open, router.url, { MAX_IN_FLIGHT: '1' });
  const stuck = httpRequest(`${full.url}/products`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json', 'content-length': '100' },
  });
  try {
    stuck.on('error', () => undefined).write('{'); // the rest of the body never comes
    await waitFor('the service to be full', async () => (await full.request.get('/products')).status === 503);
    router.add('products', full.url);
    expect(await reserve(newId(), id, 1)).toMatchObject({ result: 'reserved' });
    expect((await full.request.get('/products')).status).toBe(503);
  } finally {
    router.add('products', shop.url);
    stuck.destroy();
    await full.stop();
  }
});
