/** The load of the rows with one purchase a second. */
import { expect, test } from 'vitest';
import { createClients, usualLoad } from './clients.ts';
import type { Client, Sending } from './http-client.ts';
import { seededRandom } from './random.ts';

test('a buyer who only buys begins a purchase exactly every second', async () => {
  const account = { actor: 'buyer-1', userId: 'u', token: 't' };
  const fixtures = { admin: account, buyers: [account], products: [{ id: 'p', stock: 9 }] };
  const size = {
    ...usualLoad,
    buyers: 1,
    buyerEveryMs: 1000,
    onlyPurchases: true,
    readers: 0,
    products: 1,
    withOthers: false,
  };
  const [buyer, ...others] = createClients(fixtures, 'label', size, () => 0);
  expect(others).toEqual([]);
  expect(buyer).toMatchObject({ everyMs: 1000, isExact: true });

  const sent: string[] = [];
  const send = async (sending: Sending) => {
    sent.push(sending.kind);
    return { operation: {}, outcome: { kind: 'ok', status: 201, body: { id: `${sent.length}` }, atMs: 0 } };
  };
  const random = seededRandom(1);
  for (let turn = 0; turn < 50; turn++) await buyer?.act({ send } as unknown as Client, random);
  expect(new Set(sent)).toEqual(new Set(['purchase']));
});
