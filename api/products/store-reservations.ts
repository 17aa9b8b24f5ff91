/** Stock that purchases take and give back: the only caller of reserve.lua and release.lua. */
import { z } from 'zod';
import {
  type ItemToRelease,
  type ReservedItem,
  receivedItem,
  type releaseStock,
  type reserveStock,
} from '../contracts/calls.ts';
import { eventStream } from '../contracts/events.ts';
import type { Wanted } from '../contracts/wanted.ts';
import type { Deadline } from '../core/clock.ts';
import type { Reply } from '../redis/define-script.ts';
import type { ShopRedis } from '../redis/open.ts';
import { runScript } from '../redis/run-script.ts';
import { productKey, refusalKeptMs, reservationKeptMs, reservationKey } from './keys.ts';
import { scripts } from './scripts.ts';

/** Result of a reservation; see the call's contract. */
export type Reservation = z.infer<typeof reserveStock.output>;
/** Result of a release; see the call's contract. */
export type Release = z.infer<typeof releaseStock.output>;
/** The items of a release (JSON), and whether they are from the reservation's record or, without a record, from the caller. */
type ReleaseSource = { readonly from: 'recorded' | 'caller'; readonly items: string };

/** See {@link createReservations}. */
export type Reservations = ReturnType<typeof createReservations>;

/** Items as they are stored: [productId, generation, name, quantity, unitPriceMinor] of each; 5eb7839 stored objects. */
const storedItems = z.array(
  z.union([
    receivedItem,
    z.tuple([z.string(), z.string(), z.string(), z.int(), z.int()]).transform((item): ReservedItem => {
      const [productId, generation, name, quantity, unitPriceMinor] = item;
      return { productId, generation, name, quantity, unitPriceMinor };
    }),
  ]),
);
const shortItem = z.object({ productId: z.string(), requested: z.int(), available: z.int() });
/** What is short: [place, available] of each; 5eb7839 stored objects. */
const storedShort = z.array(z.union([shortItem, z.tuple([z.int(), z.int()])]));
/** What is unknown: the place of each; 5eb7839 stored the product's id. */
const storedPlaces = z.array(z.union([z.string(), z.int()]));

/** Creates the reservations. Every function throws Unavailable when the deadline comes first, and is safe to repeat. */
export function createReservations(redis: Pick<ShopRedis, 'reads' | 'writes'>) {
  return {
    /** Takes all or nothing. @param wanted each product once */
    async reserve(
      purchaseId: string,
      wanted: readonly Wanted[],
      requestId: string,
      deadline: Deadline,
    ): Promise<Reservation> {
      const keys = {
        reservation: reservationKey(purchaseId),
        stream: eventStream('products'),
        products: wanted.map(({ productId }) => productKey(productId)),
      };
      const args = {
        request: requestId,
        purchase: purchaseId,
        reservedMs: reservationKeptMs,
        refusedMs: refusalKeptMs,
        quantities: wanted.flatMap(({ productId, quantity }) => [productId, quantity]),
      };
      const reply = await runScript(redis.writes, scripts.reserve, { keys, args }, deadline);
      return reservationOf(reply, wanted);
    },

    /** Where a release takes its items from. @param callerItems used when the reservation's record has expired */
    async releaseSource(
      purchaseId: string,
      callerItems: readonly ItemToRelease[],
      deadline: Deadline,
    ): Promise<ReleaseSource> {
      const key = reservationKey(purchaseId);
      const [found] = await redis.reads.query(
        'read-your-writes',
        (pipeline) => pipeline.hmget(key, 'state', 'items'),
        deadline,
      );
      const [state, items] = found as (string | null)[];
      if (state == null) {
        return { from: 'caller', items: jsonOf(callerItems) };
      }
      return { from: 'recorded', items: state === 'reserved' ? (items ?? '[]') : '[]' };
    },

    /** Gives back once. `conflict`: the record has changed since `releaseSource` read it; read it again. */
    async release(
      purchaseId: string,
      source: ReleaseSource,
      requestId: string,
      deadline: Deadline,
    ): Promise<Release | 'conflict'> {
      const items = storedItems.parse(JSON.parse(source.items));
      const keys = {
        reservation: reservationKey(purchaseId),
        stream: eventStream('products'),
        products: items.map(({ productId }) => productKey(productId)),
      };
      const { from, items: json } = source;
      const args = { request: requestId, purchase: purchaseId, keptMs: reservationKeptMs, source: from, items: json };
      const reply = await runScript(redis.writes, scripts.release, { keys, args }, deadline);
      switch (reply.result) {
        case 'released':
          return { result: 'released', eventId: reply.eventId, at: Number(reply.at) };
        case 'conflict':
          return 'conflict';
      }
    },
  };
}

/** What a reservation's reply says of the products that were wanted. */
function reservationOf(reply: Reply<(typeof scripts.reserve)['replies']>, wanted: readonly Wanted[]): Reservation {
  switch (reply.result) {
    case 'reserved': {
      const items = storedItems.parse(JSON.parse(reply.items));
      return { result: 'reserved', eventId: reply.eventId, at: Number(reply.at), items };
    }
    case 'sold-out': {
      const items = storedShort.parse(JSON.parse(reply.short)).map((short) => {
        if (!Array.isArray(short)) return short;
        const [place, available] = short;
        const { productId, quantity } = itemAt(wanted, place);
        return { productId, requested: quantity, available };
      });
      return { result: 'sold-out', items };
    }
    case 'unknown-product': {
      const places = storedPlaces.parse(JSON.parse(reply.places));
      const productIds = places.map((place) => (typeof place === 'string' ? place : itemAt(wanted, place).productId));
      return { result: 'unknown-product', productIds };
    }
    case 'released':
      return { result: 'released' };
  }
}

/** A caller's items in the form of stored ones, as release.lua reads both; it uses neither name nor price. */
function jsonOf(items: readonly ItemToRelease[]): string {
  return JSON.stringify(items.map(({ productId, generation, quantity }) => [productId, generation, '', quantity, 0]));
}

/** What was asked for at a place of the record. @throws when the caller asks for other products than the first time */
function itemAt(wanted: readonly Wanted[], place: number): Wanted {
  const item = wanted[place];
  if (item === undefined) throw new Error('a reservation was repeated with other products');
  return item;
}
