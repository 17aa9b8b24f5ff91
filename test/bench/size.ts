/** Whether requests take longer in a large shop: the time of one request after the other with a thousand products and with a million. */
import { type Shop, startShop } from '../../ops/local/shop.ts';
import { shopClient, signUp } from '../support/client.ts';
import { temporarySettings } from '../support/redis-nodes.ts';
import { purchaseBody } from './load.ts';
import { operatorOf, reportSlowCommands, seedCatalogue } from './subjects.ts';
import { runWrk, type WrkLoad } from './wrk.ts';

const small = 1000;
const seconds = 4;
const goal = 1.5;

/** Prints p50 of each request for both sizes. @param large the other size */
export async function benchSize(large: number): Promise<void> {
  const before = await measureShop(small);
  const after = await measureShop(large);
  console.log(
    `\n| p50 in ms | ${small} products | ${large} products | ratio (goal: at most ${goal}) |\n|---|---|---|---|`,
  );
  for (const [name, ms] of before) {
    const later = after.get(name) ?? Number.NaN;
    console.log(`| ${name} | ${ms.toFixed(2)} | ${later.toFixed(2)} | ${(later / ms).toFixed(2)} |`);
  }
}

async function measureShop(count: number): Promise<Map<string, number>> {
  const { settings, remove } = await temporarySettings({ redisMaxMemory: '8gb' });
  const shop = await startShop(settings);
  try {
    const startedMs = performance.now();
    const ids = await seedCatalogue(shop, count);
    console.log(`${count} products, stored in ${((performance.now() - startedMs) / 1000).toFixed(0)} s`);
    const loads = await loadsOf(shop, ids);
    const nodes = await operatorOf(shop);
    for (const node of nodes) await node.call('SLOWLOG', 'RESET');
    const times = new Map<string, number>();
    for (const [name, load] of loads) {
      await runWrk(shop.httpUrl, 1, 1, load);
      times.set(name, (await runWrk(shop.httpUrl, 1, seconds, load)).p50);
    }
    await reportSlowCommands(nodes);
    for (const node of nodes) node.disconnect();
    return times;
  } finally {
    await shop.killAll(); // the data go anyway
    await remove();
  }
}

/** All with a token: Nginx has none of the answers. */
async function loadsOf({ httpUrl }: Shop, ids: readonly string[]): Promise<Map<string, WrkLoad>> {
  const client = shopClient(httpUrl);
  const { token } = await signUp(client);
  const headers = { authorization: `Bearer ${token}` };
  const get = (paths: readonly string[]): WrkLoad => ({ method: 'GET', headers, paths });
  const some = Array.from({ length: 1000 }, (_, i) => ids[Math.floor((i * ids.length) / 1000)] ?? '');
  const categories = Array.from({ length: 40 }, (_, i) => `c${Math.floor((i * ids.length) / 20 / 40)}`);
  const bodies = some.map(purchaseBody);
  const buying: WrkLoad = { method: 'POST', headers, paths: ['/purchases'], bodies };
  await runWrk(httpUrl, 4, 2, buying);
  return new Map<string, WrkLoad>([
    ['read', get(some.map((id) => `/products/${id}`))],
    ['search for a word', get(some.map((_, i) => `/products?q=${Math.floor((i * ids.length) / 1000)}`))],
    ['filter by category', get(categories.map((each) => `/products?category=${each}`))],
    ['sort by price, page 1', get(['/products?sort=price'])],
    ['newest, page 1', get(['/products'])],
    ['newest, a page far behind', get([await pathOfPage(client, Math.min(1000, ids.length / 20 - 2))])],
    ['purchase', buying],
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
