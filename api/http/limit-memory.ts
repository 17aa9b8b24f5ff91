/** What a replica counts by itself under exact limits, while there is no master; and refusals that it repeats without asking Redis again. */
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { monotonicMs } from '../core/clock.ts';
import type { Charge, Count, Policy } from './limit-policies.ts';

/** How long a refusal is repeated without asking Redis again, in ms, so that a flood of refused requests costs one command a second. */
const refusalKeptMs = 1000;
const maxRefusals = 10_000;

/** Counters in this process. */
type MemoryCounters = {
  /** Counts under all of the limits, or under none when one of them has too few points left. */
  charge(charges: readonly Charge[]): Promise<readonly Count[]>;
  giveBack(charges: readonly Charge[]): Promise<void>;
};

/** Creates the counters of this process. */
export function createMemoryCounters(): MemoryCounters {
  const limiters = new Map<string, RateLimiterMemory>();

  function limiterOf({ name, quota, windowSeconds }: Policy): RateLimiterMemory {
    const limiter =
      limiters.get(name) ?? new RateLimiterMemory({ keyPrefix: name, points: quota, duration: windowSeconds });
    limiters.set(name, limiter);
    return limiter;
  }

  return {
    async charge(charges) {
      const counts = await Promise.all(
        charges.map(async ({ policy, key, points }): Promise<Count> => {
          // The library rejects with its result when the limit is reached.
          const result = await limiterOf(policy)
            .consume(key, points)
            .catch((rejected: unknown) => rejected);
          if (!(result instanceof RateLimiterRes)) throw result;
          const { consumedPoints: used, msBeforeNext: resetMs } = result;
          return { used, resetMs, isRefused: used > policy.quota };
        }),
      );
      if (!counts.some(({ isRefused }) => isRefused)) return counts;
      await Promise.all(charges.map(({ policy, key, points }) => limiterOf(policy).reward(key, points)));
      return counts.map((count, i) => ({ ...count, used: count.used - (charges[i]?.points ?? 0) }));
    },

    async giveBack(charges) {
      await Promise.all(
        charges.map(async ({ policy, key, points }) => {
          const limiter = limiterOf(policy);
          if ((await limiter.get(key)) !== null) await limiter.reward(key, points);
        }),
      );
    },
  };
}

/** Refusals that were given a moment ago, by what was charged. */
type RecentRefusals = {
  /** The refusal with the time that is left of it; `undefined` when it must be asked for again. */
  find(id: string): readonly Count[] | undefined;
  add(id: string, counts: readonly Count[]): void;
};

/** Creates the store of recent refusals. */
export function createRecentRefusals(): RecentRefusals {
  const refused = new Map<string, { readonly counts: readonly Count[]; readonly atMs: number }>();
  return {
    find(id) {
      const known = refused.get(id);
      if (known === undefined) return undefined;
      const agoMs = monotonicMs() - known.atMs;
      const isStill = known.counts.every((count) => !count.isRefused || count.resetMs > agoMs);
      if (agoMs < refusalKeptMs && isStill) {
        return known.counts.map((count) => ({ ...count, resetMs: Math.max(0, count.resetMs - agoMs) }));
      }
      refused.delete(id);
      return undefined;
    },
    add(id, counts) {
      // Bounded by forgetting all: a forgotten refusal costs one command.
      if (refused.size >= maxRefusals) refused.clear();
      refused.set(id, { counts, atMs: monotonicMs() });
    },
  };
}
