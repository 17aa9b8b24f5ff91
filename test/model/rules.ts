/** The rules of acknowledgement that the model compares: production's, the one before it, and those that look right at first. */
import { type Evidence, judgeDurability } from '../../api/redis/sentinels/durability.ts';
import type { SentinelPeriods } from '../../api/redis/sentinels/election.ts';
import type { SentinelReport } from '../../api/redis/sentinels/sentinel-report.ts';

export type Rule = {
  /** What it demands, in one line. */
  readonly about: string;
  /** Whether a write is acknowledged on a number of confirmations alone, without asking the Sentinels. */
  readonly enough?: (confirmed: number) => boolean;
  /** Whether a new master pads its history to stand further than nodes of another one (api/redis/writes/outgrow.ts). */
  readonly pads?: true;
  /** Whether the evidence proves that a write, or what a read saw, is durable. */
  readonly holds: (evidence: Evidence, periods: SentinelPeriods) => boolean;
};

const moving = ['s_down', 'o_down', 'force_failover', 'failover_in_progress'];

const answered = ({ sentinels }: Evidence) => sentinels.filter((sentinel) => 'master' in sentinel);
const isDown = (node: { readonly flags: ReadonlySet<string> } | undefined) =>
  node === undefined || node.flags.has('s_down');
const replicaAt = (report: SentinelReport, name: string) => report.replicas.find(({ address }) => address === name);
const isConfirmed = ({ confirmed }: Evidence) => confirmed.size > 0;

/** The rule up to commit 5eb7839: at least two Sentinels answer and none suspects anything, each silent one is down to all others. */
function fenceHolds(evidence: Evidence): boolean {
  return isConfirmed(evidence) && isQuiet(evidence);
}

/** Without the confirmation of a replica, this was the condition of a request for a failover, too. */
export function isQuiet({ master, sentinels }: Pick<Evidence, 'master' | 'sentinels'>): boolean {
  const reports = sentinels.filter((sentinel) => 'master' in sentinel);
  const silent = sentinels.length - reports.length;
  return (
    reports.length >= 2 &&
    reports.every(
      ({ master: named, masterFlags, peers }) =>
        named === master && !moving.some((flag) => masterFlags.has(flag)) && peers.filter(isDown).length >= silent,
    )
  );
}

/** The fence, and enough Sentinels heard the master after the write that no other majority can think it down. */
function fenceAndFreshPong(evidence: Evidence): boolean {
  const fresh = answered(evidence).filter(
    ({ askedAtMs, masterPongAgeMs }) => askedAtMs - masterPongAgeMs > evidence.settledAtMs,
  );
  return fenceHolds(evidence) && fresh.length >= 2;
}

/** A majority of the Sentinels sees every node that did not confirm as down, and names this master. */
function missingAreDown(evidence: Evidence): boolean {
  const { nodes, master, confirmed } = evidence;
  const missing = [...nodes].filter((node) => node !== master && !confirmed.has(node));
  const agree = answered(evidence).filter(
    (report) => report.master === master && missing.every((name) => isDown(replicaAt(report, name))),
  );
  return isConfirmed(evidence) && agree.length >= 2;
}

export const rules = {
  production: {
    about: 'judgeDurability of api/redis/sentinels/durability.ts',
    pads: true,
    holds: (evidence, periods) => judgeDurability(evidence, periods).durable,
  },
  fence: { about: 'the rule of before: two Sentinels answer and none suspects anything', holds: fenceHolds },
  'wait-1': { about: 'WAIT 1 alone', enough: (confirmed) => confirmed >= 1, holds: isConfirmed },
  'no-wait': { about: 'the master alone', enough: () => true, holds: () => true },
  'fresh-pong': { about: 'the fence, and two Sentinels heard the master after the write', holds: fenceAndFreshPong },
  'missing-down': { about: 'a majority of Sentinels sees every missing replica as down', holds: missingAreDown },
  'all-replicas': {
    about: 'every replica confirms (min-replicas 2): sound, but one dead replica stops sales',
    holds: () => false,
  },
} satisfies Record<string, Rule>;

export type RuleName = keyof typeof rules;
