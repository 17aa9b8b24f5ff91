/**
 * The rule of acknowledgement: does what is known prove that no election of the Sentinels can lose a write? One pure function decides it
 * for writes and for reads; DESIGN.md has the proof and its assumptions.
 *
 * A write that every Redis node has cannot be lost by an election. Otherwise each Sentinel that could lead a failover must be known to
 * elect a node that has the write, by Redis' own rules: `sentinelSelectSlave` and `sentinelGetLeader` in src/sentinel.c, alike in
 * Redis 7.0, 7.2, 7.4 and 8.0.
 */

/** A replica as one Sentinel reports it (SENTINEL REPLICAS). Addresses are `host:port`, ages and durations are in ms. */
export type ReplicaReport = {
  readonly address: string;
  /** Empty until the Sentinel has had its first INFO from this node since its last reset of the list (start, change of master). */
  readonly runId: string;
  readonly flags: ReadonlySet<string>;
  readonly priority: number;
  /** `slave-repl-offset` of the last INFO. */
  readonly offset: number;
  readonly masterLinkDownMs: number;
  /** Age of the last good reply to PING (`last-ok-ping-reply`). Without an INFO it means nothing: a reset sets it to zero. */
  readonly pongAgeMs: number;
  /** Age of the last INFO (`info-refresh`); `undefined` before the first one. */
  readonly infoAgeMs: number | undefined;
  /** For how long the Sentinel has held this node for down (`s-down-time`); `undefined` when it does not. */
  readonly downForMs: number | undefined;
};

/** Another Sentinel as one Sentinel reports it (SENTINEL SENTINELS). */
export type PeerReport = { readonly id: string; readonly address: string; readonly flags: ReadonlySet<string> };

/** One Sentinel's answer. Times are those of the service's monotonic clock, in ms. */
export type SentinelReport = {
  /** As the service is configured. */
  readonly address: string;
  /** SENTINEL MYID. */
  readonly id: string;
  readonly askedAtMs: number;
  readonly answeredAtMs: number;
  /** The master that it names. */
  readonly master: string;
  readonly epoch: number;
  /** Flags of the master that it names, at the leader of a failover those of the replica that was promoted. */
  readonly masterFlags: ReadonlySet<string>;
  /** Empty until the first INFO since the last reset. */
  readonly masterRunId: string;
  readonly masterPongAgeMs: number;
  readonly masterInfoAgeMs: number | undefined;
  readonly masterDownForMs: number | undefined;
  /** Since when the node that it watches has the role that it reports: since a change of master or the Sentinel's start, at least. */
  readonly masterRoleAgeMs: number;
  readonly downAfterMs: number;
  /**
   * The former master, at the leader of a failover until it forgets it (+switch-master). Were the new master to die before that, this
   * Sentinel would never finish, and would make the others follow the former master when it is back.
   */
  readonly switchingFrom?: string | undefined;
  /** The replicas that an election would choose from. */
  readonly replicas: readonly ReplicaReport[];
  readonly peers: readonly PeerReport[];
};

/** A Sentinel that did not answer in time. Its id is that of its last answer, if there was one. */
export type SilentSentinel = { readonly address: string; readonly id: string | undefined; readonly silent: true };

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

export type Verdict = { readonly durable: true } | { readonly durable: false; readonly reason: Doubt };

/** The periods with which the Sentinels run (SENTINEL DEBUG in redis/sentinel.sh); selection depends on them. */
export type SentinelPeriods = { readonly pingMs: number; readonly infoMs: number };

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
  // A Sentinel that the others hold for down may have led a failover nevertheless: when a cut heals, connections come back one by one.
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

/** Sentinels without a candidate: harmless while no failover can begin. It takes two that hold the master for down, and most hear it. */
function judgeBlindLeaders(elections: readonly Election[]): Verdict {
  if (elections.some(({ blind }) => blind === 'no')) return { durable: true };
  if (elections.some(({ blind }) => blind === 'lost')) return doubt('no-candidate');
  return elections.every(({ hearsMaster }) => hearsMaster) ? { durable: true } : doubt('master-not-heard');
}

// --- Who could lead a failover

