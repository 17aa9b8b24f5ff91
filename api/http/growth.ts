/**
 * Which users have added most to the shop's memory today, for the operator: a metric must not have a user as a label. Bytes are an estimate
 * from the route and the body; each replica adds them up and writes them once a second, so a crash loses a second of them.
 */
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { type Grower, growersOut } from '../contracts/growth.ts';
import { type Deadline, rfc3339, shopTimeMs, within } from '../core/clock.ts';
import { pairsOf } from '../core/pairs.ts';
import type { Reads } from '../redis/reads/reads.ts';
import { runUnconfirmed } from '../redis/send-script.ts';
import { redisTimeoutMs } from './limit-counters.ts';
import { type Route, route } from './route.ts';
import { scripts } from './scripts.ts';

const intervalMs = 1000;
const keptMs = 2 * 86_400_000;
/** Users in a day's set, about 100 B each. A user who adds little may be forgotten and begin again; one who adds much stays. */
const keptUsers = 1000;
/** Users that a replica adds up before it writes; beyond that, those of this second are left out. */
const maxWaiting = 5000;

/** See {@link createGrowth}. */
export type Growth = {
  /** Notes that a user's write was carried out. */
  note(userId: string, route: Pick<Route, 'limit'>, body: unknown): void;
  /** The users who have added most today, the most first. @throws Unavailable when there is no answer in time */
  top(count: number, deadline: Deadline): Promise<Grower[]>;
};

/** Creates the count. @param master a connection to the present master, `undefined` while there is none: then the count waits */
export function createGrowth(service: string, master: () => Redis | undefined, reads: Reads): Growth {
  let waiting = new Map<string, number>();
  const keyOfToday = () => `{${service}}:growth:${rfc3339(shopTimeMs()).slice(0, 10)}`;

  async function write() {
    const redis = master();
    if (redis === undefined || waiting.size === 0) return;
    const call = { keys: { day: keyOfToday() }, args: { mostUsers: keptUsers, keptMs, bytes: [...waiting].flat() } };
    waiting = new Map();
    await within(
      runUnconfirmed(redis, scripts.growth, call).catch(() => undefined),
      redisTimeoutMs,
    );
  }

  setInterval(() => void write(), intervalMs).unref();

  return {
    note(userId, { limit }, body) {
      if (waiting.size >= maxWaiting && !waiting.has(userId)) return;
      waiting.set(userId, (waiting.get(userId) ?? 0) + estimatedBytes(limit, body));
    },
    async top(count, deadline) {
      const [found] = await reads.query(
        'bounded-staleness',
        (pipeline) => pipeline.zrange(keyOfToday(), 0, String(count - 1), 'REV', 'WITHSCORES'),
        deadline,
      );
      const pairs = pairsOf(z.array(z.string()).parse(found));
      return pairs.map(([userId, bytes]) => ({ userId, bytes: Number(bytes) }));
    },
  };
}

/** The memory that a write adds, in bytes; test/http/growth.test.ts compares it with what Redis measures. */
export function estimatedBytes(limit: Route['limit'], body: unknown): number {
  return (limit === 'purchase' ? 2500 : 1000) + 3 * JSON.stringify(body ?? '').length;
}

/** The route, below `/internal/<service>`, by which the status page asks with the admin's own token. */
export function growthRoute(growth: Growth): Route {
  return route({
    method: 'get',
    path: '/growth',
    access: 'admin',
    summary: 'The users who have added most today.',
    response: { status: 200, body: growersOut },
    handle: async ({ context }) => ({ status: 200, body: { data: await growth.top(50, context.deadline) } }),
  });
}
