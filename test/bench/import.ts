/** Products through the API, as fast as it takes them: `POST /products/batch`, some at once. */
import { randomUUID } from 'node:crypto';
import { pause } from '../../api/core/clock.ts';
import type { Shop } from '../../ops/local/shop.ts';
import { shopClient, signInAdmin } from '../support/client.ts';

const productsPerBatch = 1000;
/** As many as `npm run import` sends. */
const atOnce = 3;
const timeoutMs = 30_000;
/** As `npm run import`, which takes as long between them. */
const tries = 5;
const retryMs = 1000;
/** An access token lives five minutes. */
const tokenMs = 120_000;

/** What came of an import: the ids in order, and how many products were made a second. */
export type Imported = { readonly ids: string[]; readonly perSecond: number };

/**
 * Imports `count` products.
 * @param productAt the n-th, without its id
 * @throws when one of them is refused
 */
export async function importProducts(shop: Shop, count: number, productAt: (n: number) => object): Promise<Imported> {
  const client = shopClient(shop.httpUrl);
  const { adminEmail, secrets } = shop.settings;
  const signIn = async () => ({
    token: await signInAdmin(client, adminEmail, secrets.ADMIN_PASSWORD ?? ''),
    endsAtMs: performance.now() + tokenMs,
  });
  let session = await signIn();
  const batches = Array.from({ length: Math.ceil(count / productsPerBatch) }, (_, i) => i * productsPerBatch);
  const ids: string[] = [];

  async function send(from: number): Promise<void> {
    const length = Math.min(productsPerBatch, count - from);
    const products = Array.from({ length }, (_, i) => productAt(from + i));
    const body = JSON.stringify({ products });
    const key = randomUUID();
    for (let attempt = 1; ; attempt++) {
      const answer = await fetch(`${shop.httpUrl}/products/batch`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${session.token}`,
          'idempotency-key': key,
        },
        body,
        signal: AbortSignal.timeout(timeoutMs),
      });
      const { data = [] } = (await answer.json()) as { data?: { id: string; status: number }[] };
      const isMade = answer.status === 200 && data.length === length && data.every(({ status }) => status === 201);
      if (isMade) {
        for (const [i, { id }] of data.entries()) ids[from + i] = id;
        return;
      }
      // On a busy machine a batch may not be certain in time; its repetition goes on where it ended.
      if (answer.status !== 503 || attempt === tries) {
        throw new Error(`a batch of products was answered with ${answer.status}, or not all were made`);
      }
      await pause(retryMs);
    }
  }

  const startedMs = performance.now();
  const left = batches.values();
  const sendAll = async () => {
    for (const from of left) {
      if (performance.now() > session.endsAtMs) session = await signIn();
      await send(from);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, sendAll));
  return { ids, perSecond: count / ((performance.now() - startedMs) / 1000) };
}

const letters = Array.from({ length: 24 }, (_, i) => String.fromCodePoint(97 + i));

/** 24 different words, one with each of the first 24 letters. */
export function longText(n: number): string {
  return letters.map((letter, i) => `${letter}${(n * (i + 1)) % 997}`).join(' ');
}

/** A product with 28 different words: 2 in its name, 2 in its company, 24 in its description. */
export function wordyProduct(n: number): object {
  return {
    ...plainProduct(n),
    company: `Company ${n % 50}`,
    description: longText(n),
  };
}

/** A product with two words, in categories of twenty. */
export function plainProduct(n: number): object {
  const price = { amount: 1000 + (n % 5000), currency: 'USD' };
  return { name: `Product ${n}x`, category: `c${Math.floor(n / 20)}`, price, stock: 1_000_000 };
}
