/**
 * One address searches as often as its limit allows, with the dearest searches there are, while others read products and buy: how much
 * later do these get their answers? Measured in turns, with the searches and without.
 */

import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { infoField } from '../../api/redis/info.ts';
import { shopClient, signUp } from '../support/client.ts';
import { seedProducts } from '../support/seed-products.ts';
import { longText } from './import.ts';
import { openBench, purchaseBody } from './load.ts';
import { type PacedResult, quantile, sendPaced } from './paced.ts';
import { operatorOf, reportSlowCommands } from './subjects.ts';

const seconds = 6;
const rounds = 4;
const readsPerSecond = 20;
const purchasesPerSecond = 4;
/** An address's limit for everything, 1,200 a minute; the limits under test stay as they are by default. */
const searchesPerSecond = 20;
const buyers = 8;
const goalMs = 30;

/** The dearest searches: words that never meet, words that begin like thousands of others, filters that nothing passes. */
const searches = ['q=even+odd', 'q=a+b+c+d+e+f+g+h', 'q=even+o', 'inStock=true&maxPrice=1', 'q=odd+evening&sort=name'];

/** Compares calm with attacked turns. @param count how many products the catalogue has */
export async function benchSearch(count: number): Promise<void> {
  // 100,000 products of 28 words take about 0.9 GB: more than the default.
  const bench = await openBench({ rateLimits: 'on', redisMaxMemory: '4gb' });
  const { httpUrl } = bench.shop;
  const nodes = await operatorOf(bench.shop);
  try {
    const [master] = nodes;
    const products = await seed(master, count);
    const tokens = await Promise.all(Array.from({ length: buyers }, () => signUp(shopClient(httpUrl))));
    const calm = emptyTurn();
    const attacked = emptyTurn();
    for (const node of nodes) await node.call('SLOWLOG', 'RESET');
    for (let round = 0; round < rounds; round++) {
      const turns = [() => measure(false, calm), () => measure(true, attacked)];
      for (const turn of round % 2 === 0 ? turns : turns.reverse()) await turn();
      process.stdout.write('.');
    }
    process.stdout.write('\n');
    report(calm, attacked);
    await reportSlowCommands(nodes);

    async function measure(isAttacked: boolean, turn: Turn): Promise<void> {
      const ids = Array.from({ length: 100 }, (_, i) => products[(i * 7919) % products.length]?.id ?? '');
      const read = (n: number) =>
        ({ method: 'GET', path: `/products/${ids[n % ids.length]}`, address: `127.0.1.${1 + (n % 20)}` }) as const;
      const buy = (n: number) => ({
        method: 'POST',
        path: '/purchases',
        address: `127.0.2.${1 + (n % buyers)}`,
        headers: {
          authorization: `Bearer ${tokens[n % buyers]?.token}`,
          'content-type': 'application/json',
          'idempotency-key': randomUUID(),
        },
        body: purchaseBody(ids[n % ids.length] ?? ''),
      });
      const search = (n: number) =>
        ({ method: 'GET', path: `/products?${searches[n % searches.length]}`, address: '127.0.0.66' }) as const;
      const [reads, purchases, found] = await Promise.all([
        sendPaced(httpUrl, readsPerSecond, seconds, read),
        sendPaced(httpUrl, purchasesPerSecond, seconds, buy),
        isAttacked ? sendPaced(httpUrl, searchesPerSecond, seconds, search) : undefined,
      ]);
      add(turn.reads, reads);
      add(turn.purchases, purchases);
      if (found !== undefined) add(turn.searches, found);
    }
  } finally {
    for (const node of nodes) node.disconnect();
    await bench.close();
  }
}

type Turn = { readonly reads: PacedResult; readonly purchases: PacedResult; readonly searches: PacedResult };

function emptyTurn(): Turn {
  const empty = (): PacedResult => ({ timesMs: [], statuses: new Map() });
  return { reads: empty(), purchases: empty(), searches: empty() };
}

function add(sum: PacedResult, { timesMs, statuses }: PacedResult): void {
  sum.timesMs.push(...timesMs);
  for (const [status, count] of statuses) sum.statuses.set(status, (sum.statuses.get(status) ?? 0) + count);
}

/** Half of the products have `even` and the other half `odd` among their 28 words; each letter begins words of all of them. */
async function seed(master: Redis, count: number) {
  const usedBytes = async () => Number(infoField(await master.info('memory'), 'used_memory'));
  const before = await usedBytes();
  const startedMs = performance.now();
  const products = await seedProducts(master, count, (n) => ({
    name: n % 2 === 0 ? 'Even evening' : 'Odd oddity',
    description: longText(n),
    company: `Company ${n % 50}`,
    priceMinor: 1000 + (n % 5000),
    stock: 1000,
  }));
  await master.wait(2, 60_000);
  const perProduct = ((await usedBytes()) - before) / count;
  const tookSeconds = (performance.now() - startedMs) / 1000;
  console.log(
    `\nsearch: ${count} products of 28 words, ${perProduct.toFixed(0)} bytes each, stored in ${tookSeconds.toFixed(0)} s`,
  );
  return products;
}

function report(calm: Turn, attacked: Turn): void {
  console.log(
    `  ${rounds} turns of ${seconds} s each; in the attacked ones ${searchesPerSecond} searches a second from one address`,
  );
  for (const what of ['reads', 'purchases'] as const) {
    const p = (turn: Turn, share: number) => quantile(turn[what].timesMs, share);
    const shown = ({ [what]: { timesMs } }: Turn) =>
      `p50 ${quantile(timesMs, 0.5).toFixed(0)}, p99 ${quantile(timesMs, 0.99).toFixed(0)} ms`;
    const later = p(attacked, 0.99) - p(calm, 0.99);
    console.log(
      `  ${what}: calm ${shown(calm)}; attacked ${shown(attacked)}; p99 ${later.toFixed(0)} ms later (goal: ${goalMs})`,
    );
    console.log(`    answers: calm ${statusesOf(calm[what])}; attacked ${statusesOf(attacked[what])}`);
  }
  const { timesMs } = attacked.searches;
  console.log(
    `  searches: p50 ${quantile(timesMs, 0.5).toFixed(0)}, p99 ${quantile(timesMs, 0.99).toFixed(0)} ms; answers: ${statusesOf(attacked.searches)}`,
  );
}

function statusesOf({ statuses }: PacedResult): string {
  return [...statuses].map(([status, count]) => `${count} × ${status}`).join(', ');
}
