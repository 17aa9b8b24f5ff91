/** The routes of `products` for `purchases`. */
import { releaseStock, reserveStock, sentItem } from '../contracts/calls.ts';
import { type Refusal, refuse } from '../core/outcome.ts';
import type { RequestContext } from '../core/request.ts';
import { type Answer, type Route, route } from '../http/route.ts';
import type { createReservationRules } from './reservations.ts';
import { releaseIn, reservationIn } from './schema.ts';

/** The route table. Both are safe to repeat under the purchase's id, so neither needs an Idempotency-Key. */
export function internalRoutes(rules: ReturnType<typeof createReservationRules>): Route[] {
  return [
    route({
      method: 'post',
      path: reserveStock.path,
      access: 'service',
      summary: 'Takes all items of a purchase from stock, or none.',
      body: reservationIn,
      response: { status: 200, body: reserveStock.output },
      handle: ({ body, context }) =>
        forPurchases(context, async () => {
          const reserved = await rules.reserve(body.purchaseId, body.items, context);
          return reserved.result === 'reserved' ? { ...reserved, items: reserved.items.map(sentItem) } : reserved;
        }),
    }),
    route({
      method: 'post',
      path: releaseStock.path,
      access: 'service',
      summary: 'Gives back what a purchase reserved, exactly once.',
      body: releaseIn,
      response: { status: 200, body: releaseStock.output },
      handle: ({ body, context }) => forPurchases(context, () => rules.release(body.purchaseId, body.items, context)),
    }),
  ];
}

async function forPurchases({ caller }: RequestContext, answer: () => Promise<unknown>): Promise<Answer | Refusal> {
  if (caller.kind === 'service' && caller.service === 'purchases') return { status: 200, body: await answer() };
  return refuse('forbidden', 'Only purchases may take stock and give it back.');
}
