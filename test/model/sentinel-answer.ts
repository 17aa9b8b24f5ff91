/** What a Sentinel says to a service that asks it, as api/redis/sentinels/sentinel-report.ts reads it. */
import type { PeerReport, ReplicaReport, SentinelReport } from '../../api/redis/sentinels/sentinel-report.ts';
import { currentMaster, type Instance, mstime, type Sentinel } from './sentinel.ts';

/** A report whose times the service fills in. */
export type UntimedReport = { -readonly [Key in keyof SentinelReport]: SentinelReport[Key] };

const up: ReadonlySet<string> = new Set(['sentinel']);
const down: ReadonlySet<string> = new Set(['sentinel', 's_down']);
const none: readonly [] = [];

/** What the services' polls use of it: the master and its epoch. */
export function shortReportOf(s: Sentinel): UntimedReport {
  const { name } = s.process;
  return {
    address: name,
    id: name,
    askedAtMs: 0,
    answeredAtMs: 0,
    master: currentMaster(s),
    epoch: s.configEpoch,
    masterFlags: up,
    masterRunId: '',
    masterPongAgeMs: 0,
    masterInfoAgeMs: undefined,
    masterDownForMs: undefined,
    masterRoleAgeMs: Math.floor(mstime(s) - s.master.roleReportedTime),
    downAfterMs: s.settings.downAfter,
    switchingFrom: undefined,
    replicas: none,
    peers: none,
  };
}

/** The leader of a failover names the promoted node before it forgets, with the switch, what it knew of the others. */
export function reportOf(s: Sentinel): UntimedReport {
  const report = shortReportOf(s);
  const now = mstime(s);
  const isSwitching = report.master !== s.master.name;
  const about = nodeReport(s, (isSwitching ? s.slaves.get(report.master) : undefined) ?? s.master, now);
  if (isSwitching && !s.master.link.disconnected) report.switchingFrom = s.master.name;
  report.masterFlags = about.flags;
  report.masterRunId = about.runId;
  report.masterPongAgeMs = about.pongAgeMs;
  report.masterInfoAgeMs = about.infoAgeMs;
  report.masterDownForMs = about.downForMs;
  const listed = [...(isSwitching ? [s.master] : none), ...s.slaves.values()].filter(
    ({ name }) => name !== report.master,
  );
  const replicas = listed.map((instance) => nodeReport(s, instance, now));
  report.replicas = isSwitching
    ? replicas.map((replica) => ({ ...replica, runId: '', infoAgeMs: undefined }))
    : replicas;
  report.peers = peersOf(s);
  return report;
}

function peersOf(s: Sentinel): PeerReport[] {
  return [...s.sentinels.values()].map(({ name, sDown }) => ({ id: name, address: name, flags: sDown ? down : up }));
}

/** The fields as addReplySentinelRedisInstance writes them: ages in whole ms. */
function nodeReport(s: Sentinel, instance: Instance, now: number): ReplicaReport {
  return {
    address: instance.name,
    runId: instance.runId ?? '',
    flags: flagsOf(s, instance),
    priority: instance.slavePriority,
    offset: instance.slaveReplOffset,
    masterLinkDownMs: instance.masterLinkDownTime,
    follows: instance.roleReported === 'slave' ? instance.slaveMaster : undefined,
    pongAgeMs: Math.floor(now - instance.link.lastAvailTime),
    infoAgeMs: instance.runId === undefined ? undefined : Math.floor(now - instance.infoRefresh),
    downForMs: instance.sDown ? Math.floor(now - instance.sDownSinceTime) : undefined,
  };
}

const flagSets = new Map<string, ReadonlySet<string>>();

function flagsOf(s: Sentinel, instance: Instance): ReadonlySet<string> {
  const { kind, reconf } = instance;
  let flags: string = kind;
  if (instance.sDown) flags += ',s_down';
  if (instance.oDown) flags += ',o_down';
  if (instance.link.disconnected) flags += ',disconnected';
  if (kind === 'master' && s.failoverInProgress) flags += ',failover_in_progress';
  if (kind === 'master' && s.forceFailover) flags += ',force_failover';
  if (instance.promoted) flags += ',promoted';
  if (reconf !== 'none') flags += `,reconf_${reconf}`;
  const known = flagSets.get(flags) ?? new Set(flags.split(','));
  flagSets.set(flags, known);
  return known;
}
