/** The steps of purchases for store tests: on the shared Redis, with a look at what no service may see. */
import { createConnection } from 'node:net';
import { Redis } from 'ioredis';
import { expect, inject } from 'vitest';
import type { ReservedItem } from '../../api/contracts/calls.ts';
import { deadlineIn } from '../../api/core/clock.ts';
import { newId } from '../../api/core/ids.ts';
import type { RequestContext } from '../../api/core/request.ts';
import { listKey, unfinishedKey } from '../../api/purchases/keys.ts';
import type { Begun } from '../../api/purchases/record.ts';
import { type Failure, failureDetails, type Status } from '../../api/purchases/schema.ts';
import { createPurchaseWrites } from '../../api/purchases/store.ts';
import { createPurchaseReads } from '../../api/purchases/store-reads.ts';
import { contextOf, userCaller } from '../support/context.ts';
import { openReachableRedis, operator } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';

/** A deadline that a healthy Redis keeps. */
export const soon = () => deadlineIn(5000);

/** Why a purchase may fail. */
export const soldOut: Failure = {
  code: 'insufficient-stock',
  detail: failureDetails['insufficient-stock'],
  items: [{ productId: 'mug', requested: 2, available: 1 }],
};

/** A purchase of two mugs that was not begun yet. */
export function someBegun(userId = newId()): Begun {
  return { id: newId(), userId, requested: [{ productId: 'mug', quantity: 2 }], currency: 'USD' };
}

/** Its items as `products` would reserve them. */
export function itemsOf({ requested }: Begun, unitPriceMinor = 899): ReservedItem[] {
  return requested.map((wanted) => ({ ...wanted, generation: 'first', name: 'A mug', unitPriceMinor }));
}

/** A request of its owner. */
export function contextFor({ userId }: Begun, changes: Partial<RequestContext> = {}): RequestContext {
  return contextOf(userCaller('customer', userId), changes);
}

/** Opens the store; call `close` in `afterAll`. */
export async function openPurchaseSteps() {
  const redis = await openReachableRedis('purchases');
  const looker = await operator();
  const store = { ...createPurchaseWrites(redis.writes), ...createPurchaseReads(redis.reads) };

  async function begin(begun = someBegun()): Promise<Begun> {
    const bound = await store.begin(begun, contextFor(begun));
    expect(bound).toEqual({ id: begun.id, replayed: false });
    return begun;
  }

  function complete(begun: Begun, items = itemsOf(begun)) {
    return store.complete(begun, { eventId: '5-0', at: 5, items }, newId(), soon());
  }

  function fail(begun: Begun) {
    return store.fail(begun, soldOut, newId(), soon());
  }

  async function historyTypes({ id }: Begun): Promise<string[] | undefined> {
    return (await store.history(id, 'read-your-writes', soon()))?.events.map((event) => event.type);
  }

  /** The statuses by whose lists a purchase is found, for its owner and for all. */
  async function listedAs({ id, userId }: Begun): Promise<string[]> {
    const found: string[] = [];
    for (const status of ['pending', 'completed', 'failed', 'cancelled'] as Status[]) {
      const scores = await Promise.all(
        [userId, 'all'].map((whose) => looker.call('ZSCORE', listKey(whose, status), id)),
      );
      expect(scores[0]).toEqual(scores[1]);
      if (scores[0] !== null) found.push(status);
    }
    return found;
  }

  async function isUnfinished(what: 'pending' | 'release-pending', { id }: Begun): Promise<boolean> {
    return (await looker.call('ZSCORE', unfinishedKey(what), id)) !== null;
  }

  return {
    store,
    looker,
    begin,
    complete,
    fail,
    historyTypes,
    listedAs,
    isUnfinished,
    close() {
      redis.close();
      looker.disconnect();
    },
  };
}

/** Counts the commands on a key that reach a replica. By a plain socket: ioredis sometimes takes a line of MONITOR for a reply. */
export async function watchReplica(key: string): Promise<{ count(): number; close(): void }> {
  const { redisPorts, passwords } = inject('redis');
  const password = passwords.operator ?? '';
  for (const port of redisPorts) {
    const redis = new Redis({ port, username: 'operator', password, protocol: 2, disableClientInfo: true });
    const [role] = (await redis.role()) as unknown[];
    redis.disconnect();
    if (role !== 'slave') continue;
    const socket = createConnection(port, '127.0.0.1');
    let seen = '';
    socket.on('data', (chunk) => {
      seen += chunk.toString();
    });
    socket.write(`AUTH operator ${password}\r\nMONITOR\r\n`);
    await waitFor('the replica to be watched', () => seen.startsWith('+OK\r\n+OK\r\n'));
    return {
      count: () => seen.split('\r\n').filter((line) => /"hset"/i.test(line) && line.includes(`"${key}"`)).length,
      close: () => socket.destroy(),
    };
  }
  throw new Error('there is no replica');
}
