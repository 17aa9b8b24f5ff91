/** Follows another service's event stream on the master, and knows how old its view of it is. */
import type { Redis } from 'ioredis';
import { monotonicMs, pause } from '../core/clock.ts';
import { type Address, addressText } from './node.ts';
import type { Sentinels } from './sentinels.ts';

/** An entry of a stream: its id and fields. */
export type StreamEntry = { readonly id: string; readonly fields: Readonly<Record<string, string>> };

/** See {@link tailStream}. */
export type Tail = {
  /** Milliseconds since the view was surely complete; Infinity before it was for the first time. */
  ageMs(): number;
  close(): void;
};

const blockMs = 300;
/** How far to go back after a change of master: its clock, and so its ids, may be behind the old one's. Handlers are idempotent. */
const overlapMs = 60_000;

/**
 * Calls `handle` with every entry younger than `sinceMs` and then with each new one, at least once each, in order.
 * @see https://redis.io/docs/latest/commands/xread/
 */
export function tailStream(
  stream: string,
  sinceMs: number,
  handle: (entry: StreamEntry) => void,
  sentinels: Sentinels,
  connect: (address: Address) => Redis,
): Tail {
  let closed = false;
  let freshAtMs = Number.NEGATIVE_INFINITY;
  let redis: Redis | undefined;
  let address: Address | undefined;
  let last = `${Math.max(0, sinceMs)}-0`;

  const stop = sentinels.onMaster((master) => {
    if (address !== undefined && addressText(address) === addressText(master)) return;
    redis?.disconnect();
    redis = connect(master);
    const lastMs = Number(last.split('-')[0]);
    if (address !== undefined) last = `${Math.max(0, lastMs - overlapMs)}-0`;
    address = master;
  });

  async function read(from: Redis): Promise<void> {
    const sentMs = monotonicMs(); // not the answer's arrival: we may have been frozen in between
    const results = await from.pipeline().role().xread('COUNT', 500, 'BLOCK', blockMs, 'STREAMS', stream, last).exec();
    const [roleError, role] = results?.[0] ?? [new Error('no answer'), undefined];
    const [readError, reply] = results?.[1] ?? [new Error('no answer'), undefined];
    if (roleError || readError) throw roleError ?? readError;
    if ((role as unknown[])[0] !== 'master') throw new Error('not the master');
    if (from !== redis) return;
    const entries = (reply as [string, [string, string[]][]][] | null)?.[0]?.[1] ?? [];
    for (const [id, flat] of entries) {
      handle({ id, fields: fieldsOf(flat) });
      last = id;
    }
    if (entries.length < 500) freshAtMs = sentMs;
  }

  async function follow() {
    while (!closed) {
      if (redis?.status === 'ready') await read(redis).catch(() => pause(20));
      else await pause(20);
    }
  }
  void follow();

  return {
    ageMs: () => monotonicMs() - freshAtMs,
    close() {
      closed = true;
      stop();
      redis?.disconnect();
    },
  };
}

function fieldsOf(flat: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) fields[String(flat[i])] = String(flat[i + 1]);
  return fields;
}
