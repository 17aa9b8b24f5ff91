/** Cancelling over HTTP with the real `products` beside it: the stock is back exactly once. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../../api/core/ids.ts';
import { type PurchaseShop, startPurchaseShop } from './purchases-shop.ts';

let shop: PurchaseShop;
beforeAll(async () => {
  shop = await startPurchaseShop();
});
afterAll(() => shop.stop());

describe('cancelling', () => {
  async function boughtTwo() {
    const [mug, buyer] = [await shop.product(10), shop.customer()];
    const { body } = await buyer.buy([{ productId: mug, quantity: 2 }]);
    return { mug, buyer, body, path: `/purchases/${body.id}/cancel` };
  }

  test('gives the stock back, keeps what was bought, and is in the history', async () => {
    const { mug, buyer, body, path } = await boughtTwo();
    const answer = await buyer.post(path);
    expect([answer.status, answer.body.status]).toEqual([200, 'cancelled']);
    expect(answer.body).toEqual({ ...body, status: 'cancelled', updatedAt: answer.body.updatedAt });
    expect(await shop.stock(mug)).toBe(10);
    const { data } = (await buyer.get(`/purchases/${body.id}/events`)).body;
    expect(data.slice(3).map((event: { type: string }) => event.type)).toEqual([
      'purchase.cancelled',
      'product.released',
    ]);
  });

  test('50 times at once, with and without keys, gives it back once', async () => {
    const { mug, buyer, path } = await boughtTwo();
    const key = newId();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => buyer.post(path, undefined, i % 2 === 0 ? key : undefined)),
    );
    for (const answer of answers) expect([answer.status, answer.body]).toEqual([200, answers[0]?.body]);
    expect(await shop.stock(mug)).toBe(10);
  });

  test('again under the same key is said to be a repetition', async () => {
    const { buyer, path } = await boughtTwo();
    const key = newId();
    const first = await buyer.post(path, undefined, key);
    const second = await buyer.post(path, undefined, key);
    expect([second.status, second.body]).toEqual([200, first.body]);
    expect(second.headers['idempotent-replayed']).toBe('true');
  });

  test('is refused with a stale If-Match and changes nothing', async () => {
    const { mug, buyer, body, path } = await boughtTwo();
    const refused = await buyer.post(path, undefined, undefined, { 'If-Match': '"1"' });
    expect([refused.status, refused.body.type]).toEqual([412, '/problems/precondition-failed']);
    expect(await shop.stock(mug)).toBe(8);
    const { etag } = (await buyer.get(`/purchases/${body.id}`)).headers;
    const answer = await buyer.post(path, undefined, undefined, { 'If-Match': String(etag) });
    expect([answer.status, answer.body.status]).toEqual([200, 'cancelled']);
  });

  test('a failed purchase is 409', async () => {
    const [mug, buyer] = [await shop.product(1), shop.customer()];
    const { body } = await buyer.buy([{ productId: mug, quantity: 2 }]);
    const answer = await buyer.post(`/purchases/${body.purchaseId}/cancel`);
    expect([answer.status, answer.body.type]).toEqual([409, '/problems/not-cancellable']);
  });

  test('can be done by an admin', async () => {
    const { mug, path } = await boughtTwo();
    expect((await shop.admin().post(path)).status).toBe(200);
    expect(await shop.stock(mug)).toBe(10);
  });

  test('gives nothing to a product that was deleted and made anew under the same id', async () => {
    const { mug, path, buyer } = await boughtTwo();
    await shop.remakeProduct(mug, 3);
    expect((await buyer.post(path)).status).toBe(200);
    expect(await shop.stock(mug)).toBe(3);
  });
});
