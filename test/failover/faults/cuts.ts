/** What all cuts of the network have in common: cut some links for a while, heal them, and judge which hosts could write meanwhile. */
import { setTimeout as delay } from 'node:timers/promises';
import { serviceNames } from '../../../api/services.ts';
import { waitFor } from '../../support/wait.ts';
import type { Cluster } from '../cluster.ts';
import { isWrite, outcomeOf } from '../history/outcome.ts';
import type { Fault, FaultContext, Promised } from './fault.ts';
import type { Link } from './network.ts';
import { longestGapMs, type ProbeResult, startProbes } from './probes.ts';

/** What to cut, and which hosts have to write or must not while the cut lasts. */
export type CutPlan = {
  /** For the history. */
  readonly what: string;
  readonly links: readonly Link[];
  /** Hosts (1 to 3) whose `products` replica must acknowledge a write at least every `withinMs`. */
  readonly writing?: readonly number[];
  readonly withinMs?: number;
  /** Hosts that are on a side with a single Redis node: no acknowledgement there until the cut heals. */
  readonly silent?: readonly number[];
};

/** How soon writes go on after a cut has healed. */
const recoveryMs = 6000;
/** A split vote costs Sentinel a second election: the gap that is then allowed. */
export const splitElectionGapMs = 10_000;
/** Answers that were on their way when the cut began. */
const inFlightMs = 300;

/** The names of the three Sentinels. */
export const sentinelNames: readonly string[] = ['sentinel-1', 'sentinel-2', 'sentinel-3'];
/** The names of the three Redis nodes. */
export const redisNames: readonly string[] = ['redis-1', 'redis-2', 'redis-3'];

/** The names of all service replicas. */
export function serviceReplicas(cluster: Cluster): string[] {
  return cluster.shop.names().filter((name) => serviceNames.some((service) => name.startsWith(`${service}-`)));
}

/** The names of all Nginx. */
export function nginxNames(cluster: Cluster): string[] {
  return cluster.shop.names().filter((name) => name.startsWith('nginx-'));
}

/** As in stack.yml: `redis-2`, `sentinel-2` and the second replica of each service run on host 2. */
export function hostOf(name: string): number {
  return Number(name.slice(name.lastIndexOf('-') + 1));
}

/** Everything that runs on a host. */
export function partsOfHost(cluster: Cluster, host: number): string[] {
  return cluster.shop.names().filter((name) => hostOf(name) === host);
}

/** A fault that cuts what `plan` says for `lastsMs`. */
export function cutFault(
  name: string,
  promise: Promised,
  lastsMs: number,
  plan: (context: FaultContext) => Promise<CutPlan>,
): Fault {
  return { name, promise, needs: 'proxies', run: async (context) => runCut(context, lastsMs, await plan(context)) };
}

async function runCut(context: FaultContext, lastsMs: number, plan: CutPlan): Promise<void> {
  const { cluster, recorder, log } = context;
  if (cluster.network === undefined) throw new Error('the links of this shop cannot be cut');
  const { what, links, writing = [], silent = [], withinMs = 6000 } = plan;
  const probes = startProbes(context, [...writing, ...silent]);
  log(`cut ${what}`);
  const fromMs = recorder.nowMs();
  await cluster.network.cut(links);
  await delay(lastsMs);
  const toMs = recorder.nowMs();
  await cluster.network.heal();
  log('the links are healed');
  await waitForWrites(context, toMs);
  if (writing.length + silent.length > 0) await delay(Math.max(0, toMs + recoveryMs - recorder.nowMs()));
  const faults = (await probes.stop()).flatMap((result) => {
    const leastMs = context.splitElections() > 0 ? splitElectionGapMs : 0;
    const allowedMs = Math.max(withinMs, leastMs) + context.requestDelayMs;
    return judgeProbe(result, fromMs, toMs, writing.includes(result.host) ? allowedMs : undefined);
  });
  if (faults.length > 0) throw new Error(faults.join('; '));
}

/** Waits for a write that clients began after `healedMs` and that was acknowledged. */
async function waitForWrites({ recorder }: FaultContext, healedMs: number): Promise<void> {
  const isAfter = (atMs: number) => atMs > healedMs;
  await waitFor(
    'a write to be acknowledged after the links were healed',
    () =>
      recorder.history().operations.some((operation) => {
        if (!isWrite(operation) || operation.about.probe) return false;
        const outcome = outcomeOf(operation);
        return outcome.kind === 'ok' && isAfter(outcome.atMs);
      }),
    recoveryMs,
    50,
  );
}

function judgeProbe(
  { host, acknowledged }: ProbeResult,
  fromMs: number,
  toMs: number,
  allowedMs: number | undefined,
): string[] {
  const answeredMs = acknowledged.map(({ endedMs }) => endedMs);
  const recoveredMs = answeredMs.filter((atMs) => atMs > toMs).sort((a, b) => a - b)[0];
  const found: string[] = [];
  if (allowedMs === undefined) {
    const during = acknowledged.filter(({ invokedMs, endedMs }) => invokedMs > fromMs + inFlightMs && endedMs < toMs);
    if (during.length > 0) found.push(`host ${host} acknowledged ${during.length} writes with a single Redis node`);
  } else {
    const gapMs = longestGapMs(answeredMs, fromMs, toMs);
    if (gapMs > allowedMs) found.push(`host ${host} acknowledged nothing for ${Math.round(gapMs)} ms during the cut`);
  }
  if (recoveredMs === undefined || recoveredMs - toMs > recoveryMs) {
    found.push(`host ${host} acknowledged nothing within ${recoveryMs} ms after the links were healed`);
  }
  return found;
}
