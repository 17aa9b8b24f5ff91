/** Exact counting: by all replicas of a service together, in Redis; by each replica alone while there is no master. */
import type { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { monotonicMs, within } from '../core/clock.ts';
import { runUnconfirmed } from '../redis/run-script.ts';
import type { Policy } from './limit-policies.ts';
import { scripts } from './scripts.ts';

/** How long to wait for Redis, and how long to count alone after it did not answer, in ms. */
export const redisTimeoutMs = 150;
/** See {@link redisTimeoutMs}. */
export const aloneMs = 500;
/** How long a refusal is repeated without asking Redis again, in ms, so that a flood of refused requests costs one command a second. */
const refusalKeptMs = 1000;

/** A request's share of one limit: `points` under the counter `key`. */
export type Charge = { readonly policy: Policy; readonly key: string; readonly points: number };

/** Where a counter stands: points used in its window and when the window ends, in ms from now. */
export type Count = { readonly used: number; readonly resetMs: number; readonly isRefused: boolean };

/** See {@link openCounters}. */
type Counters = {
  /** Counts under all of the limits, or under none when one of them has too few points left. @returns a count for each charge */
  charge(charges: readonly Charge[]): Promise<readonly Count[]>;
  /** Gives the points back. Never throws: a point that stays counted is gone when its window ends. */
  giveBack(charges: readonly Charge[]): Promise<void>;
};

/** Opens the counters of a service. @param master a connection to the present master, `undefined` while there is none */
export function openCounters(service: string, master: () => Redis | undefined): Counters {
  const memory = new Map<string, RateLimiterMemory>();
  const refused = new Map<string, { readonly counts: readonly Count[]; readonly atMs: number }>();
  let aloneUntilMs = 0;

  const keyOf = ({ policy, key }: Charge) => `{${service}}:limit:${policy.name}:${key}`;

  /** Counts in Redis; `undefined` when there is no master or it does not answer in time. */
  async function chargeTogether(charges: readonly Charge[]): Promise<readonly Count[] | undefined> {
    const redis = monotonicMs() < aloneUntilMs ? undefined : master();
    if (redis === undefined) return undefined;
    const call = {
      keys: { counters: charges.map(keyOf) },
      args: { charges: charges.flatMap(({ policy, points }) => [policy.quota, policy.windowSeconds * 1000, points]) },
    };
    const reply = await within(
      runUnconfirmed(redis, scripts.count, call).catch(() => undefined),
      redisTimeoutMs,
    );
    if (reply === undefined) {
      aloneUntilMs = monotonicMs() + aloneMs;
      return undefined;
    }
    const counts = reply.counts.map(Number);
    return charges.map(({ policy, points }, i) => {
      const [used = 0, resetMs = 0] = counts.slice(2 * i);
      return { used, resetMs, isRefused: reply.result === 'refused' && used + points > policy.quota };
    });
  }

  function limiterOf({ name, quota, windowSeconds }: Policy): RateLimiterMemory {
    const limiter =
      memory.get(name) ?? new RateLimiterMemory({ keyPrefix: name, points: quota, duration: windowSeconds });
    memory.set(name, limiter);
    return limiter;
  }

  async function chargeAlone(charges: readonly Charge[]): Promise<readonly Count[]> {
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
  }

  function knownRefusal(id: string): readonly Count[] | undefined {
    const known = refused.get(id);
    if (known === undefined) return undefined;
    const agoMs = monotonicMs() - known.atMs;
    const isStill = known.counts.every((count) => !count.isRefused || count.resetMs > agoMs);
    if (agoMs < refusalKeptMs && isStill) {
      return known.counts.map((count) => ({ ...count, resetMs: Math.max(0, count.resetMs - agoMs) }));
    }
    refused.delete(id);
    return undefined;
  }

  function rememberRefusal(id: string, counts: readonly Count[]) {
    // Bounded by forgetting all: a forgotten refusal costs one command.
    if (refused.size >= 10_000) refused.clear();
    refused.set(id, { counts, atMs: monotonicMs() });
  }

  return {
    async charge(charges) {
      if (charges.length === 0) return [];
      const id = charges.map((charge) => `${keyOf(charge)} ${charge.points}`).join('\n');
      const known = knownRefusal(id);
      if (known !== undefined) return known;
      const counts = (await chargeTogether(charges)) ?? (await chargeAlone(charges));
      if (counts.some(({ isRefused }) => isRefused)) rememberRefusal(id, counts);
      return counts;
    },

    async giveBack(charges) {
      if (charges.length === 0) return;
      const back = charges.map((charge) => ({ ...charge, points: -charge.points }));
      if ((await chargeTogether(back)) !== undefined) return;
      await Promise.all(
        charges.map(async ({ policy, key, points }) => {
          const limiter = limiterOf(policy);
          if ((await limiter.get(key)) !== null) await limiter.reward(key, points);
        }),
      );
    },
  };
}
