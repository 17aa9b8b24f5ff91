/**
 * A Sentinel: what it knows of the master, the replicas and the other Sentinels, and its timer. Follows sentinel.c of Redis 7.0.15;
 * that of 7.2, 7.4 and 8.0 (and Valkey 8) differs in log levels, CONFIG and one more flag shown, not in what decides. Names are those
 * of sentinel.c, so that both can be read side by side. Left out: host names, scripts, SENTINEL SET and RESET, address changes.
 */
import { sentinelPeriods } from '../../api/redis/sentinels/proof.ts';
import { type Connection, clockMs, type Network, type Process } from './network.ts';
import type { RedisNode } from './redis-node.ts';
import type { Simulator } from './simulator.ts';

/** SENTINEL DEBUG and sentinel.conf, in ms where not a number of Sentinels. */
export type SentinelSettings = {
  readonly quorum: number;
  readonly downAfter: number;
  readonly failoverTimeout: number;
  readonly parallelSyncs: number;
  readonly infoPeriod: number;
  readonly pingPeriod: number;
  readonly publishPeriod: number;
  readonly askPeriod: number;
  readonly tiltTrigger: number;
  readonly tiltPeriod: number;
  readonly slaveReconfTimeout: number;
  readonly minLinkReconnectPeriod: number;
  readonly electionTimeout: number;
};

/** The settings of redis/sentinel.conf and redis/sentinel.sh; the rest are Redis' own. */
export const shopSettings: SentinelSettings = {
  quorum: 2,
  downAfter: 1000,
  failoverTimeout: 2000,
  parallelSyncs: 2,
  infoPeriod: sentinelPeriods.infoMs,
  pingPeriod: sentinelPeriods.pingMs,
  publishPeriod: 500,
  askPeriod: 1000,
  tiltTrigger: 2000,
  tiltPeriod: 5000,
  slaveReconfTimeout: 10_000,
  minLinkReconnectPeriod: 15_000,
  electionTimeout: 10_000,
};

/** The periods up to commit 5eb7839, with which real Redis and Sentinels were tried and the seeds of the tests were found. */
export const earlierSettings: SentinelSettings = { ...shopSettings, infoPeriod: 1000, publishPeriod: 1000 };

/** instanceLink: the connections to an instance, and when it answered. */
export type Link = {
  disconnected: boolean;
  pendingCommands: number;
  cc: Connection | undefined;
  pc: Connection | undefined;
  ccConnTime: number;
  pcConnTime: number;
  pcLastActivity: number;
  lastAvailTime: number;
  /** When the oldest ping without an answer was sent; 0 when there is none. */
  actPingTime: number;
  lastPingTime: number;
  lastPongTime: number;
  lastReconnTime: number;
};

/** sentinelRedisInstance. */
export type Instance = {
  readonly kind: 'master' | 'slave' | 'sentinel';
  /** The name of the process at its address. */
  readonly name: string;
  runId: string | undefined;
  link: Link;
  lastPubTime: number;
  lastHelloTime: number;
  lastMasterDownReplyTime: number;
  sDown: boolean;
  oDown: boolean;
  masterDown: boolean;
  sDownSinceTime: number;
  oDownSinceTime: number;
  infoRefresh: number;
  roleReported: 'master' | 'slave';
  roleReportedTime: number;
  slaveConfChangeTime: number;
  masterLinkDownTime: number;
  slaveMaster: string | undefined;
  isMasterLinkUp: boolean;
  slaveReplOffset: number;
  slavePriority: number;
  promoted: boolean;
  reconf: 'none' | 'sent' | 'inprog' | 'done';
  slaveReconfSentTime: number;
  leader: string | undefined;
  leaderEpoch: number;
};

export type FailoverState =
  | 'none'
  | 'wait_start'
  | 'select_slave'
  | 'send_slaveof_noone'
  | 'wait_promotion'
  | 'reconf_slaves'
  | 'update_config';

export type Sentinel = {
  readonly sim: Simulator;
  readonly net: Network;
  readonly process: Process;
  readonly settings: SentinelSettings;
  readonly nodes: ReadonlyMap<string, RedisNode>;
  readonly peers: ReadonlyMap<string, Sentinel>;
  currentEpoch: number;
  master: Instance;
  slaves: Map<string, Instance>;
  readonly sentinels: Map<string, Instance>;
  configEpoch: number;
  failoverEpoch: number;
  failoverState: FailoverState;
  failoverInProgress: boolean;
  forceFailover: boolean;
  failoverStateChangeTime: number;
  failoverStartTime: number;
  promotedSlave: Instance | undefined;
  tilt: boolean;
  tiltStartTime: number;
  previousTime: number;
};

