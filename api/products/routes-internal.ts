/** The routes of `products` for `purchases`. */
import type { Logger } from 'pino';
import { releaseStock, reserveStock, reserveStockOfGroup, sentItem } from '../contracts/calls.ts';
import { type Route, route } from '../http/route.ts';
import type { createReservationRules } from './reservations.ts';
import { releaseIn, reservationGroupIn, reservationIn } from './schema.ts';
import type { Reservation } from './store-reservations.ts';

/** The route table. All are safe to repeat under the purchases' ids, so none needs an Idempotency-Key. */
export function internalRoutes(rules: ReturnType<typeof createReservationRules>, log: Pick<Logger, 'info'>): Route[] {
  return [
    route({
      method: 'post',
      path: reserveStock.path,
      access: 'service',
      callers: reserveStock.callers,
      summary: 'Takes all items of a purchase from stock, or none.',
      body: reservationIn,
      response: { status: 200, body: reserveStock.output },
      handle: async ({ body, context }) => {
        return { status: 200, body: sent(await rules.reserve(body.purchaseId, body.items, context)) };
      },
    }),
    route({
      method: 'post',
      path: reserveStockOfGroup.path,
      access: 'service',
      callers: reserveStockOfGroup.callers,
      summary: 'Takes the items of several purchases from stock: of each all, or none.',
      body: reservationGroupIn,
      response: { status: 200, body: reserveStockOfGroup.output },
      handle: async ({ body: { reservations }, context }) => {
        const requestIds = reservations.map((each) => each.requestId);
        log.info({ requestId: context.requestId, requestIds }, 'reserves stock for several requests');
        const all = reservations.map(({ purchaseId, items, requestId }) =>
          rules.reserve(purchaseId, items, { ...context, requestId }),
        );
        return { status: 200, body: { answers: (await Promise.all(all)).map(sent) } };
      },
    }),
    route({
      method: 'post',
      path: releaseStock.path,
      access: 'service',
      callers: releaseStock.callers,
      summary: 'Gives back what a purchase reserved, exactly once.',
      body: releaseIn,
      response: { status: 200, body: releaseStock.output },
      handle: async ({ body, context }) => {
        return { status: 200, body: await rules.release(body.purchaseId, body.items, context) };
      },
    }),
  ];
}

function sent(reservation: Reservation) {
  return reservation.result === 'reserved' ? { ...reservation, items: reservation.items.map(sentItem) } : reservation;
}
