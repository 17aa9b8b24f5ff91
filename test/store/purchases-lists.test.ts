/** Lists of purchases on a real Redis, walked while others buy and cancel. */
import { afterAll, describe, expect, test } from 'vitest';
import { newId } from '../../api/core/ids.ts';
import type { Begun } from '../../api/purchases/record.ts';
import type { Status } from '../../api/purchases/schema.ts';
import { contextFor, openPurchaseSteps, someBegun, soon } from './purchases-steps.ts';

const { store, begin, complete, fail, close } = await openPurchaseSteps();
afterAll(close);

describe('lists', () => {
  async function walk(whose: string, status: Status | 'any', limit: number, between?: () => Promise<unknown>) {
    const pages: string[][] = [];
    let after: string | undefined;
    do {
      const { items: purchases, last } = await store.list(
        { whose, status },
        { after, limit },
        'read-your-writes',
        soon(),
      );
      pages.push(purchases.map((purchase) => purchase.id));
      after = last;
      await between?.();
    } while (after !== undefined);
    return pages;
  }

  test('go from the newest to the oldest, and end without an empty page', async () => {
    const userId = newId();
    const ids: string[] = [];
    for (let i = 0; i < 6; i++) ids.unshift((await begin(someBegun(userId))).id);
    expect(await walk(userId, 'any', 3)).toEqual([ids.slice(0, 3), ids.slice(3)]);
    expect(await walk(userId, 'any', 4)).toEqual([ids.slice(0, 4), ids.slice(4)]);
    expect(await walk(newId(), 'any', 4)).toEqual([[]]);
  });

  test('neither repeat nor skip what was there all along while others buy and cancel', async () => {
    const userId = newId();
    const begun: Begun[] = [];
    for (let i = 0; i < 10; i++) begun.push(await begin(someBegun(userId)));
    await Promise.all(begun.map((each) => complete(each)));
    let turn = 0;
    const between = async () => {
      const victim = begun[9 - 4 * turn++];
      if (victim !== undefined) await store.cancel(victim, userId, contextFor(victim));
      await complete(await begin(someBegun(userId)));
    };
    const found = (await walk(userId, 'completed', 3, between)).flat();
    expect(new Set(found).size).toBe(found.length);
    const stayed = begun.filter((_, i) => ![9, 5, 1].includes(i)).map(({ id }) => id);
    expect(found).toEqual(expect.arrayContaining(stayed));
  });

  test('by status hold exactly the purchases in it', async () => {
    const userId = newId();
    const [pending, completed, failed, cancelled] = [
      await begin(someBegun(userId)),
      await begin(someBegun(userId)),
      await begin(someBegun(userId)),
      await begin(someBegun(userId)),
    ];
    await Promise.all([complete(completed), fail(failed), store.cancel(cancelled, userId, contextFor(cancelled))]);
    expect(await walk(userId, 'pending', 20)).toEqual([[pending.id]]);
    expect(await walk(userId, 'completed', 20)).toEqual([[completed.id]]);
    expect(await walk(userId, 'failed', 20)).toEqual([[failed.id]]);
    expect(await walk(userId, 'cancelled', 20)).toEqual([[cancelled.id]]);
    expect((await walk(userId, 'any', 20)).flat()).toHaveLength(4);
  });
});
