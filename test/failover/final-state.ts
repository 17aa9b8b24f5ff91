/** Reads what is there after all: over HTTP as the admin sees it, and on each Redis node as the operator does. */
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { waitFor } from '../support/wait.ts';
import type { FinalState, History, StoredPurchase } from './ledger/ledger.ts';
import { outcomeOf } from './ledger/outcome.ts';
import { type Account, requestUntilOk } from './load/fixtures.ts';

/** Where the nodes are and how the operator gets in. */
export type Nodes = { readonly ports: readonly number[]; readonly password: string };

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
  await untilNothingIsOwed(nodes, settleMs);
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
    foldedStock: await foldStock(nodes, label),
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

/** A connection as the operator; disconnect it. */
export function operatorOn(port: number, password: string): Redis {
  const redis = new Redis({
    port,
    username: 'operator',
    password,
    protocol: 2,
    disableClientInfo: true,
    commandTimeout: 5000,
  });
  redis.on('error', () => undefined);
  return redis;
}

/** Runs with connections to all nodes, the master's first. Waits until there is one master and all others follow it. */
export async function withNodes<T>({ ports, password }: Nodes, run: (nodes: Redis[]) => Promise<T>): Promise<T> {
  const all = ports.map((port) => operatorOn(port, password));
  try {
    const master = await waitFor(
      'one master that all others follow',
      async () => {
        const roles = (await Promise.all(all.map((node) => node.role()))) as unknown[][];
        const masters = all.filter((_, i) => roles[i]?.[0] === 'master');
        const port = masters[0]?.options.port;
        const followers = roles.filter((role) => role[0] === 'slave' && role[2] === port && role[3] === 'connected');
        return masters.length === 1 && followers.length === all.length - 1 ? masters[0] : undefined;
      },
      60_000,
      200,
    );
    return await run([master, ...all.filter((node) => node !== master)]);
  } finally {
    for (const node of all) node.disconnect();
  }
}

/** Purchases that are pending, and cancelled ones whose stock is not back. What is left after `settleMs` is found by the checker. */
function untilNothingIsOwed(nodes: Nodes, settleMs: number): Promise<void> {
  return withNodes(nodes, async ([master]) => {
    const untilMs = performance.now() + settleMs;
    while (master !== undefined && performance.now() < untilMs) {
      const pipeline = master.pipeline().zcard('{purchases}:pending').zcard('{purchases}:owed');
      const left = (await pipeline.exec())?.reduce((sum, [, count]) => sum + Number(count), 0);
      if (left === 0) return;
      await delay(200);
    }
  });
}

/** What the events of `products` make of the stock of each product of the run. */
function foldStock(nodes: Nodes, label: string): Promise<Record<string, number>> {
  return withNodes(nodes, async ([master]) => {
    const stock: Record<string, number> = {};
    const add = (id: string, amount: number) => {
      if (id.startsWith(`${label}-`)) stock[id] = (stock[id] ?? 0) + amount;
    };
    let from = '-';
    for (;;) {
      const entries = (await master?.xrange('{products}:events', from, '+', 'COUNT', 2000)) ?? [];
      for (const [, flat] of entries) applyStockEvent(flat, add);
      const last = entries.at(-1)?.[0];
      if (last === undefined) return stock;
      from = `(${last}`;
    }
  });
}

/** One entry of the stream of `products`: fields and values in turn. */
function applyStockEvent(flat: readonly string[], add: (id: string, amount: number) => void): void {
  const field = (name: string) => flat[flat.indexOf(name) + 1] ?? '';
  const data = JSON.parse(field('data'));
  const items: { productId: string; quantity: number }[] = data.items ?? [];
  const type = field('type');
  if (type === 'product.created') add(data.productId, data.stock);
  if (type === 'product.restocked') add(data.productId, data.delta);
  const sign = { 'product.reserved': -1, 'product.released': 1 }[type] ?? 0;
  for (const { productId, quantity } of items) add(productId, sign * quantity);
}

/** Waits until all nodes have the same offset, and digests the keys and values of each. */
function compareNodes(nodes: Nodes): Promise<Pick<FinalState, 'digests' | 'differing'>> {
  return withNodes(nodes, async (connections) => {
    const contents = new Map<string, Map<string, string>>();
    for (let attempt = 0; attempt < 5; attempt++) {
      await untilInStep(connections);
      contents.clear();
      for (const node of connections) contents.set(String(node.options.port), await contentOf(node));
      if (new Set([...contents.values()].map(digest)).size === 1) break;
      await delay(500); // the shop's own background work may write between two of the three
    }
    const [first, ...rest] = [...contents.values()];
    const keys = new Set([...contents.values()].flatMap((content) => [...content.keys()]));
    const differing = [...keys].filter((key) => rest.some((content) => content.get(key) !== first?.get(key)));
    const digests = Object.fromEntries([...contents].map(([port, content]) => [port, digest(content)]));
    return { digests, differing: differing.slice(0, 20) };
  });
}

async function untilInStep([master, ...replicas]: readonly Redis[]): Promise<void> {
  const untilMs = performance.now() + 20_000;
  const offset = async (node: Redis, name: string) =>
    Number(new RegExp(`${name}:(\\d+)`).exec(await node.info('replication'))?.[1]);
  while (master !== undefined && performance.now() < untilMs) {
    const wanted = await offset(master, 'master_repl_offset');
    const reached = await Promise.all(replicas.map((node) => offset(node, 'slave_repl_offset')));
    if (reached.every((each) => each >= wanted)) return;
    await delay(100);
  }
}

const digest = (content: ReadonlyMap<string, string>) => hash([...content].sort().join('\n'));
const hash = (text: string) => createHash('sha1').update(text).digest('base64url');

/** Every key with a hash of its value, the same whatever order and encoding a node keeps it in. Counters of limits are no state. */
async function contentOf(node: Redis): Promise<Map<string, string>> {
  const content = new Map<string, string>();
  let cursor = '0';
  do {
    const [next, keys] = await node.scan(cursor, 'COUNT', 2000);
    cursor = next;
    const types = await pipelined(node, keys, (pipeline, key) => pipeline.type(key));
    const values = await pipelined(
      node,
      keys,
      (pipeline, key, i) => readers[String(types[i])]?.(pipeline, key) ?? pipeline.ping(),
    );
    for (const [i, key] of keys.entries()) content.set(key, hash(canonical(String(types[i]), values[i])));
  } while (cursor !== '0');
  return content;
}

type Pipeline = ReturnType<Redis['pipeline']>;

async function pipelined(
  node: Redis,
  keys: readonly string[],
  add: (pipeline: Pipeline, key: string, i: number) => Pipeline,
) {
  const pipeline = node.pipeline();
  for (const [i, key] of keys.entries()) add(pipeline, key, i);
  return ((await pipeline.exec()) ?? []).map(([, value]) => value);
}

const readers: Record<string, (pipeline: Pipeline, key: string) => Pipeline> = {
  string: (pipeline, key) => pipeline.get(key),
  hash: (pipeline, key) => pipeline.hgetall(key),
  set: (pipeline, key) => pipeline.smembers(key),
  zset: (pipeline, key) => pipeline.zrange(key, '0', '-1', 'WITHSCORES'),
  list: (pipeline, key) => pipeline.lrange(key, 0, -1),
  stream: (pipeline, key) => pipeline.xrange(key, '-', '+'),
};

function canonical(type: string, value: unknown): string {
  if (type === 'hash') return JSON.stringify(Object.entries(value as object).sort());
  if (type === 'set') return JSON.stringify([...(value as string[])].sort());
  return JSON.stringify(value);
}
