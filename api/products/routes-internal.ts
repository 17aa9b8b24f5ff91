/** The routes of `products` for `purchases`. */
import { releaseStock, reserveStock, sentItem } from '../contracts/calls.ts';
import { type Route, route } from '../http/route.ts';
import type { createReservationRules } from './reservations.ts';
import { releaseIn, reservationIn } from './schema.ts';

/** The route table. Both are safe to repeat under the purchase's id, so neither needs an Idempotency-Key. */
export function internalRoutes(rules: ReturnType<typeof createReservationRules>): Route[] {
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
        const reserved = await rules.reserve(body.purchaseId, body.items, context);
        const sent = reserved.result === 'reserved' ? { ...reserved, items: reserved.items.map(sentItem) } : reserved;
        return { status: 200, body: sent };
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
