/**
 * The rule of acknowledgement: does what is known prove that no election of the Sentinels can lose a write? One pure function decides it
 * for writes and for reads; DESIGN.md has the proof and its assumptions.
 *
 * A write that every Redis node has cannot be lost by an election. Otherwise each Sentinel that could lead a failover must be known to
 * elect a node that has the write, by Redis' own rules: `sentinelSelectSlave` and `sentinelGetLeader` in src/sentinel.c, alike in
 * Redis 7.0, 7.2, 7.4 and 8.0.
 */
import { best, canLead, hasSilentLeader, isCandidate, mayBecomeCandidate, type SentinelPeriods } from './election.ts';
import type { SentinelReport, SilentSentinel } from './sentinel-report.ts';

/** What is known of one write, or of what a read saw. */
export type Evidence = {
  readonly master: string;
  /** Replication offset of the master at which the write is complete. */
  readonly offset: number;
  /** A moment (service's monotonic clock) by which every healthy replica had received the write: {@link deliveryMs} after it was made. */
  readonly settledAtMs: number;
  /** The replicas that are known to have the write. */
  readonly confirmed: ReadonlySet<string>;
  /** All Redis nodes: the union of all Sentinels' lists. The master may be among them. */
  readonly nodes: ReadonlySet<string>;
  /** Every configured Sentinel once. All answers were asked for after the replicas had confirmed. */
  readonly sentinels: readonly (SentinelReport | SilentSentinel)[];
};

/** Why a write is not known to be durable, and what to do about it. */
export type Doubt =
  /** No replica is known to have it: repeat the write. */
  | 'unconfirmed'
  /** A Sentinel names another master or runs a failover: repeat the write, perhaps elsewhere. */
  | 'replaced'
  | 'failover'
  /** Ask again: fewer than two Sentinels answer, or a silent one could be leading a failover. */
  | 'too-few-sentinels'
  | 'silent-sentinel'
  /** Ask again: the leader of a failover has not finished it. */
  | 'switching'
  /** Ask again: a Sentinel would elect a node without the write, or none that it sees has it. */
  | 'other-winner'
  /** Ask again: the Sentinel does not know yet that the winner has the write, or has not heard from it since. */
  | 'winner-behind'
  | 'winner-not-heard'
  | 'no-candidate'
  | 'master-not-heard';

type Verdict = { readonly durable: true } | { readonly durable: false; readonly reason: Doubt };

/** A healthy link delivers within this time; a slower one counts as a fault. */
export const deliveryMs = 50;

const failoverFlags = ['failover_in_progress', 'force_failover'];

/** Decides whether the evidence proves the write durable. */
export function judgeDurability(evidence: Evidence, periods: SentinelPeriods): Verdict {
  const { master, nodes, confirmed } = evidence;
  // Also for a read while no replica can be elected in the master's place: they can be as soon as a cut heals.
  if (confirmed.size === 0) return doubt('unconfirmed');
  const missing = new Set([...nodes].filter((node) => node !== master && !confirmed.has(node)));
  if (missing.size === 0) return { durable: true };
  const answers = evidence.sentinels.filter((sentinel) => 'master' in sentinel);
  if (answers.length < 2) return doubt('too-few-sentinels');
  const hearing = answers.filter((answer) => surelyHearsMaster(answer, evidence, missing));
  if (hasSilentLeader(evidence.sentinels, answers, hearing)) return doubt('silent-sentinel');

  const leaders = answers.filter((answer) => canLead(answer, evidence.sentinels, hearing));
  // A Sentinel that the others see as down may have led a failover nevertheless: when a cut heals, connections come back one by one.
  const epoch = Math.max(-1, ...answers.filter((answer) => answer.master === master).map((answer) => answer.epoch));
  const isReplacing = (answer: SentinelReport) =>
    answer.master !== master && (leaders.includes(answer) || answer.epoch >= epoch);
  if (answers.some(isReplacing)) return doubt('replaced');
  if (answers.some((answer) => failoverFlags.some((flag) => answer.masterFlags.has(flag)))) return doubt('failover');
  if (answers.some(({ switchingFrom }) => switchingFrom !== undefined && missing.has(switchingFrom))) {
    return doubt('switching');
  }
  // Where they lose the master and the winner dies, they elect the node that lacks the write, however well the master is.
  if (hearing.length <= evidence.sentinels.length / 2) return doubt('master-not-heard');
  const elections = leaders.map((leader) =>
    judgeElection(leader, evidence, missing, hearing.includes(leader), periods),
  );
  const refused = elections.find((election) => typeof election === 'string');
  if (refused !== undefined) return doubt(refused);
  return judgeBlindLeaders(elections.filter((election) => typeof election === 'object'));
}

