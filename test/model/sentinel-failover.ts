/** The acting half of a Sentinel: its timer, and the states of a failover (sentinel.c, "Failover state machine"). */
import { perform } from './network.ts';
import { currentMaster, event, type FailoverState, type Instance, mstime, type Sentinel } from './sentinel.ts';
import { desync, getLeader } from './sentinel-election.ts';
import { switchMaster } from './sentinel-hello.ts';
import { sendSlaveOf } from './sentinel-info.ts';
import {
  askOtherSentinels,
  checkObjectivelyDown,
  checkSubjectivelyDown,
  reconnectInstance,
  sendPeriodicCommands,
} from './sentinel-monitor.ts';

function setState(s: Sentinel, state: FailoverState): void {
  s.failoverState = state;
  s.failoverStateChangeTime = mstime(s);
}

/** sentinelStartFailover. */
function startFailover(s: Sentinel): void {
  setState(s, 'wait_start');
  s.failoverInProgress = true;
  s.failoverEpoch = ++s.currentEpoch;
  s.failoverStartTime = mstime(s) + desync(s);
  event(s, `+try-failover ${s.master.name} (epoch ${s.failoverEpoch})`);
}

/** sentinelStartFailoverIfNeeded. */
function startFailoverIfNeeded(s: Sentinel): boolean {
  if (!s.master.oDown || s.failoverInProgress) return false;
  if (mstime(s) - s.failoverStartTime < s.settings.failoverTimeout * 2) return false;
  startFailover(s);
  return true;
}

/** SENTINEL FAILOVER: without any vote. @returns whether it was accepted */
export function forceFailover(s: Sentinel): boolean {
  if (s.failoverInProgress || selectSlave(s) === undefined) return false;
  startFailover(s);
  s.forceFailover = true;
  return true;
}

/** sentinelSelectSlave: the replica to promote. */
export function selectSlave(s: Sentinel): Instance | undefined {
  const now = mstime(s);
  const { settings, master } = s;
  const maxMasterDownTime = (master.sDown ? now - master.sDownSinceTime : 0) + settings.downAfter * 10;
  const infoValidity = master.sDown ? settings.pingPeriod * 5 : settings.infoPeriod * 3;
  let best: Instance | undefined;
  for (const slave of s.slaves.values()) {
    if (slave.sDown || slave.oDown || slave.link.disconnected || slave.slavePriority === 0) continue;
    if (now - slave.link.lastAvailTime > settings.pingPeriod * 5) continue;
    if (now - slave.infoRefresh > infoValidity) continue;
    if (slave.masterLinkDownTime > maxMasterDownTime) continue;
    if (best === undefined || isBetter(slave, best)) best = slave;
  }
  return best;
}

/** compareSlavesForPromotion. */
function isBetter(a: Instance, b: Instance): boolean {
  if (a.slavePriority !== b.slavePriority) return a.slavePriority < b.slavePriority;
  if (a.slaveReplOffset !== b.slaveReplOffset) return a.slaveReplOffset > b.slaveReplOffset;
  if (a.runId === undefined || b.runId === undefined) return a.runId !== undefined;
  return a.runId < b.runId;
}

/** sentinelAbortFailover. */
function abortFailover(s: Sentinel, reason: string): void {
  event(s, `-failover-abort-${reason}`);
  s.failoverInProgress = false;
  s.forceFailover = false;
  setState(s, 'none');
  if (s.promotedSlave !== undefined) s.promotedSlave.promoted = false;
  s.promotedSlave = undefined;
}

const states: Partial<Record<FailoverState, (s: Sentinel) => void>> = {
  wait_start(s) {
    const isLeader = getLeader(s, s.failoverEpoch) === s.process.name;
    if (isLeader || s.forceFailover) {
      event(s, `+elected-leader ${s.forceFailover ? '(forced)' : ''}`);
      setState(s, 'select_slave');
      return;
    }
    const timeout = Math.min(s.settings.electionTimeout, s.settings.failoverTimeout);
    if (mstime(s) - s.failoverStartTime > timeout) abortFailover(s, 'not-elected');
  },
  select_slave(s) {
    const slave = selectSlave(s);
    if (slave === undefined) return abortFailover(s, 'no-good-slave');
    event(
      s,
      `+selected-slave ${slave.name} (offset ${slave.slaveReplOffset} as of ${Math.round(mstime(s) - slave.infoRefresh)} ms ago)`,
    );
    slave.promoted = true;
    s.promotedSlave = slave;
    setState(s, 'send_slaveof_noone');
  },
  send_slaveof_noone(s) {
    const slave = s.promotedSlave as Instance;
    if (slave.link.disconnected) return abortLate(s);
    if (sendSlaveOf(s, slave, undefined)) setState(s, 'wait_promotion');
  },
  wait_promotion: abortLate,
  reconf_slaves: reconfNextSlave,
};

