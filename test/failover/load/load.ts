/** Starts the clients of a run, and lets them finish. */
import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { outcomeOf } from '../history/outcome.ts';
import type { Recorder } from '../history/recorder.ts';
import type { Fixtures } from './fixtures.ts';
import { type Client, openClient, type RetryWindow } from './http-client.ts';
import type { Random } from './random.ts';

/** A client that begins a request every `everyMs` on average, or exactly. */
export type Actor = {
  readonly name: string;
  readonly everyMs: number;
  readonly isExact?: boolean;
  act(client: Client, random: Random): Promise<unknown>;
};

/** See {@link startLoad}. */
export type Load = {
  /** Begins no new requests; resolves when every outcome is known, or after `timeoutMs` of repeating. */
  finish(timeoutMs: number): Promise<void>;
};

/** How many requests of one client may be waiting for an answer before it begins no more. */
const mostWaiting = 80;
/** How many purchases are repeated under their keys, after the load, to compare the answers. */
const replayed = 40;

/** Starts all actors. @param baseUrl of Nginx */
export function startLoad(baseUrl: string, actors: readonly Actor[], recorder: Recorder, random: Random): Load {
  const retryWindow: RetryWindow = { untilMs: Number.POSITIVE_INFINITY };
  const open = new Set<Promise<unknown>>();
  const clients: Client[] = [];
  const stop = new AbortController();
  setMaxListeners(0, stop.signal); // one for each actor

  async function work(actor: Actor) {
    const own = random.fork(actor.name);
    const client = openClient(baseUrl, actor.name, recorder, retryWindow);
    clients.push(client);
    let waiting = 0;
    let nextMs = recorder.nowMs() + own.next() * actor.everyMs;
    while (!stop.signal.aborted) {
      // A pause can be long, and finish() does not wait for its end.
      await delay(Math.max(0, nextMs - recorder.nowMs()), undefined, { signal: stop.signal }).catch(() => {});
      if (stop.signal.aborted) break;
      nextMs += actor.isExact ? actor.everyMs : own.pauseMs(actor.everyMs);
      if (waiting >= mostWaiting) continue;
      waiting += 1;
      const act = actor.act(client, own);
      open.add(act);
      void act.finally(() => {
        open.delete(act);
        waiting -= 1;
      });
    }
  }
  const working = actors.map(work);

  return {
    async finish(timeoutMs) {
      stop.abort();
      retryWindow.untilMs = recorder.nowMs() + timeoutMs;
      await Promise.all(working);
      while (open.size > 0) await Promise.all(open);
      for (const client of clients) client.close();
    },
  };
}

/** Sends some purchases that were answered once more under their keys: the answer must be the same, and nothing may happen. */
export async function replaySome(
  baseUrl: string,
  fixtures: Fixtures,
  recorder: Recorder,
  random: Random,
): Promise<void> {
  const client = openClient(baseUrl, 'repeater', recorder, { untilMs: recorder.nowMs() + 20_000 });
  const tokens = new Map(fixtures.buyers.map(({ userId, token }) => [userId, token]));
  const answered = recorder
    .history()
    .operations.filter((operation) => operation.kind === 'purchase' && outcomeOf(operation).kind !== 'info');
  const repeated = answered.filter(({ attempts }) => attempts.length > 1).slice(0, replayed);
  const others = Array.from({ length: Math.min(replayed, answered.length) }, () => random.pick(answered));
  for (const { op, method, path, key, body, userId } of new Set([...repeated, ...others])) {
    if (key === undefined || userId === undefined) continue;
    const token = tokens.get(userId);
    await client.send({ kind: 'replay', method, path, key, body, userId, token, about: { replayOf: op } });
  }
  client.close();
}
