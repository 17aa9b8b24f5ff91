/** What a Sentinel says, as data, and its parser. */
import { pairsOf } from '../../core/pairs.ts';

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
  /** The master that it followed at the last INFO; `undefined` when it said that it is one itself. */
  readonly follows: string | undefined;
  /** Age of the last good reply to PING (`last-ok-ping-reply`). Without an INFO it means nothing: a reset sets it to zero. */
  readonly pongAgeMs: number;
  /** Age of the last INFO (`info-refresh`); `undefined` before the first one. */
  readonly infoAgeMs: number | undefined;
  /** For how long the Sentinel has seen this node as down (`s-down-time`); `undefined` when it does not. */
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

/** The commands that make a report, in the order in which {@link parseReport} takes their replies; each takes the name of the master. */
export const reportCommands = ['MASTER', 'REPLICAS', 'SENTINELS', 'GET-MASTER-ADDR-BY-NAME'] as const;

/** Who was asked, and when on the service's monotonic clock. */
type Asked = Pick<SentinelReport, 'address' | 'askedAtMs' | 'answeredAtMs'>;

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
  const replicas = (replicasReply as unknown[]).map(recordOf).filter(isNode);
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

/**
 * Whether a listed replica can be one. A client that copies the master's data without announcing a port (`redis-cli --rdb`, for a backup while no
 * replica is in step) is listed with port 0, for ever. No Sentinel can reach it, so none elects it; waiting for it would delay every write.
 */
function isNode({ port }: Fields): boolean {
  return port !== '0';
}

function replicaOf(fields: Fields): ReplicaReport {
  return {
    address: addressOf(fields),
    runId: fields.runid ?? '',
    flags: flagsOf(fields),
    priority: Number(fields['slave-priority'] ?? 100),
    offset: Number(fields['slave-repl-offset'] ?? 0),
    masterLinkDownMs: Number(fields['master-link-down-time'] ?? 0),
    follows: fields['role-reported'] === 'slave' ? `${fields['master-host']}:${fields['master-port']}` : undefined,
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
  return Object.fromEntries(pairsOf(flat as string[]));
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
