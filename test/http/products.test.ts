/** `products` as a client sees it: the assembled app on a real Redis. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../../api/core/ids.ts';
import { open } from '../../api/products/open.ts';
import { accessToken, startInternalRouter, startTestService, type TestService } from '../support/app.ts';
import { waitFor } from '../support/wait.ts';

let router: Awaited<ReturnType<typeof startInternalRouter>>;
let shop: TestService;
/** A second replica of the service. */
let twin: TestService;
beforeAll(async () => {
  router = await startInternalRouter();
  shop = await startTestService('products', open, router.url);
  twin = await startTestService('products', open, router.url);
  for (const at of [shop, twin]) {
    await waitFor(
      'a replica to find Redis',
      async () => (await write('delete', '/x', undefined, newId(), at)).status === 404,
    );
  }
});
afterAll(async () => {
  await Promise.all([shop.stop(), twin.stop(), router.stop()]);
});

const adminToken = accessToken({ role: 'admin' });
const customerToken = accessToken();
const lamp = (changes: object = {}) => ({
  id: newId(),
  name: 'Desk lamp',
  category: 'Lamps',
  price: { amount: 1999, currency: 'USD' },
  stock: 5,
  ...changes,
});
type Method = 'post' | 'patch' | 'put' | 'delete';

/** A write as the admin; `key` is the Idempotency-Key. */
function write(method: Method, path: string, body?: object | string, key: string = newId(), at = shop) {
  const request = at.request[method](`/products${path}`)
    .auth(adminToken, { type: 'bearer' })
    .set('Idempotency-Key', key);
  return body === undefined ? request : request.set('Content-Type', 'application/json').send(body);
}
/** A read with a token, so that it sees what was just written. */
const read = (path: string, at = shop) => at.request.get(`/products${path}`).auth(customerToken, { type: 'bearer' });

async function made(changes: object = {}) {
  const answer = await write('post', '', lamp(changes));
  expect(answer.status).toBe(201);
  return answer;
}
const problem = (code: string, status: number) => ({ status, body: { type: `/problems/${code}`, status } });

describe('POST /products', () => {
  test('makes a product and says where it is', async () => {
    const given = lamp({
      description: 'Warm light',
      company: 'Lumen',
      manufacturedAt: '2024-05-01T10:00:00Z',
      price: { amount: 0, currency: 'USD' },
    });
    const answer = await write('post', '', given);
    expect(answer.status).toBe(201);
    expect(answer.headers).toMatchObject({
      location: `/products/${given.id}`,
      etag: expect.stringMatching(/^"1-[\w-]+"$/),
    });
    const { createdAt, updatedAt, ...rest } = answer.body;
    expect(rest).toEqual({ ...given, manufacturedAt: '2024-05-01T10:00:00.000Z' });
    expect(createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(updatedAt).toBe(createdAt);
    for (const at of [shop, twin]) {
      const found = await read(`/${given.id}`, at);
      expect([found.status, found.body, found.headers.etag]).toEqual([200, answer.body, answer.headers.etag]);
    }
  });

  test('makes the id where there is none, and says null of what was left out', async () => {
    const { id: _, ...given } = lamp();
    const { body } = await write('post', '', given);
    expect(body).toMatchObject({ description: '', company: null, manufacturedAt: null });
    expect((await read(`/${body.id}`)).body).toEqual(body);
  });

  test('refuses an id that is taken, and goes on refusing under that key', async () => {
    const { body } = await made();
    const key = newId();
    expect(await write('post', '', lamp({ id: body.id }), key)).toMatchObject(problem('product-exists', 409));
    await write('delete', `/${body.id}`);
    const repeated = await write('post', '', lamp({ id: body.id }), key);
    expect(repeated).toMatchObject({ ...problem('product-exists', 409), headers: { 'idempotent-replayed': 'true' } });
  });

  test('lists every fault', async () => {
    const answer = await write('post', '', {
      id: 'a b',
      name: ' ',
      category: 'x\0',
      price: { amount: -1, currency: 'USD' },
      stock: 1.5,
    });
    expect(answer).toMatchObject(problem('validation-failed', 422));
    expect(answer.body.errors).toEqual([{ pointer: '#/category', detail: 'must not contain NUL' }]);
    const more = await write('post', '', {
      id: 'a b',
      name: ' ',
      price: { amount: -1, currency: 'EUR' },
      stock: 1.5,
      size: 3,
    });
    const pointers = more.body.errors.map((fault: { pointer: string }) => fault.pointer).sort();
    expect(pointers).toEqual([
      '#/category',
      '#/id',
      '#/name',
      '#/price/amount',
      '#/price/currency',
      '#/size',
      '#/stock',
    ]);
  });

  test('repeated, at once and afterwards and on another replica, is one product and one answer', async () => {
    const key = newId();
    const { id: _, ...given } = lamp();
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => write('post', '', given, key, i % 2 ? shop : twin)),
    );
    answers.push(await write('post', '', given, key));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers.every(({ status }) => status === 201)).toBe(true);
    expect(answers.filter(({ headers }) => headers['idempotent-replayed'] === undefined)).toHaveLength(1);
    expect(await write('post', '', { ...given, stock: 6 }, key)).toMatchObject(problem('idempotency-key-reused', 422));
  });
});

