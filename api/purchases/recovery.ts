/**
 * Recovery: every replica looks for purchases that a crash, a freeze or an outage left unfinished, and carries them forward. Several replicas
 * may work on the same one, because every step is safe to repeat. It never undoes anything.
 */
import type { Logger } from 'pino';
import { deadlineIn, monotonicMs, shopTimeMs } from '../core/clock.ts';
import { newId } from '../core/ids.ts';
import { Unavailable } from '../core/outcome.ts';
import type { Unfinished } from './keys.ts';
import type { Saga } from './saga.ts';
import type { PurchaseReads, UnfinishedEntry } from './store-reads.ts';

/** See {@link openRecovery}. */
export type Recovery = {
  /** Looks once, and carries forward what is due. Never throws. */
  sweep(): Promise<void>;
  /** Looks every 2 s until the returned function is called. */
  start(): () => void;
};

/** Takes the age (s) of the oldest unfinished purchase of a kind; 0 when there is none. */
export type OnOldest = (what: Unfinished, seconds: number) => void;

/** Times in ms. The sum of grace, interval, longest back-off and one attempt stays well below the 30 s that are promised. */
const times = {
  interval: 2000,
  /** Younger ones are left to the request that began them, which has 3.7 s. */
  grace: 5000,
  attempt: 2500,
  firstBackOff: 1000,
  longestBackOff: 8000,
  /** After this time without an attempt or a sight of it, an id is forgotten. */
  forget: 60_000,
};
const width = 8;
const chunk = 200;
const maxChunks = 50;

type Due = { readonly id: string; readonly what: Unfinished; readonly ageMs: number };

/** Opens recovery. @param graceMs how old something has to be before it counts as left behind */
export function openRecovery(
  store: Pick<PurchaseReads, 'get' | 'unfinished'>,
  saga: Saga,
  log: Pick<Logger, 'info' | 'warn' | 'error'>,
  onOldest: OnOldest,
  graceMs: number = times.grace,
): Recovery {
  const backOffs = new Map<string, { waitMs: number; untilMs: number }>();
  /** When this process first and last saw an unfinished purchase, by the monotonic clock. */
  const sightings = new Map<string, { readonly firstMs: number; lastMs: number }>();

  /** A purchase that fails again and again waits, so that it does not keep others from their turn. */
  function isWaiting(id: string): boolean {
    return (backOffs.get(id)?.untilMs ?? 0) > monotonicMs();
  }

  function backOff(id: string) {
    const waitMs = Math.min(2 * (backOffs.get(id)?.waitMs ?? times.firstBackOff / 2), times.longestBackOff);
    backOffs.set(id, { waitMs, untilMs: monotonicMs() + waitMs });
  }

  function forgetOld() {
    const oldestMs = monotonicMs() - times.forget;
    for (const [id, { untilMs }] of backOffs) if (untilMs < oldestMs) backOffs.delete(id);
    for (const [id, { lastMs }] of sightings) if (lastMs < oldestMs) sightings.delete(id);
  }

  /**
   * How long an entry has been unfinished, in ms: by the time that Redis wrote, or for as long as this process has seen it, whichever is
   * longer. A Redis node whose clock was an hour ahead dates it into the future, and it would not be due for an hour.
   */
  function ageOf(what: Unfinished, { id, sinceMs }: UnfinishedEntry): number {
    const now = monotonicMs();
    const sighting = sightings.get(what + id) ?? { firstMs: now, lastMs: now };
    sighting.lastMs = now;
    sightings.set(what + id, sighting);
    return Math.max(shopTimeMs() - sinceMs, now - sighting.firstMs);
  }

  /** Up to a chunk of what is old enough and not waiting, the oldest first. All entries are read: a wrong date may stand anywhere. */
  async function dueOf(what: Unfinished): Promise<Due[]> {
    const due: Due[] = [];
    let oldestMs = 0;
    for (let i = 0; i < maxChunks && due.length < chunk; i++) {
      const entries = await store.unfinished(what, i * chunk, chunk, deadlineIn(times.attempt));
      for (const entry of entries) {
        const { id } = entry;
        const ageMs = ageOf(what, entry);
        oldestMs = Math.max(oldestMs, ageMs);
        if (ageMs >= graceMs && !isWaiting(id)) due.push({ id, what, ageMs });
      }
      if (entries.length < chunk) break;
    }
    onOldest(what, oldestMs / 1000);
    return due;
  }

  async function advance({ id, what, ageMs }: Due): Promise<void> {
    const requestId = newId();
    const deadline = deadlineIn(times.attempt);
    const about = { purchaseId: id, what, requestId, ageMs };
    try {
      const purchase = await store.get(id, 'bounded-staleness', deadline);
      if (purchase?.status === 'pending') await saga.carry(purchase, requestId, deadline);
      else if (purchase?.releasePending) await saga.release(purchase, requestId, deadline);
      else return; // finished in the meantime
      backOffs.delete(id);
      log.info(about, 'carried an unfinished purchase forward');
    } catch (error) {
      backOff(id);
      if (error instanceof Unavailable)
        log.warn(
          { ...about, reason: error.message },
          'could not carry an unfinished purchase forward; trying again later',
        );
      else log.error({ ...about, err: error }, 'a bug keeps an unfinished purchase from being carried forward');
    }
  }

  async function sweep(): Promise<void> {
    forgetOld();
    try {
      const due = (await Promise.all([dueOf('pending'), dueOf('release-pending')])).flat();
      shuffle(due); // so that replicas that look at the same time mostly take different ones
      await eachOf(due, width, advance);
    } catch (error) {
      if (error instanceof Unavailable)
        log.warn({ reason: error.message }, 'recovery could not read the unfinished purchases; trying again later');
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
