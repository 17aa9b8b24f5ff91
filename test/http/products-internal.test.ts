/** What `products` answers to `purchases`, by the client that `purchases` uses; and what it refuses to others. */
import { request as httpRequest } from 'node:http';
import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { releaseStock, reserveStock, reserveStockOfGroup } from '../../api/contracts/calls.ts';
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
import { operator } from '../support/redis.ts';
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

describe('a group of reservations', () => {
  const reserveAll = (wanted: [purchaseId: string, productId: string, quantity: number][]) => {
    const reservations = wanted.map(([purchaseId, productId, quantity]) => {
      return { purchaseId, items: [{ productId, quantity }], requestId: `request-${purchaseId}` };
    });
    return client.call(reserveStockOfGroup, { reservations }, newId(), deadlineIn(4000));
  };

  test('takes for each purchase what it would take alone, and answers in their order', async () => {
    const [lamp, rare] = [await product(5), await product(1)];
    const [first, second, third] = [newId(), newId(), newId()];
    const { answers } = await reserveAll([
      [first, lamp, 3],
      [second, rare, 2],
      [third, 'no such {thing}', 1],
      [newId(), lamp, 2],
      [newId(), lamp, 1],
    ]);
    expect(answers.map(({ result }) => result)).toEqual([
      'reserved',
      'sold-out',
      'unknown-product',
      'reserved',
      'sold-out',
    ]);
    expect([await stockOf(lamp), await stockOf(rare)]).toEqual([0, 1]);
    expect([await reserve(first, lamp, 3), await reserve(second, rare, 2)]).toEqual(answers.slice(0, 2));
  });

  test('repeated whole, in part or in another group, takes stock once', async () => {
    const lamp = await product(10);
    const ids = [newId(), newId(), newId()];
    const wanted = ids.map((id): [string, string, number] => [id, lamp, 2]);
    const { answers } = await reserveAll(wanted);
    expect((await reserveAll(wanted)).answers).toEqual(answers);
    const others = await reserveAll([wanted[2] ?? ['', '', 0], [newId(), lamp, 1]]);
    expect(others.answers[0]).toEqual(answers[2]);
    expect(await stockOf(lamp)).toBe(3);
  });

  test('writes the id of each request into its event', async () => {
    const lamp = await product(10);
    const ids = [newId(), newId()];
    await reserveAll(ids.map((id) => [id, lamp, 1]));
    const redis = await operator();
    const events = await redis.xrange('{products}:events', '-', '+');
    redis.disconnect();
    const requests = ids.map((id) => events.find(([, fields]) => fields.join(' ').includes(`"${id}"`))?.[1]);
    expect(requests.map((fields) => fields?.[fields.indexOf('request') + 1])).toEqual(ids.map((id) => `request-${id}`));
  });
});

describe('no other caller', () => {
  const paths = ['reservations', 'reservations/groups', 'releases'].map((name) => `/internal/products/${name}`);

  /** What other services can make: signed with each of their secrets, and issued to them, as `purchases` would call `products`. */
  function credentialsOfOthers(): string[] {
    const secrets = Object.values(internalSecrets('users'));
    const audience = 'evergreen-internal/products';
    const forged = secrets.map((secret) => jwt.sign({}, secret, { issuer: 'purchases', audience, expiresIn: 60 }));
    return [...forged, serviceCredential('purchases', 'users'), serviceCredential('products', 'users')];
  }

  test.each(paths)('may call %s', async (path) => {
    const id = await product(5);
    const one = { purchaseId: newId(), items: path.endsWith('/releases') ? [] : [{ productId: id, quantity: 1 }] };
    const body = path.endsWith('/groups') ? { reservations: [{ ...one, requestId: newId() }] } : one;
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
