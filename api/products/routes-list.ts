/** The route that lists and searches products. */
import { addressIdentity } from '../core/address.ts';
import { isRefusal } from '../core/outcome.ts';
import type { RequestContext } from '../core/request.ts';
import type { HandlerLimits } from '../http/limits.ts';
import { answerPage, type Cursors } from '../http/lists.ts';
import { type Route, route } from '../http/route.ts';
import { wordsOfText } from './indexes.ts';
import { showProduct } from './routes.ts';
import { type ListQuery, listOut, listQuery, type Question } from './schema.ts';
import type { Search } from './search.ts';
import type { Page } from './search-page.ts';
import { planOf } from './search-plan.ts';
import { createSearchQueue } from './search-queue.ts';
import { usualQueueBounds } from './search-turns.ts';

/** The route. */
export function listRoute(search: Search, cursors: Cursors, limits: Pick<HandlerLimits, 'add'>): Route {
  const queue = createSearchQueue<Page>(usualQueueBounds, addressIdentity);

  return route({
    method: 'get',
    path: '/',
    access: 'anyone',
    operationId: 'listProducts',
    summary: 'List products by category, company, words, price and stock.',
    query: listQuery,
    response: { status: 200, body: listOut },
    public: true,
    limit: 'search',
    handle: list,
  });

  async function list({ query, context }: { query: ListQuery; context: RequestContext }) {
    const { limit, cursor, ...question } = query;
    const read = async (after: string | undefined, most: number) => {
      const page = await pageOf(question, most, after, context);
      return isRefusal(page) ? page : { items: page.products, last: page.last ?? undefined };
    };
    return answerPage(cursors, question, { limit, cursor }, read, showProduct);
  }

  /** A page. A search waits in the queue, and callers without a token share its result, as they need not see their own last write. */
  async function pageOf(question: Question, limit: number, after: string | undefined, context: RequestContext) {
    if (!planOf(question, after).isFiltered) return search.page(question, limit, after, context);
    const key = context.consistency === 'bounded-staleness' ? keyOf(question, limit, after) : undefined;
    const asking = { caller: context.caller, deadline: context.deadline, signal: context.createSignal?.() };
    return queue.run(key, asking, async (signal) => {
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
