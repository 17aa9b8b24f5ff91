/** Redis replication: the connection of a replica to its master, partial and full resynchronization, the stream, acknowledgements. */
import { connect } from './connection.ts';
import { type Connection, clockMs, perform } from './network.ts';
import { append, copyLog } from './redis-log.ts';
import {
  type Frame,
  finishWaits,
  type RedisNode,
  type ReplicaLink,
  tellSubscribers,
  unixSeconds,
} from './redis-node.ts';

const replTimeoutSeconds = 5;
const maxLagSeconds = 2;
const cronMs = 1000;
const pingBytes = 14;
/** How long a full resynchronization of the shop's data takes at least and at most. */
const fullSyncMs = [30, 400] as const;

export function feed(node: RedisNode, frame: Frame): void {
  for (const { connection, name, isOnline } of node.replicas) if (isOnline) sendFrame(node, connection, name, frame);
}

function sendFrame(node: RedisNode, connection: Connection, name: string, frame: Frame): void {
  const replica = node.nodes.get(name) as RedisNode;
  connection.toClient(() => receive(replica, connection, frame));
}

function receive(node: RedisNode, connection: Connection, frame: Frame): void {
  if (node.masterConnection !== connection || node.linkState !== 'connected') return;
  node.lastFromMasterMs = clockMs(node.sim, node.process);
  for (let i = node.log.ids.length; i < frame.count; i++) append(node.log, frame.log.ids[i] as number);
  node.offset = frame.offset;
  if (frame.hello !== undefined) tellSubscribers(node, frame.hello);
  feed(node, { ...frame, log: node.log });
  if (frame.ack !== undefined) sendAck(node, connection, frame.ack);
}

function sendAck(node: RedisNode, connection: Connection, offset: number): void {
  const master = node.nodes.get(connection.server.name) as RedisNode;
  connection.toServer(() => {
    const link = master.replicas.find((replica) => replica.connection === connection);
    if (link === undefined) return;
    link.ackedOffset = Math.max(link.ackedOffset, offset);
    link.ackedAtSeconds = unixSeconds(master);
    if (!link.isOnline) putOnline(master, link);
    finishWaits(master);
  });
}

function putOnline(master: RedisNode, link: ReplicaLink): void {
  link.isOnline = true;
  countGoodReplicas(master);
  const { log, offset } = master;
  sendFrame(master, link.connection, link.name, { log, count: log.ids.length, offset });
}

function countGoodReplicas(node: RedisNode): void {
  const now = unixSeconds(node);
  node.goodReplicas = node.replicas.filter((r) => r.isOnline && now - r.ackedAtSeconds <= maxLagSeconds).length;
}

export function disconnectReplicas(node: RedisNode): void {
  for (const { connection } of node.replicas) connection.close('server');
  node.replicas = [];
}

/** Starts the handshake with the master that the node follows. */
export function connectToMaster(node: RedisNode): void {
  const master = node.nodes.get(node.follows as string) as RedisNode;
  node.linkState = 'connecting';
  node.lastFromMasterMs = clockMs(node.sim, node.process);
  const connection = connect(node.net, node.process, master.process, () => {
    const { replId, offset, canContinue } = node;
    connection.toServer(() => answerPsync(master, node, connection, canContinue ? replId : '?', offset));
  });
  node.masterConnection = connection;
  connection.onClientClosed = () => {
    if (node.masterConnection === connection) loseMaster(node);
  };
  connection.onServerClosed = () => {
    master.replicas = master.replicas.filter((replica) => replica.connection !== connection);
  };
}

function loseMaster(node: RedisNode): void {
  const wasConnected = node.linkState === 'connected';
  node.masterConnection?.close('client');
  node.masterConnection = undefined;
  node.linkState = 'connect';
  if (!wasConnected) return; // tried again by the next cron
  node.linkDownSinceMs = clockMs(node.sim, node.process);
  connectToMaster(node);
}

function answerPsync(
  master: RedisNode,
  replica: RedisNode,
  connection: Connection,
  replId: string,
  offset: number,
): void {
  if (master.follows !== undefined && master.linkState !== 'connected') {
    connection.close('server'); // -NOMASTERLINK: try later
    return;
  }
  const link = {
    name: replica.process.name,
    connection,
    isOnline: false,
    ackedOffset: 0,
    ackedAtSeconds: unixSeconds(master),
  };
  master.replicas.push(link);
  const isContinuable =
    offset <= master.offset &&
    (replId === master.replId || (replId === master.replId2 && offset + 1 <= master.secondOffset));
  if (isContinuable) {
    const newId = master.replId;
    connection.toClient(() => continueWith(replica, connection, newId));
    putOnline(master, link);
  } else fullSync(master, replica, link);
}

function continueWith(node: RedisNode, connection: Connection, replId: string): void {
  if (node.masterConnection !== connection) return;
  if (replId !== node.replId) {
    node.replId2 = node.replId;
    node.secondOffset = node.offset + 1;
    node.replId = replId;
    disconnectReplicas(node);
  }
  setConnected(node);
}

function fullSync(master: RedisNode, replica: RedisNode, { connection }: ReplicaLink): void {
  const snapshot = { log: master.log, count: master.log.ids.length, offset: master.offset, replId: master.replId };
  const [least, most] = fullSyncMs;
  const takesMs = least + (most - least) * master.sim.random();
  connection.toClient(() => {
    if (replica.masterConnection !== connection) return;
    replica.linkState = 'sync';
    replica.canContinue = false;
  });
  master.sim.after(takesMs, () =>
    perform(master.process, () =>
      connection.toClient(() => {
        if (replica.masterConnection !== connection) return;
        master.sim.trace?.(`${replica.process.name} has copied all data of ${master.process.name}`);
        replica.log = copyLog(snapshot.log, snapshot.count);
        replica.offset = snapshot.offset;
        replica.replId = snapshot.replId;
        replica.replId2 = undefined;
        replica.canContinue = true;
        disconnectReplicas(replica);
        setConnected(replica);
        sendAck(replica, connection, replica.offset);
      }),
    ),
  );
}

function setConnected(node: RedisNode): void {
  node.linkState = 'connected';
  node.linkDownSinceMs = 0;
  node.lastFromMasterMs = clockMs(node.sim, node.process);
}

/** Starts what Redis does once a second. */
export function startCron(node: RedisNode, firstMs: number): void {
  const tick = () => {
    cron(node);
    node.sim.after(cronMs / node.process.clock.rate, () => perform(node.process, tick));
  };
  node.sim.after(firstMs, () => perform(node.process, tick));
}

function cron(node: RedisNode): void {
  const now = unixSeconds(node);
  if (node.follows !== undefined) {
    const isSilent = now - Math.floor(node.lastFromMasterMs / 1000) > replTimeoutSeconds;
    if (isSilent && node.linkState !== 'connect') loseMaster(node);
    if (node.linkState === 'connect') connectToMaster(node);
    if (node.linkState === 'connected' && node.masterConnection) sendAck(node, node.masterConnection, node.offset);
  } else if (node.replicas.length > 0) {
    node.offset += pingBytes;
    feed(node, { log: node.log, count: node.log.ids.length, offset: node.offset });
  }
  for (const replica of node.replicas) {
    if (replica.isOnline && now - replica.ackedAtSeconds > replTimeoutSeconds) replica.connection.close('server');
  }
  node.replicas = node.replicas.filter(({ connection }) => connection.state === 'open');
  countGoodReplicas(node);
}
