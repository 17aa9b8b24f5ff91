/**
 * Durable writes. Scripts are sent in groups on a connection of their own; a write that is not proved durable is repeated until its
 * deadline, so every script must be safe to repeat. This is the one place where a write is acknowledged.
 *
 * A group leaves at the end of the event loop's turn, so that it takes in all writes of that turn: what one group's acknowledgement brings
 * about, and all requests that were read together. Sent at once, the first of them would go alone and the others wait for it.
 *
 * Normally a group is n EVALSHA and one WAIT for all replicas. When they do not all confirm within 50 ms, the group is repeated between two
 * ROLEs, which name the replicas that have it, and the Sentinels are asked until the rule in durability.ts is satisfied.
 */
import type { Redis } from 'ioredis';
import { type Deadline, endOfTurn, monotonicMs, pause, remainingMs } from '../../core/clock.ts';
import { Unavailable } from '../../core/outcome.ts';
import type { FailoverRequest } from '../failover-request.ts';
import type { MasterLink } from '../master-link.ts';
import { addressText } from '../node.ts';
import type { Script } from '../script.ts';
import { type Claim, proveDurable } from '../sentinels/proof.ts';
import { isIsolated, type Sentinels } from '../sentinels/sentinels.ts';
import { trackConfirmations } from './confirmations.ts';
import { createPendingWrite, type ExecutedWrite, type GroupReply, type PendingWrite, sendGroup } from './group.ts';
import { createPadding, paddingBytes } from './outgrow.ts';

/** See {@link openWrites}. */
export type Writes = {
  /**
   * Runs a script on the master; resolves with its reply once no single fault can lose what it wrote.
   * @throws Unavailable when that was not certain before the deadline: it may or may not have happened; repeat it to know
   */
  run(
    script: Script,
    keys: readonly string[],
    args: readonly (string | number)[],
    deadline: Deadline,
  ): Promise<string[]>;
};

const maxGroup = 128;
/**
 * After a group of this many writes or more the next one waits a moment for further writes, as PostgreSQL does with commit_siblings and
 * commit_delay. A larger group costs less for each write: one WAIT, one fsync on each node, one call between services.
 */
const busyGroup = 4;
const gatherMs = 2;
const maxWaiting = 5000;
const proofTimeoutMs = 1500;
const reconnectPollMs = 10;
const firstRetryMs = 5;
/** What is repeated on a master without replicas makes its history longer than that of the master which replaces it. */
const maxRetryMs = 200;

/**
 * Opens the write path.
 * @param link follows the Sentinels
 * @param paddingKey a key of this service that is used for nothing else (see outgrow.ts)
 */
export function openWrites(
  link: MasterLink,
  sentinels: Sentinels,
  failover: FailoverRequest,
  paddingKey: string,
): Writes {
  const queue: PendingWrite[] = [];
  const confirmations = trackConfirmations();
  let proving = 0;
  let sending = false;
  let retryMs = firstRetryMs;
  let lastSize = 0;
  const pad = createPadding(paddingKey);

  async function sendAll() {
    if (sending) return;
    sending = true;
    try {
      while (queue.length > 0) {
        await endOfTurn();
        if (lastSize >= busyGroup) await pause(gatherMs);
        const group = queue.splice(0, maxGroup).filter((write) => !write.isSettled());
        lastSize = group.length;
        const master = link();
        if (group.length === 0) continue;
        if (master?.redis.status === 'ready') await send(addressText(master.address), master.redis, group);
        else await backOff(group, reconnectPollMs, monotonicMs());
      }
    } finally {
      sending = false; // also after a bug, so that the next write starts sending again
    }
  }

  async function send(master: string, redis: Redis, group: PendingWrite[]) {
    const replicas = [...sentinels.nodes()].filter((node) => node !== master);
    const { named, wanted } = confirmations.next(replicas.length);
    const sentAtMs = monotonicMs();
    const reply = await sendGroup(redis, group, wanted, named);
    const result = confirmations.judge(reply, master, replicas);
    queue.unshift(...reply.toRepeat);
    const executed = reply.executed.map(({ write }) => write);
    if (result === 'none' || isRefused(reply)) {
      await backOff(executed, retryMs, sentAtMs);
      retryMs = link()?.redis === redis ? Math.min(2 * retryMs, maxRetryMs) : firstRetryMs;
    } else if (result === 'all') acknowledge(reply.executed);
    else if (result === 'name-them') queue.unshift(...executed);
    else if (executed.length > 0) void prove(redis, reply, result, sentAtMs).catch(() => undefined);
  }

  /** Waits until the group should be repeated: for a time, or until there is another master. */
  async function backOff(again: readonly PendingWrite[], ms: number, sentAtMs: number) {
    queue.unshift(...again);
    failover.onStalled(sentAtMs);
    sentinels.hurry();
    rejectWhenIsolated(queue, sentinels);
    await untilOtherMaster(link, sentinels, ms);
  }

  function acknowledge(executed: readonly ExecutedWrite[]) {
    if (executed.length > 0) failover.onProgress();
    for (const { write, reply } of executed) write.resolve(reply);
    retryMs = firstRetryMs;
  }

  async function prove(redis: Redis, { executed, after }: GroupReply, claim: Claim, sentAtMs: number) {
    proving += executed.length;
    const isDurable = await proveDurable(sentinels, claim, proofTimeoutMs, undefined, (doubt, answers) => {
      failover.onStalled(sentAtMs);
      if (doubt === 'other-winner' && after !== undefined) pad(redis, paddingBytes(after, claim.master, answers));
    }).catch(() => false);
    proving -= executed.length;
    if (isDurable) return acknowledge(executed);
    queue.unshift(...executed.map(({ write }) => write));
    rejectWhenIsolated(queue, sentinels);
    await sendAll();
  }

  return {
    run(script, keys, args, deadline) {
      if (queue.length + proving >= maxWaiting) return Promise.reject(new Unavailable('too many writes are waiting'));
      if (remainingMs(deadline) === 0) return Promise.reject(new Unavailable('there was no time left to write'));
      return new Promise((resolve, reject) => {
        queue.push(createPendingWrite({ script, keys, args }, deadline, resolve, reject));
        sendAll().catch(reject);
      });
    },
  };
}

/** Waits for `ms`, or until there is a connection to another master. */
async function untilOtherMaster(link: MasterLink, sentinels: Pick<Sentinels, 'ask'>, ms: number): Promise<void> {
  const before = link()?.redis;
  const untilMs = monotonicMs() + ms;
  do await Promise.race([pause(ms), sentinels.ask().then(() => pause(firstRetryMs))]);
  while (monotonicMs() < untilMs && link()?.redis === before);
}

function rejectWhenIsolated(queue: PendingWrite[], sentinels: Pick<Sentinels, 'silentForMs'>): void {
  if (!isIsolated(sentinels)) return;
  const reason = 'neither a Sentinel answers this service nor a Redis master that confirms writes';
  for (const write of queue.splice(0)) write.reject(new Unavailable(reason));
}

/** Whether the master ran nothing of the group, for another reason than a script that it does not know. */
function isRefused({ executed, toRepeat }: GroupReply): boolean {
  return executed.length === 0 && toRepeat.some((write) => !write.isUnknownScript);
}
