/** Reads what is there after all: over HTTP as the admin sees it, and on each Redis node as the operator does. */

import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { waitFor } from '../support/wait.ts';
import type { FinalState, History, StoredPurchase } from './history/history.ts';
import { outcomeOf } from './history/outcome.ts';
import { type Account, requestUntilOk } from './load/fixtures.ts';
import { compareNodes, type Nodes, withNodes } from './redis-nodes.ts';

type Page<T> = { data: T[]; nextCursor: string | null };

/** How many histories are read in full, one request each. */
const historiesRead = 60;

/**
 * Waits until nothing is half-done, at most `settleMs`, and reads the state of everything that the history speaks of.
 * @param settleMs what the shop has for finishing what was cut off
 */
export async function readFinalState(
  baseUrl: string,
  nodes: Nodes,
  admin: Account,
  history: History,
  settleMs = 30_000,
): Promise<FinalState> {
  await untilNothingIsPending(nodes, settleMs);
  const get = <T>(path: string): Promise<T> => requestUntilOk(baseUrl, 'GET', path, undefined, admin.token);
  const purchases: StoredPurchase[] = [];
  for (const { userId } of history.fixtures.users) {
    purchases.push(...(await wholeList<StoredPurchase>(get, `/purchases?userId=${userId}&limit=100`)));
  }
  const label = history.fixtures.products[0]?.id.split('-')[0] ?? '';
  const products: FinalState['products'] = [];
  for (const category of [label, `${label}made`]) {
    const list = await wholeList<{ id: string; stock: number; name: string; price: { amount: number } }>(
      get,
      `/products?category=${category}&limit=100`,
    );
    products.push(...list.map(({ id, stock, name, price }) => ({ id, stock, name, price: price.amount })));
  }
  const userIds: string[] = [];
  for (const operation of history.operations) {
    const outcome = outcomeOf(operation);
    if (operation.kind !== 'sign-up' || outcome.kind !== 'ok') continue;
    const { id } = outcome.body as { id: string };
    if (await exists(`${baseUrl}/users/${id}`, admin.token)) userIds.push(id);
  }
  const histories: FinalState['histories'] = {};
  for (const { id } of interesting(purchases)) {
    const { data } = await get<Page<{ type: string }>>(`/purchases/${id}/events`);
    histories[id] = data.map(({ type }) => type);
  }
  return {
    purchases,
    products,
    userIds,
    histories,
    foldedStock: await foldStock(nodes, label, purchases),
    ...(await compareNodes(nodes)),
  };
}

/** Whether a resource is there: repeated until the answer says yes or no. */
function exists(url: string, token: string): Promise<boolean> {
  const headers = { authorization: `Bearer ${token}` };
  return waitFor(
    `an answer from ${url}`,
    async () => {
      const { status } = await fetch(url, { headers, signal: AbortSignal.timeout(12_000) });
      return status === 200 ? 'yes' : status === 404 ? 'no' : undefined;
    },
    30_000,
    200,
  ).then((answer) => answer === 'yes');
}

/** Those that went another way than most, and some of the rest. */
function interesting(purchases: readonly StoredPurchase[]): StoredPurchase[] {
  const others = purchases.filter(({ status }) => status !== 'completed' && status !== 'failed');
  const usual = purchases.filter(({ status }) => status === 'completed' || status === 'failed');
  return [...others, ...usual].slice(0, historiesRead);
}

async function wholeList<T>(get: <A>(path: string) => Promise<A>, path: string): Promise<T[]> {
  const all: T[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const page: Page<T> = await get(cursor === '' ? path : `${path}&cursor=${encodeURIComponent(cursor)}`);
    all.push(...page.data);
    cursor = page.nextCursor;
  }
  return all;
}

/** Purchases that are pending, and cancelled ones whose stock is not back. What is left after `settleMs` is found by the checker. */
function untilNothingIsPending(nodes: Nodes, settleMs: number): Promise<void> {
  return withNodes(nodes, async ([master]) => {
    const untilMs = performance.now() + settleMs;
    while (master !== undefined && performance.now() < untilMs) {
      const pipeline = master.pipeline().zcard('{purchases}:pending').zcard('{purchases}:release-pending');
      const left = (await pipeline.exec())?.reduce((sum, [, count]) => sum + Number(count), 0);
      if (left === 0) return;
      await delay(200);
    }
  });
}

/**
 * What the events of `products` make of the stock of each product of the run; how much a purchase took is said by the purchase. Where events have
 * ended (after ten minutes by the master's clock, which may be wrong), it says nothing about products whose creation is not among the rest.
 */
function foldStock(nodes: Nodes, label: string, purchases: readonly StoredPurchase[]): Promise<Record<string, number>> {
  const itemsOf = new Map(purchases.map(({ id, items }) => [id, items]));
  const reserved = new Set<string>();
  return withNodes(nodes, async ([master]) => {
    const stock: Record<string, number> = {};
    const created = new Set<string>();
    const add = (id: string, amount: number) => {
      if (id.startsWith(`${label}-`)) stock[id] = (stock[id] ?? 0) + amount;
    };
    const addItems = (purchaseId: string, sign: 1 | -1) => {
      for (const { productId, quantity } of itemsOf.get(purchaseId) ?? []) add(productId, sign * quantity);
    };
    let from = '-';
    for (;;) {
      const entries = (await master?.xrange('{products}:events', from, '+', 'COUNT', 2000)) ?? [];
      for (const [, flat] of entries) {
        const field = (name: string) => flat[flat.indexOf(name) + 1] ?? '';
        const data = JSON.parse(field('data'));
        const type = field('type');
        if (type === 'product.created') {
          created.add(data.productId);
          add(data.productId, data.stock);
        } else if (type === 'product.restocked') add(data.productId, data.delta);
        else if (type === 'product.reserved') {
          reserved.add(data.purchaseId);
          addItems(data.purchaseId, -1);
        } else if (type === 'product.released' && reserved.has(data.purchaseId)) addItems(data.purchaseId, 1);
      }
      const last = entries.at(-1)?.[0];
      if (last === undefined) {
        const known = Object.entries(stock).filter(([id]) => created.has(id));
        return (await haveEventsEnded(master)) ? Object.fromEntries(known) : stock;
      }
      from = `(${last}`;
    }
  });
}

/** Whether the stream of `products` once had more entries than now. */
async function haveEventsEnded(master: Redis | undefined): Promise<boolean> {
  const info = (await master?.xinfo('STREAM', '{products}:events')) as (string | number)[];
  const field = (name: string) => Number(info[info.indexOf(name) + 1]);
  return field('entries-added') > field('length');
}
