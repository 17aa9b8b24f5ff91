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
import { type Call, failoverClient } from './client.ts';

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

/**
 * Signs in, makes products and buyers, and begins.
 * @param urls the addresses of the shop's Nginx; certificates are not verified
 * @param admin the address and password of an admin
 * @param perSecond how many requests a second; half of them are purchases
 */
export async function startLoad(
  urls: readonly string[],
  admin: { email: string; password: string },
  perSecond = 40,
): Promise<Load> {
  const run = randomUUID().slice(0, 8);
  const { attempt, retryUntilDone, close } = failoverClient(urls);
  const signIn = async (email: string, password: string) =>
    (
      (await retryUntilDone({ method: 'POST', path: '/users/login', body: { email, password } })) as {
        accessToken: string;
      }
    ).accessToken;
  let adminToken = await signIn(admin.email, admin.password);
  const products = await Promise.all(
    Array.from({ length: productsCount }, async (_, i) => {
      const body = {
        id: `load-${run}-${i}`,
        name: `Load ${run}`,
        category: 'load',
        price: { amount: 100, currency: 'USD' },
        stock,
      };
      await retryUntilDone({ method: 'POST', path: '/products', token: adminToken, body });
      return body.id;
    }),
  );
  const buyers = await Promise.all(
    Array.from({ length: buyersCount }, async (_, i) => {
      const person = { email: `buyer-${run}-${i}@example.com`, password: randomUUID() };
      await retryUntilDone({ method: 'POST', path: '/users', body: { ...person, firstName: 'Load', lastName: run } });
      return { ...person, token: await signIn(person.email, person.password) };
    }),
  );
  // Access tokens live 5 minutes.
  const renewal = setInterval(() => {
    for (const buyer of buyers)
      void signIn(buyer.email, buyer.password).then(
        (token) => Object.assign(buyer, { token }),
        () => undefined,
      );
  }, 120_000);

  const acknowledged = new Map<string, string>();
  const reasons: Record<string, number> = {};
  const open = new Set<Promise<void>>();
  let requests = 0;
  let failed = 0;
  let lost = 0;
  const okAt: number[] = [];
  const boughtAt: number[] = [];
  const beganAt = performance.now();

  async function one(number: number): Promise<void> {
    const buyer = buyers[number % buyers.length];
    const productId = products[number % products.length];
    const isPurchase = number % 2 === 0;
    const call = (): Call =>
      isPurchase
        ? {
            method: 'POST',
            path: '/purchases',
            token: buyer?.token ?? '',
            body: { items: [{ productId, quantity: 1 }] },
          }
        : { method: 'GET', path: `/products/${productId}` };
    const key = randomUUID();
    requests += 1;
    const first = await attempt(call(), key).catch((error: Error) => ({ status: 0, body: error.message }));
    let body = first.body;
    if (first.status < 200 || first.status > 299) {
      failed += 1;
      const reason = first.status === 0 ? String(first.body) : `${isPurchase ? 'purchase' : 'read'} ${first.status}`;
      reasons[reason] = (reasons[reason] ?? 0) + 1;
      try {
        body = await retryUntilDone(call(), key);
      } catch {
        lost += 1;
        return;
      }
    }
    okAt.push(performance.now());
    if (!isPurchase) return;
    boughtAt.push(performance.now());
    acknowledged.set((body as { id: string }).id, String(productId));
  }

  let number = 0;
  const ticker = setInterval(() => {
    const due = Math.floor(((performance.now() - beganAt) / 1000) * perSecond);
    while (number < due) {
      const going: Promise<void> = one(number).finally(() => open.delete(going));
      open.add(going);
      number += 1;
    }
  }, 10);

  async function booksOf(): Promise<string[]> {
    adminToken = await signIn(admin.email, admin.password);
    const violations: string[] = [];
    const stored = new Map<string, { status: string; productId: string; quantity: number }>();
    for (const buyer of buyers) {
      const token = await signIn(buyer.email, buyer.password);
      let cursor: string | null = '';
      while (cursor !== null) {
        const path: string = `/purchases?limit=100${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`;
        const page = (await retryUntilDone({ method: 'GET', path, token })) as {
          data: { id: string; status: string; items: { productId: string; quantity: number }[] }[];
          nextCursor: string | null;
        };
        for (const { id, status, items } of page.data) {
          stored.set(id, { status, productId: items[0]?.productId ?? '', quantity: items[0]?.quantity ?? 0 });
        }
        cursor = page.nextCursor;
      }
    }
    for (const id of acknowledged.keys()) {
      if (stored.get(id)?.status !== 'completed')
        violations.push(`purchase ${id} was acknowledged and is ${stored.get(id)?.status ?? 'gone'}`);
    }
    for (const id of products) {
      const sold = [...stored.values()]
        .filter((p) => p.productId === id && p.status === 'completed')
        .reduce((sum, p) => sum + p.quantity, 0);
      const left = (
        (await retryUntilDone({ method: 'GET', path: `/products/${id}`, token: adminToken })) as { stock: number }
      ).stock;
      if (left + sold !== stock) violations.push(`of ${id} ${sold} were sold and ${stock - left} are missing`);
    }
    return violations;
  }

  async function stopAndCheck(): Promise<Seen> {
    clearInterval(ticker);
    clearInterval(renewal);
    await Promise.all(open);
    const endedAt = performance.now();
    // What was cut off half-way is finished by the shop itself within 30 s.
    const deadline = Date.now() + 40_000;
    let violations = await booksOf();
    while (violations.length > 0 && Date.now() < deadline) {
      await delay(2000);
      violations = await booksOf();
    }
    close();
    return {
      requests,
      failed,
      lost,
      longestGapMs: longestGap([beganAt, ...okAt, endedAt]),
      longestPurchaseGapMs: longestGap([beganAt, ...boughtAt, endedAt]),
      reasons,
      violations: [...violations, ...answerFaults.splice(0)].slice(0, 10),
    };
  }

  let stopping: Promise<Seen> | undefined;
  return {
    bought: () => acknowledged.size,
    stop() {
      stopping ??= stopAndCheck();
      return stopping;
    },
  };
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
