/**
 * For how long each Sentinel has heard each replica without a break. After a cut has healed, a Sentinel closes the connection that it began to
 * open during the cut, up to 15 s later (SENTINEL_MIN_LINK_RECONNECT_PERIOD in src/sentinel.c), and passes that replica over for a moment.
 */
import type { SentinelReport, SilentSentinel } from './sentinel-report.ts';

/** See {@link trackSteadyLinks}. */
export type SteadyLinks = {
  /** What the Sentinels have just answered. @param nowMs monotonic */
  observe(answers: readonly (SentinelReport | SilentSentinel)[], nowMs: number): void;
  /** Since the Sentinel last reported the replica as down or disconnected, in ms; Infinity if this service has not seen that. */
  steadyForMs(sentinel: string, replica: string, nowMs: number): number;
};

/** Keeps the last such report of each Sentinel about each replica. */
export function trackSteadyLinks(): SteadyLinks {
  const brokenAtMs = new Map<string, number>();
  return {
    observe(answers, nowMs) {
      for (const answer of answers) {
        if (!('master' in answer)) continue;
        for (const { address, runId, flags } of answer.replicas) {
          if (runId === '') continue; // not heard yet since the Sentinel's start or a change of master: nothing has broken
          if (flags.has('s_down') || flags.has('disconnected')) brokenAtMs.set(`${answer.address} ${address}`, nowMs);
        }
      }
    },
    steadyForMs: (sentinel, replica, nowMs) =>
      nowMs - (brokenAtMs.get(`${sentinel} ${replica}`) ?? Number.NEGATIVE_INFINITY),
  };
}
