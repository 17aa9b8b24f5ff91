/**
 * Approximate counting: each replica counts by itself and reconciles in the background with the others, in windows that they share in
 * Redis. So a request causes no command of its own, and a caller with few requests causes none at all.
 *
 * What a replica has counted but not reconciled stays below its allowance. All replicas together therefore admit at most a tenth more than
 * the quota: the sum of the others' allowances.
 */
import type { Redis } from 'ioredis';
import { monotonicMs, within } from '../core/clock.ts';
import { newId } from '../core/ids.ts';
import { runUnconfirmed } from '../redis/send-script.ts';
import { aloneMs, redisTimeoutMs } from './limit-counters.ts';
import type { Count, Policy } from './limit-policies.ts';
import { scripts } from './scripts.ts';

/** Time between two reconciliations in the background, in ms. */
const reconcileIntervalMs = 500;
const sweepIntervalMs = 10_000;
/** Windows in one script call: about 1 ms of Redis' time. */
const windowsPerCall = 200;

/** A caller's window: points of all replicas at the last reconciliation (our own included), and ours since then. */
type Window = { endsAtMs: number; sharedPoints: number; ownPoints: number; replicas: number };

/** See {@link createShares}. */
export type Shares = {
  /** Counts a request of the caller `key`, or refuses it when no point is left. Never throws. */
  charge(key: string, points: number): Promise<Count>;
  /** Adds points for what has happened already, so the quota may be passed. */
  add(key: string, points: number): void;
  /** Reconciles what is due now instead of in the background. */
  reconcile(): Promise<void>;
};

/**
 * Creates the counting of one limit.
 * @param policy its quota, window and name
 * @param master a connection to the present master, `undefined` while there is none: then this replica counts alone
 */
export function createShares(service: string, policy: Policy, master: () => Redis | undefined): Shares {
  const { quota, name } = policy;
  const windowMs = policy.windowSeconds * 1000;
  const replica = newId();
  const due = new Set<string>();
  const windows = createWindows(windowMs, (key) => due.delete(key));
  let reconciling: Promise<void> | undefined;
  let aloneUntilMs = 0;

  /** How much this replica may count before it has to reconcile. Before the first time it assumes three replicas. */
  const allowanceOf = ({ replicas }: Window) => Math.max(1, Math.floor((0.09 * quota) / Math.max(3, replicas)));
  const isAlone = () => monotonicMs() < aloneUntilMs || master() === undefined;

  async function reconcileSome(redis: Redis, keys: readonly string[]): Promise<void> {
    const sent = keys.map((key) => {
      const window = windows.of(key);
      return { window, points: window.ownPoints };
    });
    const call = {
      keys: { windows: keys.map((key) => `{${service}}:limit:${name}:${key}`) },
      args: { replica, windowMs, points: sent.map(({ points }) => points) },
    };
    const reply = await within(
      runUnconfirmed(redis, scripts.share, call).catch(() => undefined),
      redisTimeoutMs,
    );
    if (reply === undefined) aloneUntilMs = monotonicMs() + aloneMs;
    const sums = reply?.sums.map(Number);
    for (const [i, { window, points }] of sent.entries()) settle(window, points, sums?.slice(3 * i), windowMs);
  }

  async function reconcileDue(): Promise<void> {
    const redis = isAlone() ? undefined : master();
    if (redis === undefined) return;
    const keys = [...due];
    due.clear();
    for (let i = 0; i < keys.length; i += windowsPerCall) await reconcileSome(redis, keys.slice(i, i + windowsPerCall));
  }

  function reconcile(): Promise<void> {
    reconciling ??= reconcileDue().finally(() => {
      reconciling = undefined;
    });
    return reconciling;
  }

  setInterval(() => {
    if (due.size > 0) void reconcile();
    windows.sweep();
  }, reconcileIntervalMs).unref();

  return {
    reconcile,
    add(key, points) {
      const window = windows.of(key);
      window.ownPoints += Math.ceil(points); // Redis counts in integers
      if (2 * window.ownPoints >= allowanceOf(window)) due.add(key);
    },
    async charge(key, points) {
      let window = windows.of(key);
      const isOver = () => window.sharedPoints + window.ownPoints >= quota;
      while (!isOver() && window.ownPoints >= allowanceOf(window) && !isAlone()) {
        due.add(key);
        await reconcile();
        window = windows.of(key);
      }
      const isRefused = isOver();
      if (!isRefused) window.ownPoints += points;
      if (2 * window.ownPoints >= allowanceOf(window)) due.add(key);
      const used = window.sharedPoints + window.ownPoints;
      return { used, resetMs: window.endsAtMs - monotonicMs(), isRefused };
    },
  };
}

/** The windows that this replica knows. One that has ended begins anew when it is asked for; `onBegin` is called then. */
function createWindows(windowMs: number, onBegin: (key: string) => void) {
  const windows = new Map<string, Window>();
  let sweptMs = monotonicMs();
  return {
    of(key: string): Window {
      const found = windows.get(key);
      if (found !== undefined && monotonicMs() < found.endsAtMs) return found;
      const begun = { endsAtMs: monotonicMs() + windowMs, sharedPoints: 0, ownPoints: 0, replicas: 0 };
      windows.set(key, begun);
      onBegin(key);
      return begun;
    },
    /** Deletes those that have ended. */
    sweep() {
      const now = monotonicMs();
      if (now - sweptMs < sweepIntervalMs) return;
      sweptMs = now;
      for (const [key, { endsAtMs }] of windows) if (now >= endsAtMs) windows.delete(key);
    },
  };
}

/**
 * Takes over what a reconciliation brought.
 * @param points of this replica that were sent
 * @param sums of all replicas: points, replicas, ms until the window ends; `undefined` when Redis did not answer
 */
function settle(window: Window, points: number, sums: readonly number[] | undefined, windowMs: number): void {
  window.ownPoints -= points;
  if (sums === undefined) {
    window.sharedPoints += points; // counted here, whether or not the other replicas have it
    return;
  }
  const [shared = 0, replicas = 1, endsInMs = windowMs] = sums;
  window.sharedPoints = shared;
  window.replicas = replicas;
  window.endsAtMs = monotonicMs() + endsInMs;
}
