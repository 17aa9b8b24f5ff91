/** Answers of Sentinels, made up for tests. Without changes: a healthy cluster in which every replica has everything. */
import type { Role } from '../../api/redis/role.ts';
import type {
  PeerReport,
  ReplicaReport,
  SentinelReport,
  SilentSentinel,
} from '../../api/redis/sentinels/sentinel-report.ts';

/** A replica that is up, or with `down` one that has been down for 8 s. */
export function replicaReport(
  address: string,
  changes: Partial<ReplicaReport> & { down?: boolean } = {},
): ReplicaReport {
  const { down = false, ...rest } = changes;
  return {
    address,
    runId: `run-${address}`,
    flags: new Set(down ? ['s_down', 'slave', 'disconnected'] : ['slave']),
    priority: 100,
    offset: 1000,
    masterLinkDownMs: 0,
    follows: undefined,
    pongAgeMs: down ? 9000 : 100,
    infoAgeMs: down ? 9000 : 100,
    downForMs: down ? 8000 : undefined,
    ...rest,
  };
}

/** What Sentinel `own` of three says about the other two. */
export function peerReports(own: number, down: readonly number[] = []): PeerReport[] {
  return [1, 2, 3]
    .filter((number) => number !== own)
    .map((number) => ({
      id: `id-${number}`,
      address: `s:${number}`,
      flags: new Set(down.includes(number) ? ['s_down', 'sentinel'] : ['sentinel']),
    }));
}

/** The answer of Sentinel 1, 2 or 3, given 2 ms after the question. */
export function sentinelReport(
  number: number,
  master: string,
  replicas: readonly ReplicaReport[],
  changes: Partial<SentinelReport> = {},
): SentinelReport {
  const askedAtMs = changes.askedAtMs ?? performance.now();
  return {
    address: `s:${number}`,
    id: `id-${number}`,
    askedAtMs,
    answeredAtMs: askedAtMs + 2,
    master,
    epoch: 1,
    masterFlags: new Set(['master']),
    masterRunId: `run-${master}`,
    masterPongAgeMs: 100,
    masterInfoAgeMs: 100,
    masterDownForMs: undefined,
    masterRoleAgeMs: 60_000,
    downAfterMs: 1000,
    replicas,
    peers: peerReports(number),
    ...changes,
  };
}

/** Three Redis nodes. Without changes the first is the master, and the second has the larger offset. */
export const [a, b, c] = ['h:1', 'h:2', 'h:3'] as const;
/** The replicas `b` and `c` as a Sentinel reports them. */
export const bFirst = [replicaReport(b, { offset: 1001, follows: a }), replicaReport(c, { follows: a })];

/** What a replica of `a` answers to INFO. */
export function roleOfReplica(changes: Partial<Role> = {}): Role {
  return { follows: a, state: 'connected', history: 'now', offset: 9, ...changes };
}

/** The answer of Sentinel 1, 2 or 3 about `a`, `b` and `c`. */
export function reportOfAbc(number: number, changes: Partial<SentinelReport> = {}): SentinelReport {
  return sentinelReport(number, a, bFirst, changes);
}

/** Sentinel 1, 2 or 3 that does not answer. */
export const silentSentinel = (number: number): SilentSentinel => ({
  address: `s:${number}`,
  id: `id-${number}`,
  silent: true,
});
