/**
 * The check of the stock ledger: for every product, initial + restocked - sold + returned must be the stock, and the stock never below zero.
 * The scripts guarantee that; this walk over the catalogue would notice if they did not. One replica at a time holds a lock. It reads for some
 * seconds, in small pieces, and stores its progress in Redis, so that the next holder resumes there.
 */
import type { Logger } from 'pino';
import { Gauge, type Registry } from 'prom-client';
import { z } from 'zod';
import { type Deadline, deadlineIn, pause, remainingMs, shopTimeMs } from '../core/clock.ts';
import { newId } from '../core/ids.ts';
import type { ShopRedis } from '../redis/open.ts';
import { idOfMember } from './indexes.ts';
import { ledgerProgressKey, ledgerResultKey, ledgerTurnKey, productKey, sortKey } from './keys.ts';
import type { ProductReads } from './store-reads.ts';

/** Times in ms. */
export type LedgerTimes = {
  /** From the beginning of one walk to that of the next, at least. */
  readonly betweenWalks: number;
  /** How long a turn reads before it leaves the rest to the next. */
  readonly slice: number;
  /** When the turn of a replica that died ends: longer than a slice and its last piece. */
  readonly turn: number;
  /** From one look to the next: while a walk is unfinished, and otherwise. */
  readonly nextSlice: number;
  readonly nextLook: number;
};

const defaultTimes: LedgerTimes = {
  betweenWalks: 60_000,
  slice: 8000,
  turn: 20_000,
  nextSlice: 1000,
  nextLook: 15_000,
};

/** Products in one piece: 500 hashes hold a Redis node for about 2 ms. */
const pieceSize = 500;
/** A rest after each piece leaves the node to customers for most of the time. */
const restMs = 5;
const pieceMs = 3000;
const keptSeconds = 86_400;

const counts = { oversoldUnits: z.number(), products: z.number(), startedAtMs: z.number() };
const progress = z.object({ ...counts, after: z.string() });
const result = z.object({ ...counts, checkedAtMs: z.number() });
const fields = ['stock', 'initial', 'restocked', 'sold', 'returned'] as const;
const index = sortKey('createdAt', { of: 'all' });

/** How far a walk has come: `after` is the index entry that it stopped at, '' at the beginning. Times in ms since 1970. */
type LedgerProgress = z.infer<typeof progress>;
/** What a complete walk found. */
type LedgerResult = z.infer<typeof result>;

/** What the walk reads with. */
type Sources = { readonly redis: Pick<ShopRedis, 'reads'>; readonly reads: Pick<ProductReads, 'members'> };

/** Units by which one product's numbers are wrong: 0 when they add up and nothing is below zero. */
export function unitsOff([stock, initial, restocked, sold, returned]: readonly number[]): number {
  const expected = (initial ?? 0) + (restocked ?? 0) - (sold ?? 0) + (returned ?? 0);
  return Math.abs(expected - (stock ?? 0)) + Math.max(0, -(stock ?? 0));
}

/** The beginning of a walk. */
export function newWalk(): LedgerProgress {
  return { after: '', oversoldUnits: 0, products: 0, startedAtMs: shopTimeMs() };
}

/**
 * Walks on until the end of the catalogue or the deadline; one piece at least.
 * @returns the result at the end of the catalogue, else how far it came
 * @throws Unavailable when Redis does not answer in time; then nothing of this slice counts
 */
export async function walkLedger(
  { redis, reads }: Sources,
  log: Pick<Logger, 'error'>,
  from: LedgerProgress,
  until: Deadline,
): Promise<LedgerResult | LedgerProgress> {
  let { after, oversoldUnits, products } = from;
  const { startedAtMs } = from;
  do {
    const reading = { consistency: 'bounded-staleness', deadline: deadlineIn(pieceMs) } as const;
    const range = { key: index, min: after === '' ? '-' : `(${after}`, max: '+' };
    const members = await reads.members(range, pieceSize, false, reading);
    const ids = members.map(idOfMember);
    if (ids.length > 0) {
      const replies = await redis.reads.query(
        'bounded-staleness',
        (pipeline) => {
          for (const id of ids) pipeline.hmget(productKey(id), ...fields);
        },
        reading.deadline,
      );
      for (const [i, reply] of replies.entries()) {
        const values = reply as (string | null)[];
        if (values[0] == null) continue; // deleted in the meantime
        const off = unitsOff(values.map(Number));
        products += 1;
        oversoldUnits += off;
        if (off > 0) log.error({ productId: ids[i], off, values }, 'the stock ledger of a product does not add up');
      }
    }
    if (members.length < pieceSize) return { oversoldUnits, products, startedAtMs, checkedAtMs: shopTimeMs() };
    after = members.at(-1) ?? after;
    await pause(restMs);
  } while (remainingMs(until) > 0);
  return { after, oversoldUnits, products, startedAtMs };
}

