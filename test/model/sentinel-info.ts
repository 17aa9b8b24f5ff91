/** What a Sentinel does with an answer to INFO (sentinelRefreshInstanceInfo). */
import { replicaOf } from './redis-commands.ts';
import type { Info, RedisNode } from './redis-node.ts';
import { createInstance, event, type Instance, mstime, noDownFor, type Sentinel } from './sentinel.ts';
import { forceHelloUpdate } from './sentinel-hello.ts';

export function refreshInstanceInfo(s: Sentinel, instance: Instance, info: Info): void {
  const now = mstime(s);
  instance.runId = info.runId;
  instance.masterLinkDownTime = info.linkDownMs;
  if (instance.kind === 'master')
    for (const name of info.replicas) if (!s.slaves.has(name)) s.slaves.set(name, createInstance('slave', name, now));
  if (info.role === 'slave') {
    if (instance.slaveMaster !== info.follows) {
      instance.slaveMaster = info.follows;
      instance.slaveConfChangeTime = now;
    }
    instance.isMasterLinkUp = info.isLinkUp;
    instance.slaveReplOffset = info.offset;
  }
  instance.infoRefresh = now;
  if (info.role !== instance.roleReported) {
    instance.roleReportedTime = now;
    instance.roleReported = info.role;
    if (info.role === 'slave') instance.slaveConfChangeTime = now;
  }
  if (s.tilt || instance.kind !== 'slave') return;
  if (info.role === 'master') slaveTurnedMaster(s, instance);
  else slaveReported(s, instance);
}

function slaveTurnedMaster(s: Sentinel, instance: Instance): void {
  const now = mstime(s);
  if (instance.promoted && s.failoverInProgress && s.failoverState === 'wait_promotion') {
    s.configEpoch = s.failoverEpoch;
    s.failoverState = 'reconf_slaves';
    s.failoverStateChangeTime = now;
    event(s, `+promoted-slave ${instance.name} (config epoch ${s.configEpoch})`);
    forceHelloUpdate(s);
    return;
  }
  const waitTime = s.settings.publishPeriod * 4;
  if (
    !instance.promoted &&
    masterLooksSane(s) &&
    noDownFor(s, instance, waitTime) &&
    now - instance.roleReportedTime > waitTime
  ) {
    if (sendSlaveOf(s, instance, s.master.name)) event(s, `+convert-to-slave ${instance.name}`);
  }
}

function slaveReported(s: Sentinel, instance: Instance): void {
  const now = mstime(s);
  const waitTime = s.settings.failoverTimeout;
  if (
    instance.slaveMaster !== s.master.name &&
    masterLooksSane(s) &&
    noDownFor(s, instance, waitTime) &&
    now - instance.slaveConfChangeTime > waitTime
  ) {
    if (sendSlaveOf(s, instance, s.master.name)) event(s, `+fix-slave-config ${instance.name}`);
  }
  if (instance.reconf === 'sent' && instance.slaveMaster === s.promotedSlave?.name) instance.reconf = 'inprog';
  if (instance.reconf === 'inprog' && instance.isMasterLinkUp) instance.reconf = 'done';
}

/** sentinelMasterLooksSane. */
function masterLooksSane(s: Sentinel): boolean {
  const { master } = s;
  const isInfoFresh = mstime(s) - master.infoRefresh < s.settings.infoPeriod * 2;
  return master.roleReported === 'master' && !master.sDown && !master.oDown && isInfoFresh;
}

/** sentinelSendSlaveOf. @param masterName `undefined` for NO ONE */
export function sendSlaveOf(s: Sentinel, instance: Instance, masterName: string | undefined): boolean {
  const connection = instance.link.cc;
  if (connection === undefined) return false;
  instance.link.pendingCommands += 6;
  const node = s.nodes.get(instance.name) as RedisNode;
  const { link } = instance;
  connection.toServer(() => {
    replicaOf(node, masterName, connection);
    connection.toClient(() => {
      if (link.cc === connection) link.pendingCommands -= 6;
    });
  });
  return true;
}
