/** Follows an event stream, computes a state from it, and knows how old that state is. */
import { deadlineIn, monotonicMs, pause } from '../core/clock.ts';
import { Unavailable } from '../core/outcome.ts';
import { pairsOf } from '../core/pairs.ts';
import type { Reads } from './reads/reads.ts';
import type { Sentinels } from './sentinels/sentinels.ts';

/** An entry of a stream: its id and fields. */
export type StreamEntry = { readonly id: string; readonly fields: Readonly<Record<string, string>> };

/** What to follow, and what to compute from it. */
export type FollowOptions<State> = {
  /** The stream's key. */
  readonly stream: string;
  /** How far to go back at the start, in ms before the stream's newest entry. */
  readonly historyMs: number;
  /** A state before the first entry. */
  readonly initial: () => State;
  /**
   * Adds an entry to the state. Entries come in order; one may come twice in a row. If it throws, the state is not fresh until the entry was
   * applied or has left the stream.
   */
  readonly apply: (state: State, entry: StreamEntry) => void;
};

/** See {@link followStream}. */
export type Followed<State> = {
  state(): State;
  /** Milliseconds since every acknowledged entry was surely in the state; Infinity before it was for the first time. */
  ageMs(): number;
  close(): void;
};

/** A revocation has to be known everywhere within a second; four polls fit into it. */
const pollIntervalMs = 200;
const retryMs = 20;
const queryMs = 1000;
const chunk = 1000;

/**
 * Reads the stream as read-your-writes reads do: from any node that has everything that is acknowledged, the furthest replica while there
 * is no master; and only what no failover can take back.
 *
 * No clock but Redis' own is used: ids of entries are times of the node that was master. They may jump when the master changes, so after
 * each change, and when the stream has become shorter, the state is computed anew from the history while the old state stays in use.
 *
 * An entry that `apply` cannot read, such as one of a newer release, is not skipped: it may be a revocation.
 * @param log called with what an operator should find in the log
 * @see https://redis.io/docs/latest/commands/xread/
 */
export function followStream<State>(
  { stream, historyMs, initial, apply }: FollowOptions<State>,
  reads: Pick<Reads, 'query'>,
  sentinels: Pick<Sentinels, 'onMaster'>,
  log: (event: string) => void = () => undefined,
): Followed<State> {
  type Position = { readonly state: State; last: string };
  let closed = false;
  let freshAtMs = Number.NEGATIVE_INFINITY;
  let current: Position = { state: initial(), last: '0-0' };
  let rebuilt: Position | undefined;
  /** The history that is to be read and the one that `current` or `rebuilt` is from: counted, because the first may change at any time. */
  let wantedHistory = 1;
  let readHistory = 0;

  const stop = sentinels.onMaster(() => {
    wantedHistory += 1;
  });

  /** One poll. Returns whether there is more to read at once. */
  async function read(): Promise<boolean> {
    const history = wantedHistory;
    if (readHistory !== history) {
      rebuilt = { state: initial(), last: await startOfHistory() };
      readHistory = history;
    }
    const position = rebuilt ?? current;
    const sentMs = monotonicMs(); // not the arrival of the answer: this process may have stood still in between
    const [reply, newest] = await reads.query(
      'read-your-writes',
      (pipeline) =>
        pipeline.xread('COUNT', chunk, 'STREAMS', stream, position.last).xrevrange(stream, '+', '-', 'COUNT', 1),
      deadlineIn(queryMs),
    );
    const newestId = idOfNewest(newest);
    if (newestId !== undefined && isBefore(newestId, position.last)) wantedHistory += 1;
    if (wantedHistory !== history) return true;
    const entries = (reply as [string, [string, string[]][]][] | null)?.[0]?.[1] ?? [];
    for (const [id, flat] of entries) {
      try {
        apply(position.state, { id, fields: Object.fromEntries(pairsOf(flat)) });
      } catch (error) {
        throw new Error(`its entry ${id} cannot be read: ${error}`);
      }
      position.last = id;
    }
    if (entries.length === chunk) return true;
    current = position;
    rebuilt = undefined;
    freshAtMs = sentMs;
    return false;
  }

  async function startOfHistory(): Promise<string> {
    const [newest] = await reads.query(
      'read-your-writes',
      (pipeline) => pipeline.xrevrange(stream, '+', '-', 'COUNT', 1),
      deadlineIn(queryMs),
    );
    const newestMs = Number(idOfNewest(newest)?.split('-')[0] ?? 0);
    return `${Math.max(0, newestMs - historyMs)}-0`;
  }

  async function follow() {
    let logged: string | undefined;
    while (!closed) {
      const pauseMs = await read().then(
        (hasMore) => (hasMore ? 0 : pollIntervalMs),
        (error) => {
          if (error instanceof Unavailable) return retryMs;
          const event = `The stream ${stream} cannot be followed: ${error.message}. Trying again every ${pollIntervalMs} ms`;
          if (event !== logged) log(event);
          logged = event;
          return pollIntervalMs;
        },
      );
      await pause(pauseMs);
    }
  }
  void follow();

  return {
    state: () => current.state,
    ageMs: () => monotonicMs() - freshAtMs,
    close() {
      closed = true;
      stop();
    },
  };
}

function idOfNewest(entries: unknown): string | undefined {
  return (entries as [string, string[]][])[0]?.[0];
}

/** Whether one entry id is lower than another: `<ms>-<sequence>`. */
function isBefore(a: string, b: string): boolean {
  const [aMs = 0, aSequence = 0] = a.split('-').map(Number);
  const [bMs = 0, bSequence = 0] = b.split('-').map(Number);
  return aMs < bMs || (aMs === bMs && aSequence < bSequence);
}