describe('who may', () => {
  test.each([
    ['post', ''],
    ['post', '/batch'],
    ['patch', '/x'],
    ['delete', '/x'],
    ['post', '/x/stock'],
  ] as const)('%s /products%s is for admins', async (method, path) => {
    const anonymous = await shop.request[method](`/products${path}`).send({});
    expect(anonymous).toMatchObject(problem('unauthenticated', 401));
    expect(anonymous.headers['www-authenticate']).toContain('Bearer');
    const customer = await shop.request[method](`/products${path}`).auth(customerToken, { type: 'bearer' }).send({});
    expect(customer).toMatchObject(problem('forbidden', 403));
  });

  test('reading is for anyone, and may be kept by a cache', async () => {
    const { body } = await made();
    const found = await waitFor('the product to be seen without a token', async () => {
      const answer = await shop.request.get(`/products/${body.id}`);
      return answer.status === 200 && answer; // it may be a second old
    });
    expect(found.headers['cache-control']).toBe('no-cache');
    const list = await shop.request.get('/products');
    expect(list.status).toBe(200);
    expect(list.headers['cache-control']).toBe('no-cache');
  });

  test('what is not there is 405 or 404', async () => {
    const wrong = await write('put', '/x', {});
    expect(wrong).toMatchObject({
      ...problem('method-not-allowed', 405),
      headers: { allow: 'GET, PATCH, DELETE, HEAD, OPTIONS' },
    });
    for (const id of ['unknown', 'a b', 'a%2Fb', '%7Bx%7D', '%0d%0a', 'x'.repeat(65)]) {
      expect(await read(`/${id}`)).toMatchObject(problem('not-found', 404));
      expect(await write('patch', `/${id}`, { name: 'x' })).toMatchObject(problem('not-found', 404));
      expect(await write('delete', `/${id}`)).toMatchObject(problem('not-found', 404));
      expect(await write('post', `/${id}/stock`, { delta: 1 })).toMatchObject(problem('not-found', 404));
    }
  });
});

describe('one product', () => {
  test('is not sent again to who has it', async () => {
    const { body, headers } = await made();
    const etag = String(headers.etag);
    expect((await read(`/${body.id}`).set('If-None-Match', `"x", W/${etag}`)).status).toBe(304);
    await write('post', `/${body.id}/stock`, { delta: 1 });
    expect((await read(`/${body.id}`).set('If-None-Match', etag)).status).toBe(200);
  });

  test('changes by PATCH, once under its key', async () => {
    const { body } = await made({ company: 'Lumen', description: 'old' });
    const key = newId();
    const change = { name: 'Floor lamp', company: null, price: { amount: 5, currency: 'USD' } };
    const answer = await write('patch', `/${body.id}`, change, key);
    expect(answer).toMatchObject({ status: 200, body: { ...body, ...change, updatedAt: expect.any(String) } });
    await write('patch', `/${body.id}`, { name: 'Another' });
    const repeated = await write('patch', `/${body.id}`, change, key, twin);
    expect(repeated.text).toBe(answer.text);
    expect(repeated.headers).toMatchObject({ etag: answer.headers.etag, 'idempotent-replayed': 'true' });
    expect((await read(`/${body.id}`)).body.name).toBe('Another');
  });

  test('does not change with an old If-Match', async () => {
    const { body, headers } = await made();
    const etag = String(headers.etag);
    expect((await write('patch', `/${body.id}`, { name: 'A' }).set('If-Match', etag)).status).toBe(200);
    expect(await write('patch', `/${body.id}`, { name: 'B' }).set('If-Match', etag)).toMatchObject(
      problem('precondition-failed', 412),
    );
    expect(await write('delete', `/${body.id}`).set('If-Match', etag)).toMatchObject(
      problem('precondition-failed', 412),
    );
    expect((await read(`/${body.id}`)).body.name).toBe('A');
  });

  test('refuses a change of what does not change, of nothing, and of what is not known', async () => {
    const { body } = await made();
    for (const change of [{}, { id: 'x' }, { stock: 1 }, { color: 'red' }, { name: null }, [], 'x', 5]) {
      const answer = await write('patch', `/${body.id}`, JSON.stringify(change));
      expect(answer).toMatchObject(problem('validation-failed', 422));
    }
    expect((await read(`/${body.id}`)).body).toEqual(body);
  });

  test('is gone after DELETE, which repeated still says so', async () => {
    const { body } = await made();
    const key = newId();
    expect((await write('delete', `/${body.id}`, undefined, key)).status).toBe(204);
    expect(await read(`/${body.id}`)).toMatchObject(problem('not-found', 404));
    const repeated = await write('delete', `/${body.id}`, undefined, key, twin);
    expect(repeated).toMatchObject({ status: 204, headers: { 'idempotent-replayed': 'true' } });
  });
});