function abortLate(s: Sentinel): void {
  if (mstime(s) - s.failoverStateChangeTime > s.settings.failoverTimeout) abortFailover(s, 'slave-timeout');
}

/** sentinelFailoverReconfNextSlave. */
function reconfNextSlave(s: Sentinel): void {
  const promoted = currentMaster(s);
  let inProgress = 0;
  for (const { reconf } of s.slaves.values()) if (reconf === 'sent' || reconf === 'inprog') inProgress++;
  for (const slave of s.slaves.values()) {
    if (inProgress >= s.settings.parallelSyncs) break;
    if (slave.promoted || slave.reconf === 'done') continue;
    const now = mstime(s);
    if (slave.reconf === 'sent' && now - slave.slaveReconfSentTime > s.settings.slaveReconfTimeout)
      slave.reconf = 'done';
    if (slave.reconf !== 'none' || slave.link.disconnected) continue;
    if (!sendSlaveOf(s, slave, promoted)) continue;
    slave.reconf = 'sent';
    slave.slaveReconfSentTime = now;
    inProgress++;
  }
  detectEnd(s);
}

/** sentinelFailoverDetectEnd. */
function detectEnd(s: Sentinel): void {
  const promoted = s.promotedSlave;
  if (promoted === undefined || promoted.sDown) return;
  const slaves = [...s.slaves.values()].filter((slave) => !slave.promoted && slave.reconf !== 'done');
  const isLate = mstime(s) - s.failoverStateChangeTime > s.settings.failoverTimeout;
  if (isLate || slaves.every(({ sDown }) => sDown)) setState(s, 'update_config');
  if (!isLate) return;
  for (const slave of slaves)
    if (slave.reconf !== 'sent' && !slave.link.disconnected && sendSlaveOf(s, slave, promoted.name))
      slave.reconf = 'sent';
}

/** sentinelHandleRedisInstance. */
function handleInstance(s: Sentinel, instance: Instance): void {
  reconnectInstance(s, instance);
  sendPeriodicCommands(s, instance);
  if (s.tilt) {
    if (mstime(s) - s.tiltStartTime < s.settings.tiltPeriod) return;
    s.tilt = false;
  }
  checkSubjectivelyDown(s, instance);
  if (instance.kind !== 'master') return;
  checkObjectivelyDown(s);
  if (startFailoverIfNeeded(s)) askOtherSentinels(s, true);
  if (s.failoverInProgress) states[s.failoverState]?.(s);
  askOtherSentinels(s, false);
}

/** sentinelTimer: 10 to 19 times a second, the next interval drawn each time. */
function timer(s: Sentinel): void {
  const now = mstime(s);
  const delta = now - s.previousTime;
  if (delta < 0 || delta > s.settings.tiltTrigger) {
    s.tilt = true;
    s.tiltStartTime = now;
    event(s, '+tilt');
  }
  s.previousTime = now;
  handleInstance(s, s.master);
  for (const slave of s.slaves.values()) handleInstance(s, slave);
  for (const other of s.sentinels.values()) handleInstance(s, other);
  if (s.failoverState === 'update_config') switchMaster(s, s.promotedSlave?.name ?? s.master.name);
}

/** Starts the timer after `firstMs`, with all connections open. */
export function startSentinel(s: Sentinel, firstMs: number): void {
  const longAgo = mstime(s) - 60_000;
  for (const instance of [s.master, ...s.slaves.values(), ...s.sentinels.values()]) {
    reconnectInstance(s, instance, true);
    Object.assign(instance.link, { ccConnTime: longAgo, pcConnTime: longAgo, pcLastActivity: mstime(s) });
  }
  const tick = () => {
    timer(s);
    const hz = 10 + Math.floor(s.sim.random() * 10);
    s.sim.after(1000 / hz / s.process.clock.rate, () => perform(s.process, tick));
  };
  s.sim.after(firstMs, () => perform(s.process, tick));
}
