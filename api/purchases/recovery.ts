/**
 * Recovery: what a crash, a freeze or an outage left half-done is carried forward by whichever replica sees it; several at once do no
 * harm, as every step is safe to repeat. It never undoes anything.
 */
import type { Logger } from 'pino';
import { deadlineIn, monotonicMs } from '../core/clock.ts';
import { newId } from '../core/ids.ts';
import { Unavailable } from '../core/outcome.ts';
import type { Unfinished } from './keys.ts';
import type { Saga } from './saga.ts';
import type { PurchaseReads, UnfinishedEntry } from './store-reads.ts';

/** See {@link openRecovery}. */
export type Recovery = {
  /** Looks once, and carries on what is due. Never throws. */
  sweep(): Promise<void>;
  /** Goes on looking until the returned function is called. */
  start(): () => void;
};

/** Told how long (s) the oldest unfinished purchase of a kind has waited; 0 when there is none. */
export type OnOldest = (what: Unfinished, seconds: number) => void;

/** Times in ms. The sum of grace, interval, longest back-off and one attempt stays well below the 30 s that are promised. */
const times = {
  interval: 2000,
  /** Younger ones belong to the request that began them, which has 3.7 s. */
  grace: 5000,
  attempt: 2500,
  firstBackOff: 1000,
  longestBackOff: 8000,
};
const width = 8;
const chunk = 200;
const maxChunks = 50;

type Due = UnfinishedEntry & { readonly what: Unfinished };

/** Opens recovery. @param graceMs how old something has to be before it counts as left behind */
export function openRecovery(
  store: Pick<PurchaseReads, 'get' | 'unfinished'>,
  saga: Saga,
  log: Pick<Logger, 'info' | 'warn' | 'error'>,
  onOldest: OnOldest,
  graceMs: number = times.grace,
): Recovery {
  const backOffs = new Map<string, { waitMs: number; untilMs: number }>();

  /** One that fails again and again waits, so that it does not keep the others from their turn. */
  function isWaiting(id: string): boolean {
    return (backOffs.get(id)?.untilMs ?? 0) > monotonicMs();
  }

  function backOff(id: string) {
    const waitMs = Math.min(2 * (backOffs.get(id)?.waitMs ?? times.firstBackOff / 2), times.longestBackOff);
    backOffs.set(id, { waitMs, untilMs: monotonicMs() + waitMs });
  }

  function forgetOld() {
    const now = monotonicMs();
    for (const [id, { untilMs }] of backOffs) if (now - untilMs > 60_000) backOffs.delete(id);
  }

  /** Up to a chunk of what is old enough and not waiting, the oldest first. */
  async function dueOf(what: Unfinished): Promise<Due[]> {
    const due: Due[] = [];
    for (let i = 0; i < maxChunks && due.length < chunk; i++) {
      const entries = await store.unfinished(what, i * chunk, chunk, deadlineIn(times.attempt));
      const now = Date.now();
      const oldest = entries[0];
      if (i === 0) onOldest(what, oldest === undefined ? 0 : Math.max(0, now - oldest.sinceMs) / 1000);
      const old = entries.filter(({ sinceMs }) => now - sinceMs >= graceMs);
      due.push(...old.filter(({ id }) => !isWaiting(id)).map((entry) => ({ ...entry, what })));
      if (old.length < chunk) break;
    }
    return due;
  }

  async function advance({ id, what, sinceMs }: Due): Promise<void> {
    const requestId = newId();
    const deadline = deadlineIn(times.attempt);
    const about = { purchaseId: id, what, requestId, ageMs: Date.now() - sinceMs };
    try {
      const purchase = await store.get(id, 'recent', deadline);
      if (purchase?.status === 'pending') await saga.carry(purchase, requestId, deadline);
      else if (purchase?.releaseOwed) await saga.giveBack(purchase, requestId, deadline);
      else return; // somebody else was quicker
      backOffs.delete(id);
      log.info(about, 'carried forward what was left half-done');
    } catch (error) {
      backOff(id);
      if (error instanceof Unavailable) log.warn({ ...about, reason: error.message }, 'could not carry forward yet');
      else log.error({ ...about, err: error }, 'a bug keeps this from being carried forward');
    }
  }

  async function sweep(): Promise<void> {
    forgetOld();
    try {
      const due = (await Promise.all([dueOf('pending'), dueOf('owed')])).flat();
      shuffle(due); // so that replicas that look at the same time mostly take different ones
      await eachOf(due, width, advance);
    } catch (error) {
      if (error instanceof Unavailable) log.warn({ reason: error.message }, 'recovery cannot see what is half-done');
      else log.error({ err: error }, 'a bug in recovery');
    }
  }

  return {
    sweep,
    start() {
      let stopped = false;
      let timer: NodeJS.Timeout | undefined;
      const next = () => {
        if (stopped) return;
        timer = setTimeout(() => void sweep().finally(next), times.interval * (0.75 + 0.5 * Math.random()));
      };
      next();
      return () => {
        stopped = true;
        clearTimeout(timer);
      };
    },
  };
}

/** Works on all items, `width` at a time. */
async function eachOf<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items];
  const worker = async () => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

function shuffle<T>(items: T[]): void {
  const keyed = items.map((item) => ({ item, key: Math.random() })).sort((a, b) => a.key - b.key);
  items.splice(0, items.length, ...keyed.map(({ item }) => item));
}