describe('POST /products/{id}/stock', () => {
  test('adds and takes, once under a key, and not below zero', async () => {
    const { body } = await made();
    const key = newId();
    expect(await write('post', `/${body.id}/stock`, { delta: -2 }, key)).toMatchObject({
      status: 200,
      body: { stock: 3 },
    });
    expect(await write('post', `/${body.id}/stock`, { delta: -2 }, key)).toMatchObject({
      status: 200,
      body: { stock: 3 },
    });
    const short = await write('post', `/${body.id}/stock`, { delta: -4 });
    expect(short).toMatchObject({ ...problem('insufficient-stock', 409) });
    expect(short.body.available).toBe(3);
    expect((await read(`/${body.id}`)).body.stock).toBe(3);
  });

  test('refuses zero, fractions and more than there may be', async () => {
    const { body } = await made();
    for (const delta of [0, 1.5, 1e9, 1e300, '1', null]) {
      expect(await write('post', `/${body.id}/stock`, { delta })).toMatchObject(problem('validation-failed', 422));
    }
    expect((await read(`/${body.id}`)).body.stock).toBe(5);
  });
});

describe('GET /products', () => {
  test('walks by links and cursors, which belong to their question', async () => {
    const category = `Lists & links ${newId()}`;
    for (let i = 0; i < 5; i++) await made({ category, name: `L${i}` });
    const query = { category, sort: 'name', limit: 2 };
    const first = await read('').query(query);
    expect(first.body.data.map((p: { name: string }) => p.name)).toEqual(['L0', 'L1']);
    const link = /^<\/products(\?[^>]+)>; rel="next"$/.exec(String(first.headers.link))?.[1] ?? '';
    const second = await read(link, twin);
    expect(second.body.data.map((p: { name: string }) => p.name)).toEqual(['L2', 'L3']);
    const third = await read('').query({ ...query, cursor: second.body.nextCursor });
    expect(third.body).toMatchObject({ data: [{ name: 'L4' }], nextCursor: null });
    expect(third.headers.link).toBeUndefined();

    const cursor = String(first.body.nextCursor);
    for (const bad of [cursor.slice(0, -1), `${cursor}A`, 'x', '', '%00', cursor.toLowerCase()]) {
      const answer = await read('').query({ ...query, cursor: bad });
      expect(answer).toMatchObject({ ...problem('validation-failed', 422) });
      expect(answer.body.errors).toEqual([{ pointer: '?cursor', detail: expect.any(String) }]);
    }
    expect((await read('').query({ ...query, sort: '-name', cursor })).status).toBe(422);
    expect((await read('').query({ ...query, limit: 3, cursor })).status).toBe(200);
  });

  test('filters and searches', async () => {
    const word = `w${newId().replaceAll('-', '')}`;
    await made({ name: `Red ${word}`, price: { amount: 100, currency: 'USD' } });
    await made({ name: `Blue ${word}`, price: { amount: 200, currency: 'USD' }, stock: 0, company: 'Ünïted' });
    const found = async (query: object) =>
      (await read('').query({ q: word, sort: 'name', ...query })).body.data.map(
        (p: { name: string }) => p.name.split(' ')[0],
      );
    expect(await found({})).toEqual(['Blue', 'Red']);
    expect(await found({ sort: 'price' })).toEqual(['Red', 'Blue']);
    expect(await found({ inStock: 'true' })).toEqual(['Red']);
    expect(await found({ minPrice: 101 })).toEqual(['Blue']);
    expect(await found({ maxPrice: 100 })).toEqual(['Red']);
    expect(await found({ minPrice: 201, maxPrice: 100 })).toEqual([]);
    expect(await found({ company: 'Ünïted' })).toEqual(['Blue']);
    expect(await found({ q: `RE ${word.slice(0, 20)}` })).toEqual(['Red']);
  });

  test('refuses what it does not know', async () => {
    for (const query of [
      'limit=0',
      'limit=101',
      'limit=x',
      'sort=stock',
      'inStock=1',
      'q=',
      'q=%00',
      'minPrice=-1',
      'colour=red',
      'q=a&q=b',
      'category=',
    ]) {
      const answer = await read(`?${query}`);
      expect([query, answer.status]).toEqual([query, 422]);
      expect(answer.body.errors[0].pointer).toBe(`?${query.split('=')[0]}`);
    }
  });
});

