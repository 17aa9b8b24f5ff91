/** What a replica's recovery remembers between sweeps: when it first saw each purchase, and how often resuming it failed. */

const firstBackOffMs = 1000;
const longestBackOffMs = 8000;
/** An id that was neither tried nor seen for this long is forgotten. */
const forgetAfterMs = 60_000;

/** See {@link createRecoveryMemory}. Times are monotonic, in ms. */
type RecoveryMemory = {
  /**
   * How long an entry has been unfinished, in ms: by the time that Redis wrote, or for as long as this process has seen it, whichever is
   * longer. A Redis node whose clock was an hour ahead dates it into the future, and it would not be due for an hour.
   * @param writtenMs how long by the time that Redis wrote
   */
  ageMs(entry: string, writtenMs: number, nowMs: number): number;
  /** Whether a purchase waits after a failure: one that fails repeatedly must not delay the others. */
  isWaiting(id: string, nowMs: number): boolean;
  /** Each failure in succession doubles the wait, up to 8 s. */
  failed(id: string, nowMs: number): void;
  succeeded(id: string): void;
  forgetOld(nowMs: number): void;
};

/** Creates the memory. */
export function createRecoveryMemory(): RecoveryMemory {
  const backOffs = new Map<string, { readonly waitMs: number; readonly untilMs: number }>();
  const sightings = new Map<string, { readonly firstMs: number; lastMs: number }>();
  return {
    ageMs(entry, writtenMs, nowMs) {
      const sighting = sightings.get(entry) ?? { firstMs: nowMs, lastMs: nowMs };
      sighting.lastMs = nowMs;
      sightings.set(entry, sighting);
      return Math.max(writtenMs, nowMs - sighting.firstMs);
    },
    isWaiting: (id, nowMs) => (backOffs.get(id)?.untilMs ?? 0) > nowMs,
    failed(id, nowMs) {
      const waitMs = Math.min(2 * (backOffs.get(id)?.waitMs ?? firstBackOffMs / 2), longestBackOffMs);
      backOffs.set(id, { waitMs, untilMs: nowMs + waitMs });
    },
    succeeded: (id) => void backOffs.delete(id),
    forgetOld(nowMs) {
      const oldestMs = nowMs - forgetAfterMs;
      for (const [id, { untilMs }] of backOffs) if (untilMs < oldestMs) backOffs.delete(id);
      for (const [id, { lastMs }] of sightings) if (lastMs < oldestMs) sightings.delete(id);
    },
  };
}
