/** Where Redis' memory goes: bytes for each product of 28 words and for each purchase of two items, by kind of key. */

import type { Redis } from 'ioredis';
import { infoField } from '../../api/redis/info.ts';
import { shopClient, signUp } from '../support/client.ts';
import { importProducts, wordyProduct } from './import.ts';
import { openShop } from './load.ts';
import { operatorOf } from './subjects.ts';
import { runWrk } from './wrk.ts';

const products = 10_000;
const secondsOfPurchases = 8;
/** Of a kind with more keys than this, only as many are measured. */
const maxMeasured = 500;

/** What all keys of a kind take. `bytes` as MEMORY USAGE counts them: with the name of the key and what the allocator rounds up. */
type Kind = { keys: number; bytes: number };

/** Prints both tables. */
export async function benchMemory(): Promise<void> {
  const { shop, close } = await openShop({ redisMaxMemory: '4gb' });
  try {
    const nodes = await operatorOf(shop);
    const [master] = nodes;
    const empty = await usedBytes(master);
    const { ids, perSecond } = await importProducts(shop, products, wordyProduct);
    const filled = await usedBytes(master);
    console.log(`\n${products} products of 28 words, imported at ${perSecond.toFixed(0)} a second`);
    report(await bytesByKind(master), products, (filled - empty) / products, /^\{products\}/);

    const { token } = await signUp(shopClient(shop.httpUrl));
    const bodies = ids.slice(0, 1000).map((productId, i) => {
      const others = ids[i + 1000] ?? productId;
      return JSON.stringify({ items: [productId, others].map((each) => ({ productId: each, quantity: 1 })) });
    });
    const beforePurchases = await usedBytes(master);
    const headers = { authorization: `Bearer ${token}` };
    await runWrk(shop.httpUrl, 16, secondsOfPurchases, { method: 'POST', headers, paths: ['/purchases'], bodies });
    const purchases = await master.zcard('{purchases}:list:all:completed');
    const each = ((await usedBytes(master)) - beforePurchases) / purchases;
    console.log(`\n${purchases} purchases of two items`);
    report(await bytesByKind(master), purchases, each, /^\{purchases\}|^\{products\}:reservation/);
    for (const node of nodes) node.disconnect();
  } finally {
    await close();
  }
}

/** What Redis uses without the buffers of replication and of the append-only file, which do not grow with the shop. */
async function usedBytes(master: Redis): Promise<number> {
  const info = await master.info('memory');
  const bytes = (field: string) => Number(infoField(info, field));
  return bytes('used_memory') - bytes('mem_total_replication_buffers') - bytes('mem_aof_buffer');
}

/** The kind of a key: its name, with `*` for ids, users, categories and companies. */
function kindOf(key: string): string {
  return key
    .replace(/^(\{\w+\}:(?:product|purchase|reservation|idempotency|word|ids)):.*/s, '$1:*')
    .replace(/^(\{products\}:by:\w+:(?:category|company)):.*/s, '$1:*')
    .replace(/^(\{purchases\}:list):(?!all:).*:/s, '$1:*:');
}

async function bytesByKind(master: Redis): Promise<Map<string, Kind>> {
  const byKind = new Map<string, string[]>();
  let cursor = '0';
  do {
    const [next, keys] = await master.scan(cursor, 'COUNT', 1000);
    for (const key of keys) {
      const kind = kindOf(key);
      const same = byKind.get(kind) ?? [];
      same.push(key);
      byKind.set(kind, same);
    }
    cursor = next;
  } while (cursor !== '0');
  const kinds = new Map<string, Kind>();
  for (const [kind, keys] of [...byKind].sort()) {
    const some = keys.slice(0, maxMeasured);
    let bytes = 0;
    for (const key of some) bytes += Number(await master.call('MEMORY', 'USAGE', key, 'SAMPLES', '1000'));
    kinds.set(kind, { keys: keys.length, bytes: (bytes / some.length) * keys.length });
  }
  return kinds;
}

/** @param used bytes that all of it took for each, with what belongs to no key */
function report(kinds: Map<string, Kind>, count: number, used: number, wanted: RegExp): void {
  console.log('| keys | how many | bytes for each |\n|---|---|---|');
  for (const [kind, { keys, bytes }] of kinds) {
    if (wanted.test(kind) && bytes / count >= 1)
      console.log(`| \`${kind}\` | ${keys} | ${(bytes / count).toFixed(0)} |`);
  }
  console.log(`| all, as \`used_memory\` grew | | ${used.toFixed(0)} |`);
}