/** mstime(): the Sentinel's own clock. */
export const mstime = (s: Sentinel) => clockMs(s.sim, s.process);

export const event = (s: Sentinel, text: string) => s.sim.trace?.(`${s.process.name} ${text}`);

/** createInstanceLink. */
function createLink(now: number): Link {
  return {
    disconnected: true,
    pendingCommands: 0,
    cc: undefined,
    pc: undefined,
    ccConnTime: 0,
    pcConnTime: 0,
    pcLastActivity: 0,
    lastAvailTime: now,
    actPingTime: now,
    lastPingTime: 0,
    lastPongTime: now,
    lastReconnTime: 0,
  };
}

/** createSentinelRedisInstance. */
export function createInstance(kind: Instance['kind'], name: string, now: number): Instance {
  return {
    kind,
    name,
    runId: kind === 'sentinel' ? name : undefined,
    link: createLink(now),
    lastPubTime: now,
    lastHelloTime: now,
    lastMasterDownReplyTime: now,
    sDown: false,
    oDown: false,
    masterDown: false,
    sDownSinceTime: 0,
    oDownSinceTime: 0,
    infoRefresh: 0,
    roleReported: kind === 'slave' ? 'slave' : 'master',
    roleReportedTime: now,
    slaveConfChangeTime: now,
    masterLinkDownTime: 0,
    slaveMaster: undefined,
    isMasterLinkUp: false,
    slaveReplOffset: 0,
    slavePriority: 100,
    promoted: false,
    reconf: 'none',
    slaveReconfSentTime: 0,
    leader: undefined,
    leaderEpoch: 0,
  };
}

/** What a Sentinel knows when the simulation starts: the master, its replicas and the other Sentinels. */
export function createSentinel(
  parts: Pick<Sentinel, 'sim' | 'net' | 'process' | 'settings' | 'nodes' | 'peers'>,
  masterName: string,
): Sentinel {
  const now = clockMs(parts.sim, parts.process);
  const others = (names: Iterable<string>, but: string) => [...names].filter((name) => name !== but);
  return {
    ...parts,
    currentEpoch: 0,
    master: createInstance('master', masterName, now),
    slaves: new Map(others(parts.nodes.keys(), masterName).map((name) => [name, createInstance('slave', name, now)])),
    sentinels: new Map(),
    configEpoch: 0,
    failoverEpoch: 0,
    failoverState: 'none',
    failoverInProgress: false,
    forceFailover: false,
    failoverStateChangeTime: 0,
    failoverStartTime: 0,
    promotedSlave: undefined,
    tilt: false,
    tiltStartTime: 0,
    previousTime: now,
  };
}

/** sentinelGetCurrentMasterAddress: what the Sentinel names when it is asked, and in its hello messages. */
export function currentMaster(s: Sentinel): string {
  const isSwitched = s.failoverState === 'reconf_slaves' || s.failoverState === 'update_config';
  return s.failoverInProgress && s.promotedSlave !== undefined && isSwitched ? s.promotedSlave.name : s.master.name;
}

/** sentinelRedisInstanceNoDownFor. */
export function noDownFor(s: Sentinel, instance: Instance, ms: number): boolean {
  const mostRecent = Math.max(instance.sDownSinceTime, instance.oDownSinceTime);
  return mostRecent === 0 || mstime(s) - mostRecent > ms;
}

/** The end of a failover in sentinelResetMaster. */
export function forgetFailover(s: Sentinel): void {
  s.failoverInProgress = false;
  s.forceFailover = false;
  s.failoverState = 'none';
  s.failoverStateChangeTime = 0;
  s.failoverStartTime = 0;
  s.promotedSlave = undefined;
}

export function closeConnection(link: Link, which: 'cc' | 'pc'): void {
  const connection = link[which];
  if (connection === undefined) return;
  link[which] = undefined;
  if (which === 'cc') link.pendingCommands = 0;
  link.disconnected = true;
  connection.close('client');
}
