/** The routes of `purchases`, and how a purchase is shown. */
import { rfc3339 } from '../core/clock.ts';
import { isRefusal, type Written, written } from '../core/outcome.ts';
import { signedIn } from '../core/request.ts';
import type { ServiceRoutes } from '../http/app.ts';
import { answerPage, type Cursors } from '../http/lists.ts';
import { type Answer, type Route, route } from '../http/route.ts';
import type { Purchase } from './record.ts';
import {
  historyOut,
  type PurchaseOut,
  purchaseIn,
  purchaseOut,
  purchaseParams,
  purchasesOut,
  purchasesQuery,
  type StoredEvent,
} from './schema.ts';
import type { PurchaseRules } from './service.ts';

/** Makes the routes. */
export function purchaseRoutes(service: PurchaseRules, cursors: Cursors): ServiceRoutes {
  return {
    routes: [buyRoute(service), listRoute(service, cursors), ...readRoutes(service), cancelRoute(service)],
    internal: [],
  };
}

function buyRoute(service: PurchaseRules): Route {
  return route({
    method: 'post',
    path: '/',
    access: 'user',
    operationId: 'buy',
    summary:
      'Buy all the items or none. After a 503 repeat the request with the same Idempotency-Key: it finds the same purchase. A repetition gets the answer of the completion, even if the purchase has been cancelled since. A purchase that is cancelled before it completes is answered as cancelled.',
    body: purchaseIn,
    response: { status: 201, body: purchaseOut, etag: true },
    problems: ['insufficient-stock', 'unknown-product'],
    idempotent: true,
    rejectWhenFull: true,
    limit: 'purchase',
    async handle({ body, context }) {
      const result = await service.buy(signedIn(context), body.items, context);
      return isRefusal(result) ? result : { ...shown(result), status: 201, location: `/purchases/${result.value.id}` };
    },
  });
}

function listRoute(service: PurchaseRules, cursors: Cursors): Route {
  return route({
    method: 'get',
    path: '/',
    access: 'user',
    operationId: 'listPurchases',
    summary: 'List your purchases, newest first. An admin gets those of all users, or of one by userId.',
    query: purchasesQuery,
    response: { status: 200, body: purchasesOut },
    problems: ['forbidden'],
    async handle({ query, context }) {
      const { limit, cursor, userId, status } = query;
      const whose = service.scope(signedIn(context), { userId, status });
      if (isRefusal(whose)) return whose;
      const question = { list: 'purchases', whose, status: status ?? 'any' };
      const read = (after: string | undefined, most: number) =>
        service.list(whose, status, { after, limit: most }, context);
      return answerPage(cursors, question, { limit, cursor }, read, showPurchase);
    },
  });
}

/** A purchase and its history. */
function readRoutes(service: PurchaseRules): Route[] {
  return [
    route({
      method: 'get',
      path: '/:id',
      access: 'user',
      operationId: 'getPurchase',
      summary: 'Read a purchase of yours, or as an admin any purchase.',
      params: purchaseParams,
      response: { status: 200, body: purchaseOut, etag: true },
      async handle({ params, context }) {
        const purchase = await service.get(signedIn(context), params.id, context);
        return isRefusal(purchase) ? purchase : shown(written(purchase, false));
      },
    }),
    route({
      method: 'get',
      path: '/:id/events',
      access: 'user',
      operationId: 'listPurchaseEvents',
      summary: 'Read the history of a purchase, oldest event first.',
      params: purchaseParams,
      response: { status: 200, body: historyOut, etag: true },
      async handle({ params, context }) {
        const found = await service.events(signedIn(context), params.id, context);
        // A history only grows, so that its length is its version.
        return isRefusal(found)
          ? found
          : { status: 200, body: { data: found.map(showEvent) }, etag: `${found.length}-events` };
      },
    }),
  ];
}

function cancelRoute(service: PurchaseRules): Route {
  return route({
    method: 'post',
    path: '/:id/cancel',
    access: 'user',
    operationId: 'cancelPurchase',
    summary: 'Cancel a purchase. Its stock is given back once, however often this is called.',
    params: purchaseParams,
    response: { status: 200, body: purchaseOut, etag: true },
    problems: ['precondition-failed', 'not-cancellable'],
    idempotent: true,
    async handle({ params, context }) {
      const result = await service.cancel(signedIn(context), params.id, context);
      return isRefusal(result) ? result : shown(result);
    },
  });
}

function shown({ value: purchase, replayed }: Written<Purchase>): Answer {
  return { status: 200, body: showPurchase(purchase), etag: String(purchase.version), replayed };
}

/** A purchase as the contract shows it; see {@link purchaseOut} for what is null when. */
export function showPurchase(purchase: Purchase): PurchaseOut {
  const { currency, totalMinor, failure } = purchase;
  const taken = new Map(purchase.items.map((item) => [item.productId, item]));
  return {
    id: purchase.id,
    userId: purchase.userId,
    status: purchase.status,
    items: purchase.requested.map(({ productId, quantity }) => {
      const item = taken.get(productId);
      return {
        productId,
        name: item?.name ?? null,
        quantity,
        unitPrice: item === undefined ? null : { amount: item.unitPriceMinor, currency },
      };
    }),
    total: totalMinor === undefined ? null : { amount: totalMinor, currency },
    createdAt: rfc3339(purchase.createdAtMs),
    updatedAt: rfc3339(purchase.updatedAtMs),
    ...(failure === undefined ? {} : { failure }),
  };
}

function showEvent(event: StoredEvent) {
  return { ...event, at: rfc3339(event.at) };
}
