/** The monitoring half of a Sentinel: connections, PING, INFO, hello messages, who is down (sentinel.c, "Redis instances pinging"). */
import { connect } from './connection.ts';
import { type Connection, processOf } from './network.ts';
import { infoOf, publish } from './redis-commands.ts';
import type { RedisNode, Subscriber } from './redis-node.ts';
import { closeConnection, currentMaster, event, type Instance, mstime, type Sentinel } from './sentinel.ts';
import { voteLeader } from './sentinel-election.ts';
import { processHello } from './sentinel-hello.ts';
import { refreshInstanceInfo } from './sentinel-info.ts';

const maxPendingCommands = 100;

/** Sends a command on the commands connection; the reply comes back as the value that `run` returns at the instance. */
function command<T>(instance: Instance, run: () => T, onReply: (reply: T) => void): void {
  const { link } = instance;
  const connection = link.cc;
  if (connection === undefined) return;
  link.pendingCommands++;
  connection.toServer(() => {
    const reply = run();
    connection.toClient(() => {
      if (link.cc !== connection) return;
      link.pendingCommands--;
      onReply(reply);
    });
  });
}

const nodeOf = (s: Sentinel, instance: Instance) => s.nodes.get(instance.name) as RedisNode;
const serverOf = (s: Sentinel, instance: Instance) => processOf(s.net, instance.name);

/** sentinelReconnectInstance. `isOpenAlready` for the connections that exist when the simulation starts. */
export function reconnectInstance(s: Sentinel, instance: Instance, isOpenAlready = false): void {
  const { link } = instance;
  if (!link.disconnected) return;
  const now = mstime(s);
  if (!isOpenAlready && now - link.lastReconnTime < s.settings.pingPeriod) return;
  link.lastReconnTime = now;
  if (link.cc === undefined) {
    link.cc = open(s, instance, 'cc', isOpenAlready);
    link.pendingCommands = 0;
    link.ccConnTime = now;
    sendPing(s, instance);
  }
  if (instance.kind !== 'sentinel' && link.pc === undefined) {
    link.pc = open(s, instance, 'pc', isOpenAlready);
    link.pcConnTime = now;
    subscribe(s, instance, link.pc);
  }
  link.disconnected = false;
}

function open(s: Sentinel, instance: Instance, which: 'cc' | 'pc', isOpenAlready: boolean): Connection {
  const { link } = instance;
  const register = () => {
    if (instance.kind !== 'sentinel') nodeOf(s, instance).clients.add(connection);
  };
  const connection = connect(s.net, s.process, serverOf(s, instance), register, isOpenAlready);
  if (isOpenAlready) register();
  connection.onClientClosed = () => {
    if (link[which] !== connection) return;
    link[which] = undefined;
    link.disconnected = true;
  };
  connection.onServerClosed = () => {
    const node = s.nodes.get(instance.name);
    node?.clients.delete(connection);
    node?.subscribers.delete(connection);
  };
  return connection;
}

function subscribe(s: Sentinel, instance: Instance, connection: Connection): void {
  const { link } = instance;
  const subscriber: Subscriber = {
    isOldNews: (hello) => hello.currentEpoch <= s.currentEpoch && hello.configEpoch <= s.configEpoch,
    receive(hello) {
      if (link.pc !== connection) return;
      link.pcLastActivity = mstime(s);
      processHello(s, hello);
    },
  };
  connection.toServer(() => nodeOf(s, instance).subscribers.set(connection, subscriber));
}

/** sentinelSendPing and sentinelPingReplyCallback. */
function sendPing(s: Sentinel, instance: Instance): void {
  const { link } = instance;
  link.lastPingTime = mstime(s);
  if (link.actPingTime === 0) link.actPingTime = link.lastPingTime;
  command(
    instance,
    () => undefined,
    () => {
      link.lastAvailTime = mstime(s);
      link.actPingTime = 0;
      link.lastPongTime = link.lastAvailTime;
    },
  );
}

function sendInfo(s: Sentinel, instance: Instance): void {
  const node = nodeOf(s, instance);
  command(
    instance,
    () => infoOf(node),
    (info) => refreshInstanceInfo(s, instance, info),
  );
}

/** sentinelSendHello: PUBLISH at a Redis node, or to a Sentinel directly. */
function sendHello(s: Sentinel, instance: Instance): void {
  const hello = {
    from: s.process.name,
    currentEpoch: s.currentEpoch,
    master: currentMaster(s),
    configEpoch: s.configEpoch,
  };
  const peer = s.peers.get(instance.name);
  command(
    instance,
    () => (peer === undefined ? publish(nodeOf(s, instance), hello) : processHello(peer, hello)),
    () => {
      instance.lastPubTime = mstime(s);
    },
  );
}

