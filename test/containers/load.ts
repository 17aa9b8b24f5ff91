/**
 * Load on a shop from outside, whichever way it runs, and what came of it: how many requests, how many failed at the first try, how many for
 * good, the longest time without an answer, and whether what was sold is what is missing in stock.
 *
 *   node --import tsx test/containers/load.ts SECONDS PASSWORD URL [URL ...]      prints it as one line of JSON
 *
 * An open loop: a request begins when its time has come, whether or not the one before was answered. With several URLs it behaves like a
 * client that is given several addresses: it stays with one and takes the next when that one does not answer.
 */
import { randomUUID } from 'node:crypto';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { answerFaults } from '../support/documented.ts';
import { faultsInBooks } from './books.ts';
import { type Call, type Credentials, type FailoverClient, failoverClient } from './client.ts';

/** What clients saw. `failed` counts first tries that brought no 2xx, `lost` those that a minute of repeating did not help either. */
export type Seen = {
  readonly requests: number;
  readonly failed: number;
  readonly lost: number;
  /** Longest time between two successful answers, reads and purchases together, and purchases alone, in ms. */
  readonly longestGapMs: number;
  readonly longestPurchaseGapMs: number;
  /** What first tries failed of, and how often. */
  readonly reasons: Readonly<Record<string, number>>;
  /** What is wrong with the books; empty when nothing is. */
  readonly violations: readonly string[];
};

/** Load that is running. */
export type Load = {
  /** How many purchases were acknowledged so far. */
  bought(): number;
  /** Ends it, waits for what is open, checks the books; once more: the same again. */
  stop(): Promise<Seen>;
};

const stock = 1_000_000;
const buyersCount = 4;
const productsCount = 4;
/** Access tokens live 5 minutes. */
const renewalMs = 120_000;
/** What was cut off half-way is finished by the shop itself within 30 s. */
const settleMs = 40_000;

/**
 * Signs in, makes products and buyers, and begins.
 * @param urls the addresses of the shop's Nginx; certificates are not verified
 * @param admin the address and password of an admin
 * @param perSecond how many requests a second; half of them are purchases
 */
export async function startLoad(urls: readonly string[], admin: Credentials, perSecond = 40): Promise<Load> {
  const client = failoverClient(urls);
  const { products, buyers } = await makeFixtures(client, admin);
  const counts = createCounts();
  const renewal = setInterval(() => {
    for (const buyer of buyers) {
      client.signIn(buyer).then(
        (token) => Object.assign(buyer, { token }),
        () => undefined,
      );
    }
  }, renewalMs);
  const callOf = (number: number): Call => {
    const productId = products[number % products.length];
    if (number % 2 === 1) return { method: 'GET', path: `/products/${productId}` };
    const token = buyers[number % buyers.length]?.token ?? '';
    return { method: 'POST', path: '/purchases', token, body: { items: [{ productId, quantity: 1 }] } };
  };

  const open = new Set<Promise<void>>();
  const beganAt = performance.now();
  let number = 0;
  const ticker = setInterval(() => {
    const due = Math.floor(((performance.now() - beganAt) / 1000) * perSecond);
    for (; number < due; number += 1) {
      const own = number;
      const going: Promise<void> = sendOne(client, () => callOf(own), counts).finally(() => open.delete(going));
      open.add(going);
    }
  }, 10);

  async function stopAndCheck(): Promise<Seen> {
    clearInterval(ticker);
    clearInterval(renewal);
    await Promise.all(open);
    const endedAt = performance.now();
    const deadline = Date.now() + settleMs;
    const books = { buyers, products, stock, acknowledged: counts.acknowledged };
    let violations = await faultsInBooks(client, books);
    while (violations.length > 0 && Date.now() < deadline) {
      await delay(2000);
      violations = await faultsInBooks(client, books);
    }
    client.close();
    return {
      requests: counts.requests,
      failed: counts.failed,
      lost: counts.lost,
      longestGapMs: longestGap([beganAt, ...counts.okAt, endedAt]),
      longestPurchaseGapMs: longestGap([beganAt, ...counts.boughtAt, endedAt]),
      reasons: counts.reasons,
      violations: [...violations, ...answerFaults.splice(0)].slice(0, 10),
    };
  }

  let stopping: Promise<Seen> | undefined;
  return {
    bought: () => counts.acknowledged.size,
    stop() {
      stopping ??= stopAndCheck();
      return stopping;
    },
  };
}

/** Products, and buyers that are signed in. */
async function makeFixtures(client: FailoverClient, admin: Credentials) {
  const run = randomUUID().slice(0, 8);
  const token = await client.signIn(admin);
  const price = { amount: 100, currency: 'USD' };
  const products = Array.from({ length: productsCount }, (_, i) => `load-${run}-${i}`);
  for (const id of products) {
    const body = { id, name: `Load ${run}`, category: 'load', price, stock };
    await client.retryUntilDone({ method: 'POST', path: '/products', token, body });
  }
  const signUps = Array.from({ length: buyersCount }, async (_, i) => {
    const credentials = { email: `buyer-${run}-${i}@example.com`, password: randomUUID() };
    const body = { ...credentials, firstName: 'Load', lastName: run };
    await client.retryUntilDone({ method: 'POST', path: '/users', body });
    return { ...credentials, token: await client.signIn(credentials) };
  });
  return { products, buyers: await Promise.all(signUps) };
}

function createCounts() {
  return {
    requests: 0,
    failed: 0,
    lost: 0,
    reasons: {} as Record<string, number>,
    /** When requests, and when purchases, were answered 2xx. */
    okAt: [] as number[],
    boughtAt: [] as number[],
    /** Ids of purchases. */
    acknowledged: new Set<string>(),
  };
}

/** Sends one request until it succeeds, and counts what came of it. @param callOf the call with the token of the moment */
async function sendOne(client: FailoverClient, callOf: () => Call, counts: ReturnType<typeof createCounts>) {
  const key = randomUUID();
  const isPurchase = callOf().method === 'POST';
  counts.requests += 1;
  const first = await client.attempt(callOf(), key).catch((error: Error) => ({ status: 0, body: error.message }));
  let { body } = first;
  if (first.status < 200 || first.status > 299) {
    counts.failed += 1;
    const reason = first.status === 0 ? String(first.body) : `${isPurchase ? 'purchase' : 'read'} ${first.status}`;
    counts.reasons[reason] = (counts.reasons[reason] ?? 0) + 1;
    try {
      body = await client.retryUntilDone(callOf(), key);
    } catch {
      counts.lost += 1;
      return;
    }
  }
  counts.okAt.push(performance.now());
  if (!isPurchase) return;
  counts.boughtAt.push(performance.now());
  counts.acknowledged.add((body as { id: string }).id);
}

function longestGap(times: readonly number[]): number {
  return Math.round(
    times.reduce((longest, time, i) => Math.max(longest, i === 0 ? 0 : time - (times[i - 1] ?? time)), 0),
  );
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [seconds = '30', password = '', ...urls] = process.argv.slice(2);
  const load = await startLoad(urls, { email: process.env.ADMIN_EMAIL ?? 'admin@example.com', password }, 20);
  process.stderr.write('load is on\n');
  await delay(Number(seconds) * 1000);
  console.log(JSON.stringify(await load.stop()));
}