/** Registers the gauges and returns the background work. */
export function openLedger(
  redis: Pick<ShopRedis, 'reads' | 'scratch'>,
  reads: Pick<ProductReads, 'members'>,
  registry: Registry,
  log: Pick<Logger, 'error' | 'warn'>,
  times: LedgerTimes = defaultTimes,
): () => () => void {
  const show = openGauges(registry);

  /** Walks a slice if it is this replica's turn, and shows what is known. Returns whether a walk is unfinished. */
  async function look(): Promise<boolean> {
    const master = redis.scratch();
    if (master === undefined) return false;
    // A turn, progress or result that a failover loses costs nothing but a repeated slice.
    const token = newId();
    if ((await master.set(ledgerTurnKey, token, 'PX', times.turn, 'NX')) !== null) {
      try {
        await walkSlice();
      } finally {
        if ((await master.get(ledgerTurnKey)) === token) await master.del(ledgerTurnKey);
      }
    }
    const [kept, unfinished] = [await keptResult(), await keptProgress()];
    const total = await redis.scratch()?.zcard(index);
    show(kept, unfinished, total ?? 0);
    return unfinished !== undefined;
  }

  async function walkSlice(): Promise<void> {
    const last = await keptResult();
    const isDue = last === undefined || shopTimeMs() - last.startedAtMs >= times.betweenWalks;
    const from = (await keptProgress()) ?? (isDue ? newWalk() : undefined);
    if (from === undefined) return;
    const found = await walkLedger({ redis, reads }, log, from, deadlineIn(times.slice));
    const isDone = 'checkedAtMs' in found;
    await redis.scratch()?.set(isDone ? ledgerResultKey : ledgerProgressKey, JSON.stringify(found), 'EX', keptSeconds);
    if (isDone) await redis.scratch()?.del(ledgerProgressKey);
  }

  const keptResult = async () => parsed(result, await redis.scratch()?.get(ledgerResultKey));
  const keptProgress = async () => parsed(progress, await redis.scratch()?.get(ledgerProgressKey));

  return () => {
    let stopped = false;
    let timer: NodeJS.Timeout | undefined;
    const next = async () => {
      const isUnfinished = await look().catch((error: unknown) => {
        log.warn({ err: error }, 'this slice of the stock ledger could not be added up; trying again');
        return false;
      });
      if (!stopped) timer = setTimeout(() => void next(), isUnfinished ? times.nextSlice : times.nextLook);
    };
    void next();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  };
}

function openGauges(registry: Registry) {
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
  const seconds = gauge('shop_stock_ledger_walk_seconds', 'How long the last complete walk of the stock ledger took');
  const ratio = gauge(
    'shop_stock_ledger_progress_ratio',
    'Share of the catalogue that the present walk of the stock ledger has added up; 1 between two walks',
  );

  return (kept: LedgerResult | undefined, unfinished: LedgerProgress | undefined, total: number) => {
    ratio.set(unfinished === undefined || total === 0 ? 1 : Math.min(1, unfinished.products / total));
    // What an unfinished walk has found already is shown at once.
    oversold.set(Math.max(kept?.oversoldUnits ?? 0, unfinished?.oversoldUnits ?? 0));
    if (kept === undefined) return;
    products.set(kept.products);
    checked.set(kept.checkedAtMs / 1000);
    seconds.set((kept.checkedAtMs - kept.startedAtMs) / 1000);
  };
}

/** What a key holds; `undefined` where it holds nothing or what an older version left. */
function parsed<T>(schema: z.ZodType<T>, text: string | null | undefined): T | undefined {
  return schema.safeParse(JSON.parse(text ?? 'null')).data;
}
