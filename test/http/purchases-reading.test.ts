/** Reading purchases over HTTP: whose they are, their history, walking the lists. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../../api/core/ids.ts';
import { historyOut } from '../../api/purchases/schema.ts';
import { accessToken } from '../support/app.ts';
import { type Bought, type PurchaseShop, startPurchaseShop } from './purchases-shop.ts';

let shop: PurchaseShop;
beforeAll(async () => {
  shop = await startPurchaseShop();
});
afterAll(() => shop.stop());

describe('reading', () => {
  let buyer: ReturnType<PurchaseShop['customer']>;
  let bought: Bought;
  beforeAll(async () => {
    buyer = shop.customer();
    bought = await buyer.buy([{ productId: await shop.product(10), quantity: 2 }]);
  });

  test("another user's purchase is not found, like one that never was; nor its events, nor can it be cancelled", async () => {
    const stranger = shop.customer();
    const path = `/purchases/${bought.body.id}`;
    const answers = [
      await stranger.get(path),
      await stranger.get(`${path}/events`),
      await stranger.post(`${path}/cancel`),
      await stranger.get(`/purchases/${newId()}`),
      await stranger.get('/purchases/%7Bx%7D'),
    ];
    expect(answers.map((answer) => answer.status)).toEqual([404, 404, 404, 404, 404]);
    expect(answers[0]?.body.detail).toBe(answers[3]?.body.detail);
    expect((await buyer.get(path)).body.status).toBe('completed');
  });

  test('an admin sees it', async () => {
    const answer = await shop.admin().get(`/purchases/${bought.body.id}`);
    expect([answer.status, answer.body]).toEqual([200, bought.body]);
  });

  test('what the client has already is 304', async () => {
    const path = `/purchases/${bought.body.id}`;
    for (const each of [path, `${path}/events`]) {
      const { etag } = (await buyer.get(each)).headers;
      expect((await buyer.get(each, { 'If-None-Match': String(etag) })).status).toBe(304);
    }
  });

  test('its history lists, in order, all that it shows', async () => {
    const path = `/purchases/${bought.body.id}`;
    const { data } = historyOut.parse((await buyer.get(`${path}/events`)).body);
    expect(data.map((event) => event.type)).toEqual(['purchase.created', 'product.reserved', 'purchase.completed']);
    expect(data.every((event) => event.data.purchaseId === bought.body.id)).toBe(true);
    const [created, reserved, completed] = data;
    expect(created).toMatchObject({ at: bought.body.createdAt, data: { userId: buyer.userId } });
    expect(reserved?.data).toEqual({ purchaseId: bought.body.id, items: bought.body.items });
    expect(completed).toMatchObject({ at: bought.body.updatedAt, data: { total: bought.body.total } });
    expect(new Set(data.map((event) => event.id)).size).toBe(3);
  });

  test('a method that is not there is 405 with what is', async () => {
    const answer = await shop.purchases.request
      .delete(`/purchases/${bought.body.id}`)
      .set('Authorization', `Bearer ${accessToken()}`);
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe('GET, HEAD, OPTIONS');
  });
});

describe('listing', () => {
  let buyer: ReturnType<PurchaseShop['customer']>;
  const ids: string[] = [];
  beforeAll(async () => {
    buyer = shop.customer();
    const productId = await shop.product(10);
    for (let i = 0; i < 5; i++) ids.unshift((await buyer.buy([{ productId, quantity: 1 }])).body.id);
    await buyer.buy([{ productId, quantity: 6 }]);
    await buyer.post(`/purchases/${ids[2]}/cancel`);
  });

  const idsOf = (answer: { body: { data: { id: string }[] } }) => answer.body.data.map(({ id }) => id);

  test("goes through the caller's purchases page by page, newest first", async () => {
    const first = await buyer.get('/purchases?limit=4');
    expect(idsOf(first).slice(1)).toEqual(ids.slice(0, 3));
    expect(first.headers.link).toContain('rel="next"');
    const second = await buyer.get(`/purchases?limit=4&cursor=${first.body.nextCursor}`);
    expect(idsOf(second)).toEqual(ids.slice(3));
    expect(second.body.nextCursor).toBeNull();
    expect(second.headers.link).toBeUndefined();
  });

  test('by status finds what is in it', async () => {
    expect(idsOf(await buyer.get('/purchases?status=cancelled'))).toEqual([ids[2]]);
    expect(idsOf(await buyer.get('/purchases?status=completed'))).toEqual(ids.filter((_, i) => i !== 2));
    expect((await buyer.get('/purchases?status=failed')).body.data).toHaveLength(1);
    expect((await buyer.get('/purchases?status=pending')).body.data).toEqual([]);
  });

  test('shows everything to an admin, who can narrow it to a user', async () => {
    const all = await shop.admin().get('/purchases?limit=100');
    expect(new Set(all.body.data.map((each: { userId: string }) => each.userId)).size).toBeGreaterThan(1);
    const narrowed = await shop.admin().get(`/purchases?userId=${buyer.userId}&status=cancelled`);
    expect(idsOf(narrowed)).toEqual([ids[2]]);
  });

  test('shows a customer only what is theirs, whatever they ask for', async () => {
    const stranger = shop.customer();
    expect((await stranger.get('/purchases')).body.data).toEqual([]);
    expect((await stranger.get(`/purchases?userId=${buyer.userId}`)).status).toBe(403);
    for (const userId of ['all', 'no-such-user']) {
      expect((await shop.admin().get(`/purchases?userId=${userId}`)).body.data).toEqual([]);
    }
    expect((await buyer.get(`/purchases?userId=${buyer.userId}`)).body.data).toHaveLength(6);
  });

  test('refuses a cursor that is made up, cut short, or of another list', async () => {
    const { nextCursor } = (await buyer.get('/purchases?limit=2')).body;
    const admin = shop.admin();
    for (const answer of [
      await buyer.get('/purchases?cursor=abc'),
      await buyer.get(`/purchases?cursor=${nextCursor.slice(0, -2)}`),
      await buyer.get(`/purchases?status=completed&cursor=${nextCursor}`),
      await admin.get(`/purchases?cursor=${nextCursor}`),
    ]) {
      expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([422, '?cursor']);
    }
  });

  test.each(['limit=0', 'limit=101', 'limit=x', 'status=paid', 'sort=total', 'userId=%7B'])(
    'refuses ?%s',
    async (query) => {
      const answer = await buyer.get(`/purchases?${query}`);
      expect([answer.status, answer.body.errors[0].pointer]).toEqual([422, `?${query.split('=')[0]}`]);
    },
  );
});
