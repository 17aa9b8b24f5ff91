/**
 * Whether requests take longer in a large shop: the time of one request after the other in a shop with a thousand products and purchases and in
 * one with many of each. Both run at the same time and are measured in turns, so that what else the machine does concerns both.
 */
import type { Redis } from 'ioredis';
import type { Shop } from '../../ops/local/shop.ts';
import { type SignedIn, shopClient, signIn, signUp } from '../support/client.ts';
import { importProducts, plainProduct } from './import.ts';
import { openShop, purchaseBody } from './load.ts';
import { median } from './pairs.ts';
import { seedPurchases } from './seed-purchases.ts';
import { operatorOf, reportSlowCommands } from './subjects.ts';
import { runWrk, type WrkLoad } from './wrk.ts';

const small = 1000;
const rounds = 3;
const seconds = 2;
const goal = 1.5;

/** A shop of one size, with its requests. */
type Sized = {
  readonly shop: Shop;
  readonly nodes: readonly Redis[];
  /** The requests by name, with a token that lives for five minutes more. */
  loads(): Promise<Map<string, WrkLoad>>;
  close(): Promise<void>;
};

/** Prints the median p50 of each request for both sizes. @param large the other size */
export async function benchSize(large: number): Promise<void> {
  const shops: Sized[] = [];
  try {
    for (const count of [small, large]) shops.push(await openSized(count));
    const nodes = shops.flatMap((each) => each.nodes);
    for (const node of nodes) await node.call('SLOWLOG', 'RESET');
    const times = new Map<string, number[][]>();
    for (let round = 0; round <= rounds; round++) await measureRound(shops, times, round > 0);
    console.log(
      `\n| p50 in ms | ${small} products and purchases | ${large} | ratio (goal: at most ${goal}) |\n|---|---|---|---|`,
    );
    for (const [name, [before = [], after = []]] of times) {
      const ratio = median(after.map((ms, i) => ms / (before[i] ?? Number.NaN)));
      console.log(`| ${name} | ${median(before).toFixed(2)} | ${median(after).toFixed(2)} | ${ratio.toFixed(2)} |`);
    }
    await reportSlowCommands(nodes);
  } finally {
    for (const each of shops) await each.close();
  }
}

/** Measures each request in each shop. The first round only warms up. */
async function measureRound(
  shops: readonly Sized[],
  times: Map<string, number[][]>,
  isCounted: boolean,
): Promise<void> {
  const loads = await Promise.all(shops.map((each) => each.loads()));
  for (const name of loads[0]?.keys() ?? []) {
    const found = times.get(name) ?? shops.map(() => []);
    times.set(name, found);
    for (const [i, { shop }] of shops.entries()) {
      const load = loads[i]?.get(name);
      if (load === undefined) continue;
      const { p50 } = await runWrk(shop.httpUrl, 1, isCounted ? seconds : 1, load);
      if (isCounted) found[i]?.push(p50);
    }
  }
}

/** Starts a shop and fills it with `count` products and purchases. */
async function openSized(count: number): Promise<Sized> {
  const { shop, close: end } = await openShop({ redisMaxMemory: '8gb' });
  const nodes = await operatorOf(shop);
  const close = () => {
    for (const node of nodes) node.disconnect();
    return end();
  };
  try {
    const { ids, perSecond } = await importProducts(shop, count, plainProduct);
    console.log(`${count} products, imported at ${perSecond.toFixed(0)} a second`);
    const client = shopClient(shop.httpUrl);
    const buyer = await signUp(client);
    await seedPurchases(shop, count, ids, buyer.id);
    await shop.waitUntilHealthy(); // a replica may load all of it anew
    const farPage = await pathOfPage(client, Math.min(1000, ids.length / 20 - 2));
    return { shop, nodes, close, loads: () => loadsOf(shop, ids, buyer, farPage) };
  } catch (error) {
    await close();
    throw error;
  }
}

/** All with a token: Nginx has none of the answers. */
async function loadsOf(
  { httpUrl }: Shop,
  ids: readonly string[],
  { email, password }: SignedIn,
  farPage: string,
): Promise<Map<string, WrkLoad>> {
  const { token } = await signIn(shopClient(httpUrl), email, password);
  const headers = { authorization: `Bearer ${token}` };
  const get = (paths: readonly string[]): WrkLoad => ({ method: 'GET', headers, paths });
  const some = Array.from({ length: 1000 }, (_, i) => ids[Math.floor((i * ids.length) / 1000)] ?? '');
  const categories = Array.from({ length: 40 }, (_, i) => `c${Math.floor((i * ids.length) / 20 / 40)}`);
  const bodies = some.map(purchaseBody);
  return new Map<string, WrkLoad>([
    ['read', get(some.map((id) => `/products/${id}`))],
    ['search for a word', get(some.map((_, i) => `/products?q=${Math.floor((i * ids.length) / 1000)}x`))],
    ['filter by category', get(categories.map((each) => `/products?category=${each}`))],
    ['sort by price, page 1', get(['/products?sort=price'])],
    ['newest, page 1', get(['/products'])],
    ['newest, a page far behind', get([farPage])],
    ['purchase', { method: 'POST', headers, paths: ['/purchases'], bodies }],
    ['history of purchases', get(['/purchases'])],
  ]);
}

/** The address of a page of the catalogue, found by walking to it. */
async function pathOfPage(client: ReturnType<typeof shopClient>, page: number): Promise<string> {
  let path = '/products?limit=20';
  for (let i = 1; i < page; i++) {
    const { body } = await client('GET', path);
    path = `/products?limit=20&cursor=${encodeURIComponent(body.nextCursor)}`;
  }
  return path;
}
