/** One product as a client sees it: the assembled app on a real Redis. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../../api/core/ids.ts';
import { waitFor } from '../support/wait.ts';
import { customerToken, lamp, type Products, problem, startProducts } from './products-support.ts';

let products: Products;
let { shop, twin, write, read, made } = {} as Products;
beforeAll(async () => {
  products = await startProducts();
  ({ shop, twin, write, read, made } = products);
});
afterAll(() => products.stop());

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
      price: { amount: -1, currency: 'EUR' },
      stock: 1.5,
      size: 3,
    });
    expect(answer).toMatchObject(problem('validation-failed', 422));
    expect(answer.body.errors[0]).toEqual({ pointer: '#/category', detail: 'must not contain NUL' });
    const pointers = answer.body.errors.map((fault: { pointer: string }) => fault.pointer).sort();
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

describe('access', () => {
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
    // `batch` may be the id of a product, too.
    const methods = { allow: 'POST, GET, PATCH, DELETE, HEAD, OPTIONS' };
    expect(await write('put', '/batch', {})).toMatchObject({ ...problem('method-not-allowed', 405), headers: methods });
    expect(await shop.request.options('/products/batch')).toMatchObject({ status: 204, headers: methods });
    for (const id of ['unknown', 'a b', 'a%2Fb', '%7Bx%7D', '%0d%0a', 'x'.repeat(65)]) {
      expect(await read(`/${id}`)).toMatchObject(problem('not-found', 404));
      expect(await write('patch', `/${id}`, { name: 'x' })).toMatchObject(problem('not-found', 404));
      expect(await write('delete', `/${id}`)).toMatchObject(problem('not-found', 404));
      expect(await write('post', `/${id}/stock`, { delta: 1 })).toMatchObject(problem('not-found', 404));
    }
  });
});

describe('one product', () => {
  test('is not sent again to a client that has it', async () => {
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
