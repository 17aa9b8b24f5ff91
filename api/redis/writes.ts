/**
 * Durable writes. Scripts are sent in groups on a connection of their own; a write that is not proved durable is repeated until its
 * deadline, so every script must be safe to repeat. This is the one place where a write is acknowledged.
 *
 * Normally a group is n EVALSHA and one WAIT for all replicas. When they do not all confirm within 50 ms, the group is repeated between two
 * ROLEs, which name the replicas that have it, and the Sentinels are asked until the rule in durability.ts is satisfied.
 */
import type { Redis } from 'ioredis';
import { type Deadline, monotonicMs, pause, remainingMs } from '../core/clock.ts';
import { Unavailable } from '../core/outcome.ts';
import { deliveryMs } from './durability.ts';
import type { FailoverRequest } from './failover-request.ts';
import { createPendingWrite, type ExecutedWrite, type GroupReply, type PendingWrite, sendGroup } from './group.ts';
import type { MasterLink } from './master-link.ts';
import { addressText } from './node.ts';
import { type Claim, proveDurable } from './proof.ts';
import type { Script } from './script.ts';
import type { Sentinels } from './sentinels.ts';

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
  /** Writes that wait to be sent. */
  waiting(): number;
};

const maxGroup = 128;
const maxWaiting = 5000;
/** How often a group waits for all replicas while one of them is connected to the master and does not confirm. */
const waitForAllEveryMs = 1000;
const proofTimeoutMs = 1500;

/** Opens the write path. `link` follows the Sentinels. */
export function openWrites(link: MasterLink, sentinels: Sentinels, failover: FailoverRequest): Writes {
  const queue: PendingWrite[] = [];
  const confirmations = trackConfirmations();
  let proving = 0;
  let sending = false;

  async function sendAll() {
    if (sending) return;
    sending = true;
    while (queue.length > 0) {
      const group = queue.splice(0, maxGroup).filter((write) => !write.isSettled());
      const master = link();
      if (group.length === 0) continue;
      if (master?.redis.status === 'ready') await send(addressText(master.address), master.redis, group);
      else await backOff(group, pause(10));
    }
    sending = false;
  }

  async function send(master: string, redis: Redis, group: PendingWrite[]) {
    const replicas = [...sentinels.nodes()].filter((node) => node !== master);
    const { named, wanted } = confirmations.next(replicas.length);
    const reply = await sendGroup(redis, group, wanted, named);
    const result = confirmations.judge(reply, master, replicas);
    queue.unshift(...reply.toRepeat);
    const executed = reply.executed.map(({ write }) => write);
    const isRefused = executed.length === 0 && reply.toRepeat.some((write) => !write.isUnknownScript);
    if (result === 'none' || isRefused) await backOff(executed, Promise.all([sentinels.ask(), pause(5)]));
    else if (result === 'all') acknowledge(reply.executed);
    else if (result === 'name-them') queue.unshift(...executed);
    else if (executed.length > 0) void prove(reply.executed, result).catch(() => undefined);
  }

  async function backOff(again: readonly PendingWrite[], time: Promise<unknown>) {
    failover.onStalled();
    sentinels.hurry();
    await time.catch(() => undefined);
    queue.unshift(...again);
  }

  function acknowledge(executed: readonly ExecutedWrite[]) {
    if (executed.length > 0) failover.onProgress();
    for (const { write, reply } of executed) write.resolve(reply);
  }

  async function prove(executed: readonly ExecutedWrite[], claim: Claim) {
    proving += executed.length;
    const isDurable = await proveDurable(sentinels, claim, proofTimeoutMs).catch(() => false);
    proving -= executed.length;
    if (isDurable) return acknowledge(executed);
    failover.onStalled();
    queue.unshift(...executed.map(({ write }) => write));
    await sendAll();
  }

  return {
    waiting: () => queue.length,
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

/** Whether all replicas confirm or those which do must be named, and how many a WAIT should ask for. */
function trackConfirmations() {
  let named = false;
  let waitForAllAtMs = Number.NEGATIVE_INFINITY;
  let waitsForAll = true;
  return {
    next(replicas: number) {
      waitsForAll = !named || monotonicMs() >= waitForAllAtMs;
      return { named, wanted: waitsForAll ? Math.max(1, replicas) : 1 };
    },
    /** `all` replicas have it, `none` has; `name-them`: repeat the group to learn which have it; or what is left to prove. */
    judge(reply: GroupReply, master: string, replicas: readonly string[]): 'all' | 'none' | 'name-them' | Claim {
      if (!named) {
        if (replicas.length > 0 && reply.confirmations >= replicas.length) return 'all';
        named = true;
        waitForAllAtMs = Number.NEGATIVE_INFINITY;
        return reply.confirmations > 0 ? 'name-them' : 'none';
      }
      const { before, after } = reply;
      const listed = new Set(after?.replicas.map((replica) => replica.address));
      // Waiting for a replica that is not even connected to the master only costs time.
      if (waitsForAll || !replicas.every((replica) => listed.has(replica))) {
        waitForAllAtMs = monotonicMs() + waitForAllEveryMs;
      }
      if (before === undefined || after === undefined) return 'none';
      const { offset } = before;
      const confirmed = new Set(after.replicas.filter((r) => r.offset >= offset).map((r) => r.address));
      named = !replicas.every((replica) => confirmed.has(replica));
      if (!named && replicas.length > 0) return 'all';
      if (confirmed.size === 0) return 'none';
      // A WAIT for all that did not succeed has given a healthy replica all the time that it needs.
      const hasWaited = waitsForAll && reply.confirmations < replicas.length;
      const settledAtMs = monotonicMs() + (hasWaited ? 0 : deliveryMs);
      return { master, offset, confirmed, settledAtMs };
    },
  };
}