/** sentinelSendPeriodicCommands. */
export function sendPeriodicCommands(s: Sentinel, instance: Instance): void {
  const { link } = instance;
  if (link.disconnected || link.pendingCommands >= maxPendingCommands) return;
  const now = mstime(s);
  const { settings } = s;
  const isWatchedClosely =
    instance.kind === 'slave' && (s.master.oDown || s.failoverInProgress || instance.masterLinkDownTime !== 0);
  const infoPeriod = isWatchedClosely ? 1000 : settings.infoPeriod;
  const pingPeriod = Math.min(settings.downAfter, settings.pingPeriod);
  if (instance.kind !== 'sentinel' && (instance.infoRefresh === 0 || now - instance.infoRefresh > infoPeriod))
    sendInfo(s, instance);
  if (now - link.lastPongTime > pingPeriod && now - link.lastPingTime > pingPeriod / 2) sendPing(s, instance);
  if (now - instance.lastPubTime > settings.publishPeriod) sendHello(s, instance);
}

/** sentinelCheckSubjectivelyDown. */
export function checkSubjectivelyDown(s: Sentinel, instance: Instance): void {
  const { link } = instance;
  const { settings } = s;
  const now = mstime(s);
  let elapsed = 0;
  if (link.actPingTime !== 0) elapsed = now - link.actPingTime;
  else if (link.disconnected) elapsed = now - link.lastAvailTime;
  if (
    now - link.ccConnTime > settings.minLinkReconnectPeriod &&
    link.actPingTime !== 0 &&
    now - link.actPingTime > settings.downAfter / 2 &&
    now - link.lastPongTime > settings.downAfter / 2
  )
    closeConnection(link, 'cc');
  if (now - link.pcConnTime > settings.minLinkReconnectPeriod && now - link.pcLastActivity > settings.publishPeriod * 3)
    closeConnection(link, 'pc');
  const isDown =
    elapsed > settings.downAfter ||
    (instance.kind === 'master' &&
      instance.roleReported === 'slave' &&
      now - instance.roleReportedTime > settings.downAfter + settings.infoPeriod * 2);
  if (isDown && !instance.sDown) {
    event(s, `+sdown ${instance.kind} ${instance.name}`);
    instance.sDownSinceTime = now;
  } else if (!isDown && instance.sDown) event(s, `-sdown ${instance.kind} ${instance.name}`);
  instance.sDown = isDown;
}

/** sentinelCheckObjectivelyDown. */
export function checkObjectivelyDown(s: Sentinel): void {
  const { master } = s;
  let count = 0;
  if (master.sDown) {
    count = 1;
    for (const other of s.sentinels.values()) if (other.masterDown) count++;
  }
  const isDown = count >= s.settings.quorum;
  if (isDown && !master.oDown) {
    event(s, `+odown ${master.name}`);
    master.oDownSinceTime = mstime(s);
  } else if (!isDown && master.oDown) event(s, `-odown ${master.name}`);
  master.oDown = isDown;
}

/** sentinelAskMasterStateToOtherSentinels and sentinelReceiveIsMasterDownReply. */
export function askOtherSentinels(s: Sentinel, isForced: boolean): void {
  const now = mstime(s);
  const { askPeriod } = s.settings;
  for (const other of s.sentinels.values()) {
    const elapsed = now - other.lastMasterDownReplyTime;
    if (elapsed > askPeriod * 5) {
      other.masterDown = false;
      other.leader = undefined;
    }
    if (!s.master.sDown || other.link.disconnected) continue;
    if (!isForced && elapsed < askPeriod) continue;
    const peer = s.peers.get(other.name) as Sentinel;
    const { currentEpoch } = s;
    const masterName = s.master.name;
    const candidate = s.failoverState === 'none' ? undefined : s.process.name;
    command(
      other,
      () => isMasterDownByAddr(peer, masterName, currentEpoch, candidate),
      (reply) => {
        other.lastMasterDownReplyTime = mstime(s);
        other.masterDown = reply.isDown;
        if (reply.leader === undefined) return;
        other.leader = reply.leader;
        other.leaderEpoch = reply.leaderEpoch;
      },
    );
  }
}

/** SENTINEL IS-MASTER-DOWN-BY-ADDR at the Sentinel that is asked. */
function isMasterDownByAddr(s: Sentinel, masterName: string, epoch: number, candidate: string | undefined) {
  const isKnown = s.master.name === masterName;
  const isDown = isKnown && !s.tilt && s.master.sDown;
  if (!isKnown || candidate === undefined) return { isDown, leader: undefined, leaderEpoch: 0 };
  return { isDown, ...voteLeader(s, epoch, candidate) };
}