/** Whether some Sentinel that did not answer could be elected leader now. */
function hasSilentLeader(
  all: Evidence['sentinels'],
  answers: readonly SentinelReport[],
  hearing: readonly SentinelReport[],
): boolean {
  const silent = all.filter((sentinel) => 'silent' in sentinel);
  if (silent.some((sentinel) => canLead(sentinel, all, hearing))) return true;
  // A Sentinel that only the others know. One that all of them hold for down is a leftover of an address that is no longer used.
  return answers.some(({ peers }) =>
    peers.some((peer) => !isDown(peer) && !all.some((sentinel) => isSame(peer, sentinel))),
  );
}

/**
 * Whether a Sentinel could lead a failover: a majority, its own vote included, votes for it, and a second Sentinel agrees that the master is down.
 * A Sentinel that holds it for down counts as lost to it only while it also hears the master: when a cut heals, connections come back one by
 * one, so its request for a vote can arrive before its replies to PING do.
 * @param hearing the Sentinels that surely hear the master
 */
function canLead(
  sentinel: SentinelReport | SilentSentinel,
  all: Evidence['sentinels'],
  hearing: readonly SentinelReport[],
): boolean {
  const majority = Math.floor(all.length / 2) + 1;
  const lost = hearing.filter((answer) => answer !== sentinel && holdsDown(answer, sentinel)).length;
  return all.length - lost >= majority;
}

function holdsDown(answer: SentinelReport, sentinel: SentinelReport | SilentSentinel): boolean {
  const entries = answer.peers.filter((peer) => isSame(peer, sentinel));
  return entries.length > 0 && entries.every(isDown);
}

/** By id where it is known: an address can belong to a Sentinel of the past. */
function isSame(peer: PeerReport, sentinel: SentinelReport | SilentSentinel): boolean {
  return sentinel.id === undefined ? peer.address === sentinel.address : peer.id === sentinel.id;
}

function isDown({ flags }: { readonly flags: ReadonlySet<string> }): boolean {
  return flags.has('s_down') || flags.has('o_down');
}

// --- Whom it would elect

/**
 * The replica that a Sentinel would promote if it led a failover at the time of its answer; `undefined` when it has no candidate.
 * @see sentinelSelectSlave in Redis' src/sentinel.c
 */
export function selectReplica(report: SentinelReport, periods: SentinelPeriods): ReplicaReport | undefined {
  return best(report.replicas.filter((replica) => isCandidate(replica, report, periods)));
}

function isCandidate(replica: ReplicaReport, sentinel: SentinelReport, { pingMs, infoMs }: SentinelPeriods): boolean {
  const { masterDownForMs, downAfterMs } = sentinel;
  const maxInfoAgeMs = masterDownForMs === undefined ? infoMs * 3 : pingMs * 5;
  const maxLinkDownMs = (masterDownForMs ?? 0) + downAfterMs * 10;
  return (
    !isDown(replica) &&
    !replica.flags.has('disconnected') &&
    replica.pongAgeMs <= pingMs * 5 &&
    replica.priority !== 0 &&
    replica.infoAgeMs !== undefined &&
    replica.infoAgeMs <= maxInfoAgeMs &&
    replica.masterLinkDownMs <= maxLinkDownMs
  );
}

/** A node that is not down comes back among the candidates with its next INFO or connection. */
function mayBecomeCandidate(replica: ReplicaReport): boolean {
  return !isDown(replica) && replica.priority !== 0 && replica.infoAgeMs !== undefined;
}

/** Lower priority, then higher offset, then lower run id; a node without a run id comes last. */
function best(replicas: readonly ReplicaReport[]): ReplicaReport | undefined {
  return [...replicas].sort(
    (a, b) =>
      a.priority - b.priority ||
      b.offset - a.offset ||
      Number(a.runId === '') - Number(b.runId === '') ||
      (a.runId.toLowerCase() < b.runId.toLowerCase() ? -1 : 1),
  )[0];
}

// --- When a Sentinel heard what, at the earliest or latest, on the service's clock

function heardAt(sentinel: SentinelReport, runId: string, pongAgeMs: number, infoAgeMs: number | undefined): number {
  if (runId === '' || infoAgeMs === undefined) return Number.NEGATIVE_INFINITY;
  return sentinel.askedAtMs - Math.min(pongAgeMs, infoAgeMs) - 1; // ages are rounded to whole ms
}

function downSince(sentinel: SentinelReport, downForMs: number | undefined): number {
  return downForMs === undefined ? Number.POSITIVE_INFINITY : sentinel.answeredAtMs - downForMs + 1;
}
