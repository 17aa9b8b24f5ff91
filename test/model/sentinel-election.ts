/** Votes: each Sentinel has one for each epoch (sentinel.c, "FAILOVER"). */
import { event, mstime, type Sentinel } from './sentinel.ts';

const maxDesync = 1000;

export const desync = (s: Sentinel) => Math.floor(s.sim.random() * maxDesync);

/** sentinelVoteLeader: votes for the candidate, or repeats the vote that it gave in this epoch or a later one. */
export function voteLeader(
  s: Sentinel,
  epoch: number,
  candidate: string,
): { leader: string | undefined; leaderEpoch: number } {
  if (epoch > s.currentEpoch) s.currentEpoch = epoch;
  if (s.master.leaderEpoch < epoch && s.currentEpoch <= epoch) {
    s.master.leader = candidate;
    s.master.leaderEpoch = s.currentEpoch;
    event(s, `+vote-for-leader ${candidate} ${s.currentEpoch}`);
    if (candidate !== s.process.name) s.failoverStartTime = mstime(s) + desync(s);
  }
  return { leader: s.master.leader, leaderEpoch: s.master.leaderEpoch };
}

/** sentinelGetLeader: the Sentinel with a majority of the votes in this epoch, ours included. */
export function getLeader(s: Sentinel, epoch: number): string | undefined {
  const votes = new Map<string, number>();
  const count = (name: string) => votes.set(name, (votes.get(name) ?? 0) + 1);
  for (const other of s.sentinels.values())
    if (other.leader !== undefined && other.leaderEpoch === s.currentEpoch) count(other.leader);
  const winner = mostVoted(votes);
  const own = voteLeader(s, epoch, winner ?? s.process.name);
  if (own.leader !== undefined && own.leaderEpoch === epoch) count(own.leader);
  const leader = mostVoted(votes);
  const majority = Math.floor((s.sentinels.size + 1) / 2) + 1;
  return leader !== undefined && (votes.get(leader) ?? 0) >= Math.max(majority, s.settings.quorum) ? leader : undefined;
}

function mostVoted(votes: ReadonlyMap<string, number>): string | undefined {
  let most = 0;
  let winner: string | undefined;
  for (const [name, number] of votes) {
    if (number <= most) continue;
    most = number;
    winner = name;
  }
  return winner;
}
