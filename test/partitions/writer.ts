/** Writes at a steady rate, and what became of them. */

import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { deadlineIn } from '../../api/core/clock.ts';
import { Unavailable } from '../../api/core/outcome.ts';
import type { ShopRedis } from '../../api/redis/open.ts';
import type { Cluster } from './cluster.ts';

const source = "redis.call('SET', KEYS[1], ARGV[1]) return { 'fresh', 'done' }";
const put = { name: 'put', source, sha: createHash('sha1').update(source).digest('hex') };
const keyOf = (number: number) => `{users}:written:${number}`;

/** Sets a key durably. */
export const putKey = (redis: ShopRedis, number: number, timeoutMs = 3700) =>
  redis.writes.run(put, [keyOf(number)], [number], deadlineIn(timeoutMs));

/** An acknowledged write: its number and when it was acknowledged, in ms on the monotonic clock. */
export type Acknowledged = { readonly number: number; readonly atMs: number };

/** See {@link startWriter}. */
export type Writer = {
  readonly acknowledged: readonly Acknowledged[];
  /** Writes that were refused at their deadline or before. */
  refused(): number;
  /** Stops writing and waits for what is under way. */
  stop(): Promise<void>;
};

/** Writes a new key every `everyMs`, whatever becomes of the others; each has a deadline like a client's request. */
export function startWriter(redis: ShopRedis, everyMs: number, firstNumber = 1): Writer {
  const acknowledged: Acknowledged[] = [];
  const pending = new Set<Promise<void>>();
  let refused = 0;
  let stopped = false;

  async function write(number: number) {
    try {
      await putKey(redis, number);
      acknowledged.push({ number, atMs: performance.now() });
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      refused += 1;
    }
  }

  async function loop() {
    for (let number = firstNumber; !stopped; number++) {
      const writing = write(number).finally(() => pending.delete(writing));
      pending.add(writing);
      await delay(everyMs);
    }
  }
  const looping = loop();

  return {
    acknowledged,
    refused: () => refused,
    async stop() {
      stopped = true;
      await looping;
      await Promise.all(pending);
    },
  };
}

/** The acknowledged writes that the present master does not have. */
export async function lostWrites(cluster: Cluster, acknowledged: readonly Acknowledged[]): Promise<Acknowledged[]> {
  const redis = cluster.direct(await cluster.settled());
  const pipeline = redis.pipeline();
  for (const { number } of acknowledged) pipeline.exists(keyOf(number));
  const replies = (await pipeline.exec()) ?? [];
  redis.disconnect();
  return acknowledged.filter((_, i) => replies[i]?.[1] !== 1);
}

/** The longest time between two acknowledgements, in ms, within a period; its ends count as acknowledgements. */
export function longestGapMs(acknowledged: readonly Acknowledged[], fromMs: number, toMs: number): number {
  const times = acknowledged.map(({ atMs }) => atMs).filter((atMs) => atMs > fromMs && atMs < toMs);
  const all = [fromMs, ...times.sort((a, b) => a - b), toMs];
  return Math.max(...all.slice(1).map((atMs, i) => atMs - (all[i] ?? atMs)));
}
