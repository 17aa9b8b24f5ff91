/** The commands that clients and Sentinels send to a Redis node. */
import type { Role } from '../../api/redis/role.ts';
import { type Connection, clockMs, perform } from './network.ts';
import { append } from './redis-log.ts';
import {
  type Frame,
  type Hello,
  type Info,
  type RedisNode,
  replyTo,
  shownOffset,
  tellSubscribers,
  unixSeconds,
  type Wait,
  type WriteReply,
} from './redis-node.ts';
import { connectToMaster, disconnectReplicas, feed } from './replication.ts';

const writeBytes = 200;
const helloBytes = 220;
const getAckBytes = 37;

/** Runs a group of scripts and `WAIT wanted waitMs`; `done` is called once, at this node. */
export function runWrites(
  node: RedisNode,
  ids: readonly number[],
  wanted: number,
  waitMs: number,
  done: (reply: WriteReply) => void,
): void {
  const error = node.follows !== undefined ? 'READONLY' : node.goodReplicas < 1 ? 'NOREPLICAS' : undefined;
  if (error !== undefined) {
    done({ error });
    return;
  }
  for (const id of ids) append(node.log, id);
  node.offset += ids.length * writeBytes;
  const { offset } = node;
  node.offset += getAckBytes;
  node.waiting.push({ offset, wanted, untilMs: node.sim.nowMs + waitMs, done });
  feed(node, { log: node.log, count: node.log.ids.length, offset: node.offset, ack: offset });
  if (!node.isWaitTimed) expireWaits(node);
}

/** Makes the replication offset larger, as api/redis/lua/padding.lua does. */
export function pad(node: RedisNode, bytes: number): void {
  if (node.follows !== undefined || node.goodReplicas < 1) return;
  node.offset += bytes;
  feed(node, { log: node.log, count: node.log.ids.length, offset: node.offset });
}

/** Answers the WAITs whose time is over, and plans to look again when the next one's is. */
function expireWaits(node: RedisNode): void {
  const { sim, process } = node;
  const isOver = ({ untilMs }: Wait) => untilMs <= sim.nowMs;
  const over = node.waiting.filter(isOver);
  if (over.length > 0) node.waiting = node.waiting.filter((wait) => !isOver(wait));
  const [next] = node.waiting;
  node.isWaitTimed = next !== undefined;
  if (next !== undefined) sim.at(next.untilMs, () => perform(process, () => expireWaits(node)));
  for (const { offset, done } of over) done(replyTo(node, offset));
}

/** ROLE, as a service reads it: without the replication id, and without an offset while there is no master. */
export function roleOf(node: RedisNode): Role {
  const { follows, linkState } = node;
  if (follows === undefined) return { state: 'master', offset: node.offset };
  return { state: linkState, follows, offset: linkState === 'connected' ? node.offset : -1 };
}

/** What the replicas have confirmed, as ROLE of a master names it. */
export function acknowledgedOffsets(node: RedisNode): ReadonlyMap<string, number> {
  const online = node.follows === undefined ? node.replicas.filter(({ isOnline }) => isOnline) : [];
  return new Map(online.map(({ name, ackedOffset }) => [name, ackedOffset]));
}

/** INFO replication, as a service reads it. */
export function roleByInfo(node: RedisNode): Role {
  const { follows, linkState, replId: history } = node;
  if (follows === undefined) return { state: 'master', history, offset: node.offset };
  const state = linkState === 'sync' || linkState === 'connected' ? linkState : 'connect';
  return { state, follows, history, offset: shownOffset(node) };
}

export function infoOf(node: RedisNode): Info {
  const { follows, runId } = node;
  const isLinkUp = node.linkState === 'connected';
  const downSeconds = node.linkDownSinceMs === 0 ? -1 : unixSeconds(node) - Math.floor(node.linkDownSinceMs / 1000);
  return {
    runId,
    role: follows === undefined ? 'master' : 'slave',
    replicas: node.replicas.map(({ name }) => name),
    follows,
    isLinkUp,
    linkDownMs: follows === undefined || isLinkUp ? 0 : downSeconds * 1000,
    offset: follows === undefined ? node.offset : shownOffset(node),
  };
}

/** PUBLISH of a hello: to the subscribers here, and through the replication stream to those of the replicas. */
export function publish(node: RedisNode, hello: Hello): void {
  if (node.follows === undefined) node.offset += helloBytes;
  const frame: Frame = { log: node.log, count: node.log.ids.length, offset: node.offset, hello };
  if (node.follows === undefined) feed(node, frame);
  tellSubscribers(node, hello);
}

/**
 * What a Sentinel sends as one transaction: SLAVEOF, CONFIG REWRITE, and CLIENT KILL of all other clients.
 * @param master `undefined` for NO ONE
 */
export function replicaOf(node: RedisNode, master: string | undefined, sender: Connection | undefined): void {
  if (master !== node.follows) {
    node.sim.trace?.(
      `${node.process.name} ${master === undefined ? 'becomes master' : `follows ${master}`} (offset ${node.offset})`,
    );
    if (master === undefined) promote(node);
    else follow(node, master);
  }
  for (const connection of node.clients) {
    if (connection === sender) continue;
    connection.close('server');
    node.clients.delete(connection);
    node.subscribers.delete(connection);
  }
}

function promote(node: RedisNode): void {
  node.follows = undefined;
  node.masterConnection?.close('client');
  node.masterConnection = undefined;
  node.replId2 = node.replId;
  node.secondOffset = node.offset + 1;
  node.replId = `${node.process.name}@${Math.round(node.sim.nowMs)}`;
  node.canContinue = true;
  node.linkState = 'none';
  node.linkDownSinceMs = 0;
  disconnectReplicas(node);
}

function follow(node: RedisNode, master: string): void {
  if (node.follows === undefined) node.canContinue = true;
  else if (node.linkState === 'connected') node.linkDownSinceMs = clockMs(node.sim, node.process);
  for (const { done } of node.waiting) done({ error: 'UNBLOCKED' });
  node.waiting = [];
  node.masterConnection?.close('client');
  node.follows = master;
  connectToMaster(node);
}
