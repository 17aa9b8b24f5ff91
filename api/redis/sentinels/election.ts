/**
 * Elections of the Sentinels: which of them could lead a failover, and which replica it would promote, by Redis' own rules
 * (`sentinelGetLeader` and `sentinelSelectSlave` in src/sentinel.c, alike in Redis 7.0, 7.2, 7.4 and 8.0).
 */
import type { PeerReport, ReplicaReport, SentinelReport, SilentSentinel } from './sentinel-report.ts';

/** The periods with which the Sentinels run (SENTINEL DEBUG in redis/sentinel.sh); selection depends on them. */
export type SentinelPeriods = { readonly pingMs: number; readonly infoMs: number };

/** Whether some Sentinel that did not answer could be elected leader now. @param hearing see {@link canLead} */
export function hasSilentLeader(
  all: readonly (SentinelReport | SilentSentinel)[],
  answers: readonly SentinelReport[],
  hearing: readonly SentinelReport[],
): boolean {
  const silent = all.filter((sentinel) => 'silent' in sentinel);
  if (silent.some((sentinel) => canLead(sentinel, all, hearing))) return true;
  // A Sentinel that only the others know. One that all of them see as down is a leftover of an address that is no longer used.
  return answers.some(({ peers }) =>
    peers.some((peer) => !isDown(peer) && !all.some((sentinel) => isSame(peer, sentinel))),
  );
}

/**
 * Whether a Sentinel could lead a failover: a majority, its own vote included, votes for it, and a second Sentinel agrees that the master is down.
 * A Sentinel that sees it as down counts as lost to it only while the master answers it: when a cut heals, connections come back one by
 * one, so its request for a vote can arrive before its replies to PING do.
 * @param hearing the Sentinels that surely hear the master
 */
export function canLead(
  sentinel: SentinelReport | SilentSentinel,
  all: readonly (SentinelReport | SilentSentinel)[],
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

/**
 * The replica that a Sentinel would promote if it led a failover at the time of its answer; `undefined` when it has no candidate.
 * @see sentinelSelectSlave in Redis' src/sentinel.c
 */
export function selectReplica(report: SentinelReport, periods: SentinelPeriods): ReplicaReport | undefined {
  return best(report.replicas.filter((replica) => isCandidate(replica, report, periods)));
}

/** Whether a Sentinel would consider this replica as the next master at the time of its answer. */
export function isCandidate(
  replica: ReplicaReport,
  sentinel: SentinelReport,
  { pingMs, infoMs }: SentinelPeriods,
): boolean {
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
export function mayBecomeCandidate(replica: ReplicaReport): boolean {
  return !isDown(replica) && replica.priority !== 0 && replica.infoAgeMs !== undefined;
}

/** Lower priority, then higher offset, then lower run id; a node without a run id comes last. */
export function best(replicas: readonly ReplicaReport[]): ReplicaReport | undefined {
  return [...replicas].sort(
    (a, b) =>
      a.priority - b.priority ||
      b.offset - a.offset ||
      Number(a.runId === '') - Number(b.runId === '') ||
      (a.runId.toLowerCase() < b.runId.toLowerCase() ? -1 : 1),
  )[0];
}
