/**
 * The stock ledger, added up: for every product, initial + restocked - sold + returned has to be what is left, and that never below zero.
 * Scripts see to it; this walk is there to notice if they did not. Once a minute one replica has its turn and reads the catalogue in
 * small pieces; what came of it is kept in Redis, and every replica shows it.
 */
import type { Logger } from 'pino';
import { Gauge, type Registry } from 'prom-client';
import { z } from 'zod';
import { deadlineIn, pause } from '../core/clock.ts';
import type { ShopRedis } from '../redis/open.ts';
import { idOfMember } from './indexes.ts';
import { ledgerResultKey, ledgerTurnKey, productKey, sortKey } from './keys.ts';
import type { ProductReads } from './store-reads.ts';

/** What a walk found. `checkedAtMs` is when it ended, in ms since 1970. */
export type LedgerResult = { readonly oversoldUnits: number; readonly products: number; readonly checkedAtMs: number };

/** A turn lasts this long, so that there is one walk in it, whoever takes it. */
const turnMs = 60_000;
const lookEveryMs = 15_000;
const chunk = 100;
/** Between two pieces, so that a walk of a large catalogue is nothing that a customer feels. */
const restMs = 5;
const pieceMs = 3000;

const result = z.object({ oversoldUnits: z.number(), products: z.number(), checkedAtMs: z.number() });
const fields = ['stock', 'initial', 'restocked', 'sold', 'returned'] as const;

/** Units by which one product's numbers are wrong: 0 when they add up and nothing is below zero. */
export function unitsOff([stock, initial, restocked, sold, returned]: readonly number[]): number {
  const expected = (initial ?? 0) + (restocked ?? 0) - (sold ?? 0) + (returned ?? 0);
  return Math.abs(expected - (stock ?? 0)) + Math.max(0, -(stock ?? 0));
}

/** Walks all products once. @throws Unavailable when Redis does not answer in time */
export async function walkLedger(
  redis: Pick<ShopRedis, 'reads'>,
  reads: Pick<ProductReads, 'members'>,
  log: Pick<Logger, 'error'>,
): Promise<LedgerResult> {
  const key = sortKey('createdAt', { of: 'all' });
  let min = '-';
  let oversoldUnits = 0;
  let products = 0;
  for (;;) {
    const when = { freshness: 'recent', deadline: deadlineIn(pieceMs) } as const;
    const members = await reads.members({ key, min, max: '+' }, chunk, false, when);
    const last = members.at(-1);
    if (last === undefined) return { oversoldUnits, products, checkedAtMs: Date.now() };
    const ids = members.map(idOfMember);
    const replies = await redis.reads.query(
      'recent',
      (pipeline) => {
        for (const id of ids) pipeline.hmget(productKey(id), ...fields);
      },
      deadlineIn(pieceMs),
    );
    for (const [i, reply] of replies.entries()) {
      const values = reply as (string | null)[];
      if (values[0] == null) continue; // deleted meanwhile
      const off = unitsOff(values.map(Number));
      products += 1;
      oversoldUnits += off;
      if (off > 0) log.error({ productId: ids[i], off, values }, 'the stock ledger of a product does not add up');
    }
    min = `(${last}`;
    await pause(restMs);
  }
}

/** Registers the gauges and returns the background work. */
export function openLedger(
  redis: Pick<ShopRedis, 'reads' | 'scratch'>,
  reads: Pick<ProductReads, 'members'>,
  registry: Registry,
  log: Pick<Logger, 'error' | 'warn'>,
): () => () => void {
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers: [registry] });
  const oversold = gauge('shop_oversold_units', 'Units by which the stock ledger does not add up; must be 0');
  const products = gauge(
    'shop_products',
    'Products in the catalogue, as the last walk of the stock ledger counted them',
  );
  const checked = gauge(
    'shop_stock_ledger_checked_timestamp_seconds',
    'When the stock ledger was last added up; 0: never',
  );

  /** Walks if it is our turn, then shows what is known. */
  async function look(): Promise<void> {
    const master = redis.scratch();
    if (master === undefined) return;
    // A turn or a result that a failover loses costs nothing but a second walk.
    if ((await master.set(ledgerTurnKey, 'taken', 'PX', turnMs, 'NX')) !== null) {
      const found = await walkLedger(redis, reads, log);
      await redis.scratch()?.set(ledgerResultKey, JSON.stringify(found), 'EX', 86_400);
    }
    const kept = result.safeParse(JSON.parse((await redis.scratch()?.get(ledgerResultKey)) ?? 'null'));
    if (!kept.success) return;
    oversold.set(kept.data.oversoldUnits);
    products.set(kept.data.products);
    checked.set(kept.data.checkedAtMs / 1000);
  }

  return () => {
    let isLooking = false;
    const timer = setInterval(async () => {
      if (isLooking) return;
      isLooking = true;
      await look().catch((error) => log.warn({ err: error }, 'the stock ledger could not be added up this time'));
      isLooking = false;
    }, lookEveryMs);
    void look().catch(() => undefined);
    return () => clearInterval(timer);
  };
}
