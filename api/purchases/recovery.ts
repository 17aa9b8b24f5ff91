/**
 * Recovery: every replica looks for purchases that a crash, a freeze or an outage left unfinished, and carries them forward. Several replicas
 * may work on the same one, because every step is safe to repeat. It never undoes anything.
 */
import type { Logger } from 'pino';
import { deadlineIn, monotonicMs, shopTimeMs } from '../core/clock.ts';
import { newId } from '../core/ids.ts';
import { Unavailable } from '../core/outcome.ts';
import { repeat } from '../core/repeat.ts';
import type { Unfinished } from './keys.ts';
import { createRecoveryMemory } from './recovery-memory.ts';
import type { Saga } from './saga.ts';
import type { PurchaseReads } from './store-reads.ts';

/** See {@link openRecovery}. */
type Recovery = {
  /** Looks once, and carries forward what is due. Never throws. */
  sweep(): Promise<void>;
  /** Looks every 2 s until the returned function is called. */
  start(): () => void;
};

/** Takes the age (s) of the oldest unfinished purchase of a kind; 0 when there is none. */
type OnOldest = (what: Unfinished, seconds: number) => void;

/** Times in ms. The sum of grace, interval, longest back-off (recovery-memory.ts) and one attempt stays well below the promised 30 s. */
const times = {
  interval: 2000,
  /** Younger ones are left to the request that began them, which has 3.7 s. */
  grace: 5000,
  attempt: 2500,
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
  const memory = createRecoveryMemory();

  /** Up to a chunk of what is old enough and not waiting, the oldest first. All entries are read: a wrong date may be at any place. */
  async function dueOf(what: Unfinished): Promise<Due[]> {
    const due: Due[] = [];
    let oldestMs = 0;
    for (let i = 0; i < maxChunks && due.length < chunk; i++) {
      const entries = await store.unfinished(what, i * chunk, chunk, deadlineIn(times.attempt));
      for (const entry of entries) {
        const { id, sinceMs } = entry;
        const nowMs = monotonicMs();
        const ageMs = memory.ageMs(what + id, shopTimeMs() - sinceMs, nowMs);
        oldestMs = Math.max(oldestMs, ageMs);
        if (ageMs >= graceMs && !memory.isWaiting(id, nowMs)) due.push({ id, what, ageMs });
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
      // Like a client with a token: a purchase that only a replaced master has will be lost, and what `products` takes for it would never come back.
      const purchase = await store.get(id, 'read-your-writes', deadline);
      if (purchase?.status === 'pending') await saga.carry(purchase, requestId, deadline);
      else if (purchase?.releasePending) await saga.release(purchase, requestId, deadline);
      else return; // finished in the meantime
      memory.succeeded(id);
      log.info(about, 'resumed an unfinished purchase');
    } catch (error) {
      memory.failed(id, monotonicMs());
      if (error instanceof Unavailable)
        log.warn(
          { ...about, reason: error.message },
          'could not carry an unfinished purchase forward; trying again later',
        );
      else log.error({ ...about, err: error }, 'a bug keeps an unfinished purchase from being resumed');
    }
  }

  async function sweep(): Promise<void> {
    memory.forgetOld(monotonicMs());
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

  return { sweep, start: () => repeat(times.interval, sweep) };
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
