/** The routes of `products` for clients. */
import { addressIdentity } from '../core/address.ts';
import { rfc3339 } from '../core/clock.ts';
import { isRefusal, type Refusal } from '../core/outcome.ts';
import type { RequestContext } from '../core/request.ts';
import type { HandlerLimits } from '../http/limits.ts';
import { answerPage, type Cursors } from '../http/lists.ts';
import { type Answer, type Route, route } from '../http/route.ts';
import { wordsOfText } from './indexes.ts';
import type { Product } from './record.ts';
import {
  type ListQuery,
  listOut,
  listQuery,
  type ProductOut,
  productOut,
  productParams,
  type productSchemas,
  type Question,
} from './schema.ts';
import type { Search } from './search.ts';
import type { Page } from './search-page.ts';
import { planOf } from './search-plan.ts';
import { createSearchQueue, usualQueueBounds } from './search-queue.ts';
import { type Done, type Rules, tagOf } from './service.ts';

/** The route table. @param schemas of the bodies, in the shop's currency */
export function productRoutes(
  rules: Rules,
  search: Search,
  cursors: Cursors,
  schemas: ReturnType<typeof productSchemas>,
  limits: Pick<HandlerLimits, 'add'>,
): Route[] {
  const queue = createSearchQueue<Page>(usualQueueBounds, addressIdentity);
  return [
    route({
      method: 'post',
      path: '/',
      access: 'admin',
      operationId: 'createProduct',
      summary: 'Makes a product, under the shop’s own code or an id made here.',
      body: schemas.create,
      response: { status: 201, body: productOut, etag: true },
      problems: ['product-exists'],
      idempotent: true,
      rejectWhenFull: true,
      handle: async ({ body, context }) => one(await rules.create(body, context), 201),
    }),
    route({
      method: 'get',
      path: '/',
      access: 'anyone',
      operationId: 'listProducts',
      summary: 'Lists products by category, company, words, price and stock.',
      query: listQuery,
      response: { status: 200, body: listOut },
      public: true,
      limit: 'search',
      handle: list,
    }),
    route({
      method: 'get',
      path: '/:id',
      access: 'anyone',
      operationId: 'getProduct',
      summary: 'Shows a product.',
      params: productParams,
      response: { status: 200, body: productOut, etag: true },
      public: true,
      async handle({ params, context }) {
        const found = await rules.get(params.id, context);
        return isRefusal(found) ? found : { status: 200, body: shown(found), etag: tagOf(found) };
      },
    }),
    route({
      method: 'patch',
      path: '/:id',
      access: 'admin',
      operationId: 'updateProduct',
      summary: 'Changes fields of a product; its stock changes by its own call.',
      params: productParams,
      body: schemas.update,
      response: { status: 200, body: productOut, etag: true },
      problems: ['precondition-failed'],
      idempotent: true,
      handle: async ({ params, body, context }) => one(await rules.update(params.id, body, context), 200),
    }),
    route({
      method: 'delete',
      path: '/:id',
      access: 'admin',
      operationId: 'deleteProduct',
      summary: 'Deletes a product; purchases keep what they bought.',
      params: productParams,
      response: { status: 204 },
      problems: ['precondition-failed'],
      idempotent: true,
      async handle({ params, context }) {
        const removed = await rules.remove(params.id, context);
        return isRefusal(removed) ? removed : { status: 204, replayed: removed.replayed };
      },
    }),
    route({
      method: 'post',
      path: '/:id/stock',
      access: 'admin',
      operationId: 'changeStock',
      summary: 'Adds to the stock of a product, or takes from it.',
      params: productParams,
      body: schemas.restock,
      response: { status: 200, body: productOut, etag: true },
      problems: ['precondition-failed', 'insufficient-stock'],
      idempotent: true,
      handle: async ({ params, body, context }) => one(await rules.restock(params.id, body.delta, context), 200),
    }),
  ];

  async function list({ query, context }: { query: ListQuery; context: RequestContext }) {
    const { limit, cursor, ...question } = query;
    const read = async (after: string | undefined, most: number) => {
      const page = await pageOf(question, most, after, context);
      return isRefusal(page) ? page : { items: page.products, last: page.last ?? undefined };
    };
    return answerPage(cursors, question, { limit, cursor }, read, shown);
  }

  /** A page. One that has to look for its products waits for its turn, and is shared by callers who need not see their own last write. */
  async function pageOf(question: Question, limit: number, after: string | undefined, context: RequestContext) {
    if (!planOf(question, after).isFiltered) return search.page(question, limit, after, context);
    const key = context.consistency === 'bounded-staleness' ? keyOf(question, limit, after) : undefined;
    return queue.run(key, context, async (signal) => {
      const page = await search.page(question, limit, after, { ...context, signal });
      limits.add('search-work', context.caller, Math.ceil(page.work.ms));
      return page;
    });
  }
}

/** What all searches share that have the same page for an answer. */
function keyOf({ q, ...question }: Question, limit: number, after: string | undefined): string {
  return JSON.stringify([q === undefined ? [] : wordsOfText(q), question, limit, after]);
}

function one(outcome: Done<Product> | Refusal, status: 200 | 201): Answer | Refusal {
  if (isRefusal(outcome)) return outcome;
  const { value, replayed } = outcome;
  const location = status === 201 ? { location: `/products/${value.doc.id}` } : {};
  return { status, body: shown(value), etag: tagOf(value), replayed, ...location };
}

function shown({ doc, stock, updatedAt }: Product): ProductOut {
  const { id, name, description, category, company, manufacturedAt, priceMinor, currency, createdAt } = doc;
  const price = { amount: priceMinor, currency };
  const times = { createdAt: rfc3339(createdAt), updatedAt: rfc3339(updatedAt) };
  return { id, name, description, category, company, manufacturedAt, price, stock, ...times };
}
