/** Whether a failover that the Sentinels see no need for would help and lose nothing, and which Sentinel to ask for it. */
import { furthestOffset, type Role } from './role.ts';
import { type SentinelPeriods, selectReplica } from './sentinels/election.ts';
import type { SentinelReport } from './sentinels/sentinel-report.ts';
import type { SentinelAnswer } from './sentinels/sentinels.ts';
import type { View } from './sentinels/view.ts';

/** A failover costs all services a second. One that does not help, because this service is cut off, is not repeated before this. */
export const betweenChangesMs = 15_000;
/** Sentinel asks a replica without a master for INFO every second. */
const maxInfoAgeMs = 1500;
/**
 * A Sentinel selects the replica up to so long after the answer by which it was chosen. With an INFO that is too old by then it gives the failover
 * up, and INFO comes every second only while a replica has lost its master.
 */
const selectionMs = 250;
/** A Sentinel that passes over for a moment the replica by which it was chosen would promote another. Longer than the 15 s of steady-links.ts. */
export const leastSteadyMs = 16_000;

/** What is known when a failover is considered. */
type FailoverEvidence = {
  readonly view: Pick<View, 'master' | 'epoch'>;
  readonly answers: readonly SentinelAnswer[];
  /** All nodes but the master. */
  readonly replicas: readonly string[];
  /** What the master said, by INFO, before the replicas were asked; `undefined` when it did not answer this service. */
  readonly masterRole: Role | undefined;
  /** What those replicas that answered this service said, by INFO. */
  readonly roles: ReadonlyMap<string, Role>;
  /** The master's replication id; `undefined` when the master has not told it to this service. */
  readonly history: string | undefined;
  /** Since this service last saw master or epoch change. */
  readonly unchangedForMs: number;
  /** For how long a Sentinel has heard a replica without a break, see steady-links.ts. */
  readonly steadyForMs: (sentinel: string, replica: string) => number;
};

/** The Sentinel to ask and the replica that it would promote, or why none is asked: `reason` ends a sentence that begins with "because". */
export type FailoverChoice =
  | { readonly sentinel: string; readonly replica: string; readonly reason?: undefined }
  | { readonly reason: string };

/** Which Sentinel to ask for a failover. SENTINEL FAILOVER needs no vote: a Sentinel in a minority that is asked makes a second master. */
export function chooseFailover(evidence: FailoverEvidence, periods: SentinelPeriods): FailoverChoice {
  const { view, answers, replicas, roles, unchangedForMs } = evidence;
  const { master, epoch } = view;
  const complete = completeOffset(evidence);
  if (complete === undefined) return refuse('no replica that answers is known to have all acknowledged writes');
  const silent = replicas.filter((replica) => !roles.has(replica));
  const reports = answers.filter((answer) => 'master' in answer);
  if (reports.some(isFailingOver)) return refuse('a Sentinel already runs a failover or is about to start one');
  if (reports.some((report) => report.epoch > epoch)) return refuse('a Sentinel knows a newer epoch');
  const agreeing = reports.filter((report) => report.master === master && report.epoch === epoch);
  // All Sentinels forget at a change what they knew of the nodes; epoch 0 means that there was none yet.
  const settledForMs = epoch === 0 ? unchangedForMs : Math.max(0, ...agreeing.map((report) => report.masterRoleAgeMs));
  if (Math.min(unchangedForMs, settledForMs) < betweenChangesMs) {
    return refuse(`the master changed less than ${betweenChangesMs / 1000} s ago`);
  }
  const suitable = agreeing
    .filter((report) => agreeing.some((other) => other !== report && holdsUp(other, report) && holdsUp(report, other)))
    .flatMap((report) => {
      const replica = hearsAll(report) ? selectReplica(report, periods)?.address : undefined;
      const offset = replica === undefined ? undefined : roles.get(replica)?.offset;
      if (replica === undefined || offset === undefined || offset < complete) return [];
      if (selectReplica(agedBy(report, selectionMs), periods)?.address !== replica) return [];
      return [{ report, replica, peers: peersUp(report) }];
    });
  // Services on both sides of a cut choose the same Sentinel: two that are asked at once would promote two replicas.
  const chosen = suitable.reduce<(typeof suitable)[number] | undefined>(
    (best, next) => (best === undefined || next.peers > best.peers ? next : best),
    undefined,
  );
  if (chosen === undefined) {
    return refuse(
      'no Sentinel that agrees with another one hears all replicas and would promote one that has all acknowledged writes',
    );
  }
  const { report, replica } = chosen;
  const sentinel = report.address;
  // Not every service sees these, so they are no reason to choose another Sentinel.
  const other = silent.find((node) => !followsAt(report, node, master));
  if (other !== undefined) return refuse(`Sentinel ${sentinel} has not heard that ${other} follows ${master}`);
  if (evidence.steadyForMs(sentinel, replica) < leastSteadyMs) {
    return refuse(`Sentinel ${sentinel} lost its connection to ${replica} less than ${leastSteadyMs / 1000} s ago`);
  }
  return { sentinel, replica };
}

function refuse(reason: string): FailoverChoice {
  return { reason };
}

/**
 * The offset at which a replica has everything that was acknowledged before it was asked. If all replicas answer: that of the furthest. If one is
 * silent, it may be the only one that has some acknowledged write; then the offset of the master, which has them all.
 */
function completeOffset({ view, replicas, masterRole, roles, history }: FailoverEvidence): number | undefined {
  const answering = replicas.filter((replica) => roles.has(replica));
  if (answering.length === replicas.length) return furthestOffset(view.master, replicas, roles, history);
  if (masterRole?.state !== 'master') return undefined;
  const isComparable = furthestOffset(view.master, answering, roles, masterRole.history) !== undefined;
  return isComparable ? masterRole.offset : undefined;
}

/** Whether a Sentinel has heard that a replica follows the master: one that was promoted meanwhile does not. */
function followsAt({ replicas }: SentinelReport, address: string, master: string): boolean {
  return replicas.some((replica) => replica.address === address && replica.follows === master);
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