describe('POST /products/batch', () => {
  test('takes or refuses each on its own, in order', async () => {
    const [a, b] = [lamp(), lamp()];
    const taken = (await made()).body.id;
    const { id: _, ...nameless } = lamp();
    const products = [
      a,
      lamp({ id: taken }),
      nameless,
      { ...b, stock: -1, x: 1 },
      b,
      lamp({ id: a.id }),
      7,
      null,
      lamp({ id: '/' }),
    ];
    const { status, body } = await write('post', '/batch', { products });
    expect(status).toBe(200);
    expect(body.data.map((item: { status: number }) => item.status)).toEqual([
      201, 409, 201, 422, 201, 409, 422, 422, 422,
    ]);
    expect(body.data.map((item: { id: unknown }) => item.id)).toEqual([
      a.id,
      taken,
      expect.stringMatching(/^[\w-]{36}$/),
      b.id,
      b.id,
      a.id,
      null,
      null,
      null,
    ]);
    expect(body.data[0]).toEqual({ id: a.id, status: 201 });
    expect(body.data[1].problem).toMatchObject({ type: '/problems/product-exists', status: 409 });
    const pointers = body.data[3].problem.errors.map((fault: { pointer: string }) => fault.pointer);
    expect(pointers.sort()).toEqual(['#/products/3/stock', '#/products/3/x']);
    for (const id of [a.id, b.id, body.data[2].id]) expect((await read(`/${id}`)).body.stock).toBe(5);
  });

  test('repeated under its key answers each as before', async () => {
    const key = newId();
    const { id: _, ...nameless } = lamp();
    const products = [lamp(), nameless, lamp({ stock: -1 })];
    const answer = await write('post', '/batch', { products }, key);
    await write('delete', `/${products[0] && 'id' in products[0] ? products[0].id : ''}`);
    const repeated = await write('post', '/batch', { products }, key, twin);
    expect(repeated.text).toBe(answer.text);
    expect(repeated.headers['idempotent-replayed']).toBe('true');
    const other = await write('post', '/batch', { products: [lamp()] }, key);
    expect(other).toMatchObject(problem('idempotency-key-reused', 422));
  });

  test('may have 1 to 1000 products and 2 MB', async () => {
    for (const count of [0, 1001]) {
      const products = Array.from({ length: count }, () => 0);
      expect(await write('post', '/batch', { products })).toMatchObject(problem('validation-failed', 422));
    }
    const big = { products: Array.from({ length: 400 }, () => lamp({ description: 'long text '.repeat(480) })) };
    expect(Buffer.byteLength(JSON.stringify(big))).toBeGreaterThan(1_900_000);
    const answer = await write('post', '/batch', big);
    expect(answer.status).toBe(200);
    expect(answer.body.data.every((item: { status: number }) => item.status === 201)).toBe(true);
    const bigger = { products: [...big.products, ...big.products] };
    expect(await write('post', '/batch', bigger)).toMatchObject(problem('payload-too-large', 413));
    expect(await write('post', '', lamp({ description: 'x'.repeat(200_000) }))).toMatchObject(
      problem('payload-too-large', 413),
    );
  });
});