function doubt(reason: Doubt): Verdict {
  return { durable: false, reason };
}

/** What one Sentinel would do if it led a failover. */
type Election = {
  /**
   * `no`: it would elect a node that has the write. Otherwise it has no candidate at all; `lost`: it has heard a node with the write and
   * no longer does; `fresh`: it has heard none since its last reset.
   */
  readonly blind: 'no' | 'fresh' | 'lost';
  /** Whether it surely reaches the master, so that it starts no failover while that one lives. */
  readonly hearsMaster: boolean;
};

/** What a Sentinel has heard since this moment, it heard after the fault began: the write had settled, or a node without it was down there. */
function reachedSince(sentinel: SentinelReport, { settledAtMs }: Evidence, missing: ReadonlySet<string>): number {
  const downSinceMs = sentinel.replicas
    .filter(({ address }) => missing.has(address))
    .map((replica) => downSince(sentinel, replica.downForMs));
  return Math.min(settledAtMs + deliveryMs, ...downSinceMs);
}

function surelyHearsMaster(sentinel: SentinelReport, evidence: Evidence, missing: ReadonlySet<string>): boolean {
  const { masterRunId, masterPongAgeMs, masterInfoAgeMs } = sentinel;
  return (
    sentinel.master === evidence.master &&
    heardAt(sentinel, masterRunId, masterPongAgeMs, masterInfoAgeMs) >= reachedSince(sentinel, evidence, missing)
  );
}

function judgeElection(
  leader: SentinelReport,
  evidence: Evidence,
  missing: ReadonlySet<string>,
  hearsMaster: boolean,
  periods: SentinelPeriods,
): Election | Doubt {
  const { master, offset, settledAtMs, confirmed } = evidence;
  const listed = leader.replicas.filter(({ address }) => address !== master);
  const threats = listed.filter((replica) => missing.has(replica.address) && mayBecomeCandidate(replica));
  const winner = best([...new Set([...listed.filter((r) => isCandidate(r, leader, periods)), ...threats])]);
  if (winner === undefined) {
    const known = listed.some(({ address, runId }) => confirmed.has(address) && runId !== '');
    return { blind: known ? 'lost' : 'fresh', hearsMaster };
  }
  if (!confirmed.has(winner.address)) return 'other-winner';
  const heardMs = heardAt(leader, winner.runId, winner.pongAgeMs, winner.infoAgeMs);
  if (threats.length > 0 && winner.offset < offset) return 'winner-behind';
  // PONG and INFO that arrive `deliveryMs` after the write had settled answer questions that arrived after it had.
  const sinceMs = threats.length > 0 ? settledAtMs + deliveryMs : reachedSince(leader, evidence, missing);
  return heardMs >= sinceMs ? { blind: 'no', hearsMaster } : 'winner-not-heard';
}

/** Sentinels without a candidate: harmless while no failover can begin. It takes two that see the master as down, and most hear it. */
function judgeBlindLeaders(elections: readonly Election[]): Verdict {
  if (elections.some(({ blind }) => blind === 'no')) return { durable: true };
  if (elections.some(({ blind }) => blind === 'lost')) return doubt('no-candidate');
  return elections.every(({ hearsMaster }) => hearsMaster) ? { durable: true } : doubt('master-not-heard');
}

// --- When a Sentinel heard what, at the earliest or latest, on the service's clock

function heardAt(sentinel: SentinelReport, runId: string, pongAgeMs: number, infoAgeMs: number | undefined): number {
  if (runId === '' || infoAgeMs === undefined) return Number.NEGATIVE_INFINITY;
  return sentinel.askedAtMs - Math.min(pongAgeMs, infoAgeMs) - 1; // ages are rounded to whole ms
}

function downSince(sentinel: SentinelReport, downForMs: number | undefined): number {
  return downForMs === undefined ? Number.POSITIVE_INFINITY : sentinel.answeredAtMs - downForMs + 1;
}
