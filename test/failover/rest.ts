/**
 * The time since the last fault on a shop was healed. Services ask for a failover 2.5 s after writes have stalled, but not within 15 s of a change of master, nor
 * within 16 s of a cut between a Sentinel and a replica (api/redis/failover-choice.ts). A fault that comes sooner after another may therefore last longer for clients.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { leastSteadyMs } from '../../api/redis/failover-choice.ts';
import { stalledForMs } from '../../api/redis/failover-request.ts';
import type { Cluster } from './cluster.ts';

/** A fault that begins so long after the last healing delays no request. */
const restMs = leastSteadyMs - stalledForMs;

const healedAtMs = new WeakMap<Cluster, number>();

/** Notes that a fault on this shop has just been healed. */
export function noteHealing(cluster: Cluster): void {
  healedAtMs.set(cluster, performance.now());
}

/** For how long a request for a failover can be delayed by the last fault, if another one begins `inMs` from now; 0 when it has rested for long enough. */
export function requestDelayMs(cluster: Cluster, inMs = 0): number {
  const healedMs = healedAtMs.get(cluster) ?? Number.NEGATIVE_INFINITY;
  return Math.max(0, healedMs + restMs - performance.now() - inMs);
}

/** Waits until a fault that begins `inMs` later delays no request. */
export function waitForRest(cluster: Cluster, inMs: number): Promise<void> {
  return delay(requestDelayMs(cluster, inMs));
}
