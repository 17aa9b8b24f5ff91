/** Exact counting: by all replicas of a service together, in Redis; by each replica alone while there is no master. */
import type { Redis } from 'ioredis';
import { monotonicMs, within } from '../core/clock.ts';
import { runUnconfirmed } from '../redis/send-script.ts';
import { createMemoryCounters, createRecentRefusals } from './limit-memory.ts';
import type { Charge, Count } from './limit-policies.ts';
import { scripts } from './scripts.ts';

/** How long to wait for Redis, and how long to count alone after it did not answer, in ms. */
export const redisTimeoutMs = 150;
/** See {@link redisTimeoutMs}. */
export const aloneMs = 500;

/** See {@link createCounters}. */
type Counters = {
  /** Counts under all of the limits, or under none when one of them has too few points left. @returns a count for each charge */
  charge(charges: readonly Charge[]): Promise<readonly Count[]>;
  /** Gives the points back. Never throws: a point that stays counted is gone when its window ends. */
  giveBack(charges: readonly Charge[]): Promise<void>;
};

/** Creates the counters of a service. @param master a connection to the present master, `undefined` while there is none */
export function createCounters(service: string, master: () => Redis | undefined): Counters {
  const memory = createMemoryCounters();
  const refusals = createRecentRefusals();
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

  return {
    async charge(charges) {
      if (charges.length === 0) return [];
      const id = charges.map((charge) => `${keyOf(charge)} ${charge.points}`).join('\n');
      const known = refusals.find(id);
      if (known !== undefined) return known;
      const counts = (await chargeTogether(charges)) ?? (await memory.charge(charges));
      if (counts.some(({ isRefused }) => isRefused)) refusals.add(id, counts);
      return counts;
    },

    async giveBack(charges) {
      if (charges.length === 0) return;
      const back = charges.map((charge) => ({ ...charge, points: -charge.points }));
      if ((await chargeTogether(back)) !== undefined) return;
      await memory.giveBack(charges);
    },
  };
}
