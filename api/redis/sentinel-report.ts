/** Parses what a Sentinel says into a {@link SentinelReport}. */
import type { PeerReport, ReplicaReport, SentinelReport } from './durability.ts';

/** The commands that make a report, in the order in which {@link parseReport} takes their replies; each takes the name of the master. */
export const reportCommands = ['MASTER', 'REPLICAS', 'SENTINELS', 'GET-MASTER-ADDR-BY-NAME'] as const;

/** Who was asked, and when on the service's monotonic clock. */
export type Asked = Pick<SentinelReport, 'address' | 'askedAtMs' | 'answeredAtMs'>;

/**
 * Parses the replies to SENTINEL MYID and to {@link reportCommands}.
 *
 * MASTER describes the node that is watched, GET-MASTER-ADDR-BY-NAME the node to use. They differ at the leader of a failover from the
 * moment at which the new master has obeyed (and the new epoch counts) until all replicas follow it. When that ends, the leader forgets all
 * that it knows about the replicas (sentinelResetMasterAndChangeAddress), so they are reported as not heard.
 * @see https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/#sentinel-commands
 */
export function parseReport(
  asked: Asked,
  [id, watchedReply, replicasReply, peersReply, current]: unknown[],
): SentinelReport {
  const watched = recordOf(watchedReply);
  const replicas = (replicasReply as unknown[]).map(recordOf);
  const master = (current as string[]).join(':');
  const isSwitching = addressOf(watched) !== master;
  const named = isSwitching ? replicas.find((replica) => addressOf(replica) === master) : watched;
  const others = (isSwitching ? [watched, ...replicas] : replicas).filter((node) => addressOf(node) !== master);
  return {
    ...asked,
    id: String(id),
    master,
    epoch: Number(watched['config-epoch']),
    // A leader that names a master which it does not list is in between two states.
    masterFlags: named === undefined ? new Set(['failover_in_progress']) : flagsOf(named),
    masterRunId: named?.runid ?? '',
    masterPongAgeMs: Number(named?.['last-ok-ping-reply']),
    masterInfoAgeMs: infoAgeOf(named ?? {}),
    masterDownForMs: optionalNumber(named?.['s-down-time']),
    masterRoleAgeMs: Number(watched['role-reported-time']),
    downAfterMs: Number(watched['down-after-milliseconds']),
    switchingFrom: isSwitching ? addressOf(watched) : undefined,
    replicas: others.map((node) =>
      isSwitching ? { ...replicaOf(node), runId: '', infoAgeMs: undefined } : replicaOf(node),
    ),
    peers: (peersReply as unknown[]).map(recordOf).map(peerOf),
  };
}

function replicaOf(fields: Fields): ReplicaReport {
  return {
    address: addressOf(fields),
    runId: fields.runid ?? '',
    flags: flagsOf(fields),
    priority: Number(fields['slave-priority'] ?? 100),
    offset: Number(fields['slave-repl-offset'] ?? 0),
    masterLinkDownMs: Number(fields['master-link-down-time'] ?? 0),
    pongAgeMs: Number(fields['last-ok-ping-reply']),
    infoAgeMs: infoAgeOf(fields),
    downForMs: optionalNumber(fields['s-down-time']),
  };
}

function peerOf(fields: Fields): PeerReport {
  return { id: fields.runid ?? '', address: addressOf(fields), flags: flagsOf(fields) };
}

type Fields = Readonly<Record<string, string>>;

function recordOf(flat: unknown): Fields {
  const list = flat as string[];
  const record: Record<string, string> = {};
  for (let i = 0; i + 1 < list.length; i += 2) record[String(list[i])] = String(list[i + 1]);
  return record;
}

function addressOf({ ip, port }: Fields): string {
  return `${ip}:${port}`;
}

function flagsOf({ flags = '' }: Fields): ReadonlySet<string> {
  return new Set(flags.split(','));
}

/** `info-refresh` is 0 before the first INFO, which also brings the run id, and 0 when one has just come. */
function infoAgeOf({ runid = '', 'info-refresh': age = '0' }: Fields): number | undefined {
  return runid === '' ? undefined : Number(age);
}

function optionalNumber(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
