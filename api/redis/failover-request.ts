/**
 * Asks for a failover that the Sentinels see no need for. They only check whether the master answers them. A master that has lost its replicas,
 * or cannot reach the services, counts as up, and writes would wait as long as that lasts.
 */
import { monotonicMs } from '../core/clock.ts';
import { betweenChangesMs, chooseFailover, type FailoverChoice } from './failover-choice.ts';
import type { Nodes } from './nodes.ts';
import { sentinelPeriods } from './sentinels/proof.ts';
import type { Sentinels } from './sentinels/sentinels.ts';

/** See {@link openFailoverRequest}. */
export type FailoverRequest = {
  /** A write could not be acknowledged. @param sentAtMs when it was sent to the master, on the monotonic clock */
  onStalled(sentAtMs: number): void;
  /** A write was acknowledged. */
  onProgress(): void;
};

/** Longer than Sentinel takes to replace a master that is really gone. */
export const stalledForMs = 2500;
/** A group of writes has failed so long after it was sent: after the silence of node.ts. A longer time means that this process stood still. */
const failsWithinMs = 600;
/** Without a stalled write for this long, the next one begins a new count: there was nothing to write. */
const forgetAfterMs = 5000;
const checkIntervalMs = 250;
const refusedRetryMs = 1000;
/** A line in the log that says why no failover is asked for; writes may stall for as long as a cut lasts. */
const logIntervalMs = 5000;

/**
 * Asks a Sentinel for a failover once no write was acknowledged for 2.5 s, if `chooseFailover` (failover-choice.ts) finds one that helps. The promotion is
 * Sentinel's, and acknowledgements are safe during it as during any other.
 * @param log called for each request, and every 5 s with the reason while writes stall and none can be sent
 * @see https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/ (SENTINEL FAILOVER)
 */
export function openFailoverRequest(
  sentinels: Pick<Sentinels, 'view' | 'nodes' | 'ask' | 'changedAtMs' | 'steadyForMs' | 'failover'>,
  nodes: Pick<Nodes, 'infoOf' | 'replicaInfos' | 'masterHistory'>,
  log: (event: string) => void,
): FailoverRequest {
  let stalledSinceMs: number | undefined;
  let lastStalledMs = Number.NEGATIVE_INFINITY;
  let lastProgressMs = Number.NEGATIVE_INFINITY;
  let nextCheckMs = Number.NEGATIVE_INFINITY;
  let nextLogMs = Number.NEGATIVE_INFINITY;
  let isChecking = false;

  /** @returns `undefined` when the writes go on or the master has changed meanwhile */
  async function choose(): Promise<(FailoverChoice & { readonly master: string }) | undefined> {
    const master = sentinels.view()?.master;
    if (master === undefined) return undefined;
    const answers = await sentinels.ask();
    // The nodes last of all, because the Sentinel promotes another replica if the one that it would promote has just died; and the master before
    // the replicas: one that has reached its offset by then has everything that was acknowledged before.
    const masterRole = await nodes.infoOf(master);
    const roles = await nodes.replicaInfos();
    const view = sentinels.view();
    if (view?.master !== master || stalledSinceMs === undefined) return undefined;
    const replicas = [...sentinels.nodes()].filter((node) => node !== master);
    const history = nodes.masterHistory();
    const unchangedForMs = monotonicMs() - sentinels.changedAtMs();
    const { steadyForMs } = sentinels;
    const evidence = { view, answers, replicas, masterRole, roles, history, unchangedForMs, steadyForMs };
    return { ...chooseFailover(evidence, sentinelPeriods), master };
  }

  function logRefusal(master: string, reason: string): void {
    const now = monotonicMs();
    if (now < nextLogMs) return;
    nextLogMs = now + logIntervalMs;
    log(`Redis master ${master} does not confirm writes; not asking for a failover, because ${reason}`);
  }

  async function check(): Promise<void> {
    const first = await choose();
    if (first === undefined) return;
    if (first.reason !== undefined) return logRefusal(first.master, first.reason);
    // Looks twice: another service may have asked another Sentinel while this one collected what it knows.
    const chosen = await choose();
    if (chosen === undefined) return;
    if (chosen.reason !== undefined) return logRefusal(chosen.master, chosen.reason);
    if (chosen.sentinel !== first.sentinel || chosen.replica !== first.replica) return;
    log(
      `Redis master ${chosen.master} did not confirm a write for ${stalledForMs} ms; asking Sentinel ${chosen.sentinel} for a failover to ${chosen.replica}`,
    );
    nextCheckMs = monotonicMs() + betweenChangesMs;
    await sentinels.failover(chosen.sentinel).catch((error: Error) => {
      log(`Sentinel ${chosen.sentinel} refused the failover: ${error.message}`);
      nextCheckMs = monotonicMs() + refusedRetryMs;
    });
  }

  return {
    onStalled(sentAtMs) {
      const now = monotonicMs();
      if (now - lastStalledMs > forgetAfterMs) stalledSinceMs = undefined;
      lastStalledMs = now;
      stalledSinceMs ??= Math.max(sentAtMs, lastProgressMs, now - failsWithinMs);
      if (isChecking || now - stalledSinceMs < stalledForMs || now < nextCheckMs) return;
      isChecking = true;
      nextCheckMs = now + checkIntervalMs;
      check()
        .catch(() => undefined) // checked again with the next stalled write
        .finally(() => {
          isChecking = false;
        });
    },
    onProgress() {
      stalledSinceMs = undefined;
      lastProgressMs = monotonicMs();
    },
  };
}
