/** Many completed purchases, by the scripts that the service runs, without the HTTP layer and without taking stock. */
import { deadlineIn } from '../../api/core/clock.ts';
import { newId } from '../../api/core/ids.ts';
import { isRefusal } from '../../api/core/outcome.ts';
import { createPurchaseWrites } from '../../api/purchases/store.ts';
import { openRedis } from '../../api/redis/open.ts';
import { redisPasswordName, sentinelPasswordName } from '../../ops/credentials.ts';
import type { Shop } from '../../ops/local/shop.ts';
import { masterName, portsFrom } from '../../ops/local/spec.ts';
import { contextOf, userCaller } from '../support/context.ts';

const service = 'purchases';
/** On their way at once: one group of writes. */
const atOnce = 128;
const deadlineMs = 20_000;
/** One purchase of so many is of the buyer whose history is read; each of the others has another owner in turn. */
const owners = 100;

/** Stores `count` completed purchases of two items. @param buyer the user who made one of a hundred of them */
export async function seedPurchases(
  { settings: { portBase, secrets } }: Shop,
  count: number,
  productIds: readonly string[],
  buyer: string,
): Promise<void> {
  const ports = portsFrom(portBase);
  const redis = openRedis({
    sentinels: [1, 2, 3].map((number) => `127.0.0.1:${ports.sentinel(number)}`),
    nodes: [1, 2, 3].map((number) => `127.0.0.1:${ports.redis(number)}`),
    masterName,
    sentinelPassword: secrets[sentinelPasswordName(service)] ?? '',
    username: service,
    password: secrets[redisPasswordName(service)] ?? '',
  });
  const writes = createPurchaseWrites(redis.writes);
  const others = Array.from({ length: owners - 1 }, () => newId());

  async function store(n: number): Promise<void> {
    const ids = [n, n + 1].map((place) => productIds[place % productIds.length] ?? '');
    const requested = ids.map((productId) => ({ productId, quantity: 1 }));
    const begun = { id: newId(), userId: others[n % owners] ?? buyer, requested, currency: 'USD' };
    const deadline = deadlineIn(deadlineMs);
    // A key that Nginx made: its record is gone after a minute.
    const write = { id: newId(), fingerprint: 'body', nonce: newId(), lifetimeMs: 60_000 };
    const bound = await writes.begin(begun, contextOf(userCaller('customer', begun.userId), { write }, deadline));
    if (isRefusal(bound)) throw new Error(bound.detail);
    const items = requested.map((each) => ({
      ...each,
      generation: 'generation12',
      name: 'Product',
      unitPriceMinor: 1000,
    }));
    await writes.complete(begun, { eventId: '5-0', at: Date.now(), items }, newId(), deadline);
  }

  try {
    const left = Array.from({ length: count }, (_, n) => n).values();
    const storeAll = async () => {
      for (const n of left) await store(n);
    };
    await Promise.all(Array.from({ length: atOnce }, storeAll));
  } finally {
    redis.close();
  }
}
