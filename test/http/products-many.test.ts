/** Many products as a client sees them: lists, searches and batches; the assembled app on a real Redis. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../../api/core/ids.ts';
import { lamp, type Products, problem, startProducts } from './products-support.ts';

let products: Products;
let { twin, write, read, made } = {} as Products;
beforeAll(async () => {
  products = await startProducts();
  ({ twin, write, read, made } = products);
});
afterAll(() => products.stop());

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
      expect.stringMatching(/^[\w-]{14}$/),
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
