/**
 * Asks for a failover that the Sentinels see no need for. They only check whether the master answers them: one that has lost its replicas,
 * or cannot reach the services, is fine to them, and writes would wait as long as that lasts.
 */
import { monotonicMs } from '../core/clock.ts';
import { type SentinelPeriods, selectReplica } from './election.ts';
import type { Nodes } from './nodes.ts';
import { sentinelPeriods } from './proof.ts';
import { furthestOffset, type Role } from './role.ts';
import type { SentinelReport } from './sentinel-report.ts';
import type { SentinelAnswer, Sentinels } from './sentinels.ts';
import type { View } from './view.ts';

/** See {@link openFailoverRequest}. */
export type FailoverRequest = {
  /** A write could not be acknowledged. */
  onStalled(): void;
  /** A write was acknowledged. */
  onProgress(): void;
};

/** Longer than Sentinel takes to replace a master that is really gone. */
const stalledForMs = 2500;
/** Without a stalled write for this long, the next one begins a new count: there was nothing to write. */
const forgetAfterMs = 5000;
/** A failover costs all services a second. One that does not help, because this service is cut off, is not repeated before this. */
const betweenChangesMs = 15_000;
const checkIntervalMs = 250;
/** Sentinel asks a replica without a master for INFO every second. */
const maxInfoAgeMs = 1500;
const refusedRetryMs = 1000;
/**
 * A Sentinel selects the replica up to so long after the answer by which it was chosen. With an INFO that is too old by then it gives the failover
 * up, and INFO comes every second only while a replica has lost its master.
 */
const selectionMs = 250;

/**
 * Asks a Sentinel for a failover once no write was acknowledged for 2.5 s, if {@link chooseFailover} finds one that helps. The promotion is
 * Sentinel's, and acknowledgements are safe during it as during any other.
 * @param log hears of each request
 * @see https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/ (SENTINEL FAILOVER)
 */
export function openFailoverRequest(
  sentinels: Pick<Sentinels, 'view' | 'nodes' | 'ask' | 'changedAtMs' | 'failover'>,
  nodes: Pick<Nodes, 'replicaInfos' | 'masterHistory'>,
  log: (event: string) => void,
): FailoverRequest {
  let stalledSinceMs: number | undefined;
  let lastStalledMs = Number.NEGATIVE_INFINITY;
  let nextCheckMs = Number.NEGATIVE_INFINITY;
  let isChecking = false;

  async function choose() {
    const [answers, roles] = await Promise.all([sentinels.ask(), nodes.replicaInfos()]);
    const view = sentinels.view();
    if (view === undefined || stalledSinceMs === undefined) return undefined;
    const replicas = [...sentinels.nodes()].filter((node) => node !== view.master);
    const history = nodes.masterHistory();
    const unchangedForMs = monotonicMs() - sentinels.changedAtMs();
    const chosen = chooseFailover({ view, answers, replicas, roles, history, unchangedForMs }, sentinelPeriods);
    return chosen && { ...chosen, master: view.master };
  }

  async function check(): Promise<void> {
    const first = await choose();
    // Looks twice: another service may have asked another Sentinel while this one collected what it knows.
    const chosen = first && (await choose());
    if (chosen === undefined || chosen.sentinel !== first?.sentinel || chosen.replica !== first.replica) return;
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
    onStalled() {
      const now = monotonicMs();
      if (now - lastStalledMs > forgetAfterMs) stalledSinceMs = undefined;
      lastStalledMs = now;
      stalledSinceMs ??= now;
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
    },
  };
}

/** What is known when a failover is considered. */
type FailoverEvidence = {
  readonly view: Pick<View, 'master' | 'epoch'>;
  readonly answers: readonly SentinelAnswer[];
  /** All nodes but the master. */
  readonly replicas: readonly string[];
  /** What those that answered this service said, by INFO. */
  readonly roles: ReadonlyMap<string, Role>;
  /** The master's replication id; `undefined` when the master has not told it to this service. */
  readonly history: string | undefined;
  /** Since this service last saw master or epoch change. */
  readonly unchangedForMs: number;
};

/**
 * The Sentinel to ask for a failover and the replica that it would promote; `undefined` when none should be asked. SENTINEL FAILOVER needs no
 * vote: a Sentinel in a minority that is asked makes a second master.
 */
export function chooseFailover(
  { view: { master, epoch }, answers, replicas, roles, history, unchangedForMs }: FailoverEvidence,
  periods: SentinelPeriods,
): { readonly sentinel: string; readonly replica: string } | undefined {
  const furthest = furthestOffset(master, replicas, roles, history);
  if (furthest === undefined) return undefined;
  const reports = answers.filter((answer) => 'master' in answer);
  if (reports.some(isFailingOver) || reports.some((report) => report.epoch > epoch)) return undefined;
  const agreeing = reports.filter((report) => report.master === master && report.epoch === epoch);
  // All Sentinels forget at a change what they knew of the nodes; epoch 0 means that there was none yet.
  const settledForMs = epoch === 0 ? unchangedForMs : Math.max(0, ...agreeing.map((report) => report.masterRoleAgeMs));
  if (Math.min(unchangedForMs, settledForMs) < betweenChangesMs) return undefined;
  const suitable = agreeing
    .filter((report) => agreeing.some((other) => other !== report && holdsUp(other, report) && holdsUp(report, other)))
    .flatMap((report) => {
      const replica = hearsAll(report) ? selectReplica(report, periods)?.address : undefined;
      if (replica === undefined || roles.get(replica)?.offset !== furthest) return [];
      if (selectReplica(agedBy(report, selectionMs), periods)?.address !== replica) return [];
      return [{ sentinel: report.address, replica, peers: peersUp(report) }];
    });
  // Services on both sides of a cut choose the same Sentinel: two that are asked at once would promote two replicas.
  return suitable.reduce<(typeof suitable)[number] | undefined>(
    (best, next) => (best === undefined || next.peers > best.peers ? next : best),
    undefined,
  );
}

/**
 * Whether a Sentinel compares all replicas. One that has acknowledged writes and is down would be passed over although the master, which
 * lives, has them.
 */
function hearsAll({ replicas }: SentinelReport): boolean {
  return replicas.every(
    ({ flags, infoAgeMs }) =>
      !flags.has('s_down') && !flags.has('disconnected') && infoAgeMs !== undefined && infoAgeMs <= maxInfoAgeMs,
  );
}

/** The report of a Sentinel that has heard nothing more of the replicas since. */
function agedBy(report: SentinelReport, ms: number): SentinelReport {
  const replicas = report.replicas.map((replica) => ({
    ...replica,
    pongAgeMs: replica.pongAgeMs + ms,
    infoAgeMs: replica.infoAgeMs === undefined ? undefined : replica.infoAgeMs + ms,
  }));
  return { ...report, replicas };
}

function isFailingOver({ masterFlags }: SentinelReport): boolean {
  return ['o_down', 'failover_in_progress', 'force_failover'].some((flag) => masterFlags.has(flag));
}

function holdsUp(report: SentinelReport, other: SentinelReport): boolean {
  return report.peers.some((peer) => peer.id === other.id && !peer.flags.has('s_down'));
}

function peersUp(report: SentinelReport): number {
  return report.peers.filter((peer) => !peer.flags.has('s_down')).length;
}
