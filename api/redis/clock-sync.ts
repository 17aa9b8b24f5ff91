/**
 * The shop's time of day. A host or a Redis node can have a wrong clock; most do not. So this process compares the clocks of all
 * Redis nodes, and its own where their number is even, and takes the median.
 */
import type { Redis } from 'ioredis';
import { monotonicMs, setShopOffset, within } from '../core/clock.ts';
import type { Sentinels } from './sentinels/sentinels.ts';

/** See {@link syncClock}. */
export type ClockSync = {
  /** How far each Redis node's clock (`host:port`) is ahead of this process's clock, in ms. */
  differences(): ReadonlyMap<string, number>;
  close(): void;
};

const pollIntervalMs = 1000;
const firstPollIntervalMs = 50;
const answerMs = 300;
/** A slower answer says little about the time at which it was given. */
const maxRoundTripMs = 100;
/** How long the clock of a node that no longer answers counts, in ms: in six hours two clocks drift apart by about a second. */
const maxSampleAgeMs = 6 * 3_600_000;
/** Of fewer clocks it is not clear which one is wrong. */
const quorum = 3;

/** A clock minus the monotonic clock, in ms, and the monotonic time at which they were compared. */
type Sample = { readonly offsetMs: number; readonly atMs: number };

/**
 * The offset that most clocks agree on: the median of an odd number of them. This host's own clock only makes the number odd, so that with
 * three Redis nodes it may be wrong together with one of theirs.
 * @returns `undefined` with fewer than three clocks
 */
export function shopOffset(nodeOffsetsMs: readonly number[], ownOffsetMs: number): number | undefined {
  const offsets = nodeOffsetsMs.length % 2 === 1 ? [...nodeOffsetsMs] : [...nodeOffsetsMs, ownOffsetMs];
  if (offsets.length < quorum) return undefined;
  return offsets.sort((a, b) => a - b)[(offsets.length - 1) / 2];
}

/**
 * Sets the shop's time of this process once a second, from the median of at least three clocks. With fewer it keeps the time that it has.
 * @param connection to a node for reading
 * @see https://redis.io/docs/latest/commands/time/
 */
export function syncClock(sentinels: Pick<Sentinels, 'nodes'>, connection: (address: string) => Redis): ClockSync {
  const samples = new Map<string, Sample>();
  let closed = false;
  let isSet = false;
  let timer: NodeJS.Timeout | undefined;

  async function compare(address: string): Promise<void> {
    const redis = connection(address);
    if (redis.status !== 'ready') return;
    const sentMs = monotonicMs();
    const reply = await within(redis.time(), answerMs).catch(() => undefined);
    const atMs = monotonicMs();
    if (reply === undefined || atMs - sentMs > maxRoundTripMs) return;
    const [seconds, microseconds] = reply.map(Number);
    const nodeMs = (seconds ?? 0) * 1000 + (microseconds ?? 0) / 1000;
    samples.set(address, { offsetMs: nodeMs - (sentMs + atMs) / 2, atMs });
  }

  async function compareAll(): Promise<void> {
    const nodes = sentinels.nodes();
    await Promise.all([...nodes].map(compare));
    const oldestMs = monotonicMs() - maxSampleAgeMs;
    for (const [node, { atMs }] of samples) if (!nodes.has(node) || atMs < oldestMs) samples.delete(node);
    const offsetMs = shopOffset(
      [...samples.values()].map((sample) => sample.offsetMs),
      ownOffset(),
    );
    if (!closed && offsetMs !== undefined) setShopOffset(offsetMs);
    isSet = offsetMs !== undefined;
  }

  async function poll(): Promise<void> {
    await compareAll().catch(() => undefined);
    if (closed) return;
    timer = setTimeout(() => void poll(), isSet ? pollIntervalMs : firstPollIntervalMs);
    timer.unref();
  }
  void poll();

  return {
    differences: () => new Map([...samples].map(([node, { offsetMs }]) => [node, offsetMs - ownOffset()])),
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}

/** This host's clock minus the monotonic clock, in ms. */
function ownOffset(): number {
  return Date.now() - monotonicMs();
}
