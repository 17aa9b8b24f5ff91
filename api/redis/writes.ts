/**
 * Durable writes. Scripts are grouped: n EVALSHA and one WAIT on a connection of their own; what the WAIT does not prove to be safe is
 * repeated until its deadline, so every script must be safe to repeat. This is the one place where a write is acknowledged.
 */
import type { Redis } from 'ioredis';
import { type Deadline, monotonicMs, pause, remainingMs } from '../core/clock.ts';
import { Unavailable } from '../core/outcome.ts';
import { fenceHolds } from './fence.ts';
import { type Address, addressText } from './node.ts';
import type { Rescue } from './rescue.ts';
import type { Script } from './script.ts';
import type { Sentinels } from './sentinels.ts';

/** See {@link openWrites}. */
export type Writes = {
  /**
   * Runs a script on the master; resolves with its reply once it cannot be lost by any single fault.
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

type Pending = {
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
  readonly deadline: Deadline;
  readonly resolve: (reply: string[]) => void;
  readonly reject: (error: Error) => void;
  unknownScript?: boolean;
};

/** The present master with the connection that only writes use. */
export type MasterLink = () => { readonly address: Address; readonly redis: Redis } | undefined;

const maxBatch = 128;
const maxWaiting = 5000;
const waitMs = 50;
/** After a WAIT that not every replica answered: how long to ask for one only (and the Sentinels) before trying for all again. */
const degradedMs = 1000;

/** Opens the write path on the present master. `link` follows the Sentinels. */
export function openWrites(link: MasterLink, sentinels: Sentinels, rescue: Rescue): Writes {
  const queue: Pending[] = [];
  let pumping = false;
  let degradedUntilMs = 0;

  async function pump() {
    if (pumping) return;
    pumping = true;
    while (queue.length > 0) {
      dropLate();
      const master = link();
      if (master === undefined || master.redis.status !== 'ready') {
        sentinels.hurry();
        rescue.stuck();
        await pause(10);
        continue;
      }
      const again = await commit(master.address, master.redis, queue.splice(0, maxBatch));
      if (again.length > 0) {
        queue.unshift(...again);
        await Promise.all([sentinels.ask(), pause(5)]);
      }
    }
    pumping = false;
    rescue.fine();
  }

  function dropLate() {
    const now = monotonicMs();
    for (let i = queue.length - 1; i >= 0; i--) {
      if ((queue[i]?.deadline.atMs ?? 0) > now) continue;
      for (const late of queue.splice(i, 1)) late.reject(new Unavailable('the write was not confirmed in time'));
    }
  }

  /** Sends a group; settles what is certain and returns what must be repeated. */
  async function commit(address: Address, redis: Redis, batch: Pending[]): Promise<Pending[]> {
    const known = sentinels.view()?.replicas.length ?? 0;
    const wanted = monotonicMs() < degradedUntilMs ? 1 : Math.max(1, known);
    const pipeline = redis.pipeline();
    for (const { script, keys, args, unknownScript } of batch) {
      if (unknownScript) pipeline.eval(script.source, keys.length, ...keys, ...args);
      else pipeline.evalsha(script.sha, keys.length, ...keys, ...args);
    }
    pipeline.wait(wanted, waitMs);
    const results = await pipeline.exec().catch(() => null);
    const confirmed = Number(results?.at(-1)?.[1] ?? 0);
    if (confirmed > 0) rescue.fine();
    else rescue.stuck();
    const safe = await isSafe(address, confirmed, known, wanted);
    return batch.filter((pending, i) => {
      const [error, reply] = results?.[i] ?? [new Error('no connection'), undefined];
      const verdict = error ? judge(error) : safe ? 'done' : 'repeat';
      pending.unknownScript = verdict === 'load';
      if (verdict === 'done') pending.resolve(reply as string[]);
      else if (verdict === 'refused') pending.reject(new Unavailable(`Redis refuses writes: ${error?.message}`));
      else if (verdict === 'bug') pending.reject(new Error(`${pending.script.name}: ${error?.message}`));
      return verdict === 'repeat' || verdict === 'load';
    });
  }

  async function isSafe(address: Address, confirmed: number, known: number, wanted: number): Promise<boolean> {
    if (known > 0 && confirmed >= known) return true;
    if (confirmed < wanted) degradedUntilMs = monotonicMs() + degradedMs;
    return confirmed >= 1 && fenceHolds(await sentinels.ask(), address);
  }

  return {
    waiting: () => queue.length,
    run(script, keys, args, deadline) {
      if (queue.length >= maxWaiting) return Promise.reject(new Unavailable('too many writes are waiting'));
      if (remainingMs(deadline) === 0) return Promise.reject(new Unavailable('there was no time left to write'));
      return new Promise((resolve, reject) => {
        queue.push({ script, keys, args, deadline, resolve, reject });
        pump().catch(reject);
      });
    },
  };
}

/** What an error reply means for the one who sent the command. */
function judge(error: Error): 'repeat' | 'load' | 'refused' | 'bug' {
  if (error.name !== 'ReplyError') return 'repeat'; // the connection broke: it may have run
  if (/NOSCRIPT/.test(error.message)) return 'load';
  if (/OOM/.test(error.message)) return 'refused'; // memory is full: waiting does not help
  // MISCONF: its disk is full. It refuses PING as well then, so the Sentinels replace it.
  if (/MISCONF|NOREPLICAS|READONLY|LOADING|MASTERDOWN|BUSY|UNBLOCKED/.test(error.message)) return 'repeat';
  return 'bug';
}

/** Follows the Sentinels: keeps one connection to whoever is master, and drops the old one at once when that changes. */
export function followMaster(
  sentinels: Sentinels,
  connect: (address: Address) => Redis,
): { link: MasterLink; close(): void } {
  let current: { address: Address; redis: Redis } | undefined;
  const stop = sentinels.onMaster((address) => {
    if (current !== undefined && addressText(current.address) === addressText(address)) return;
    current?.redis.disconnect();
    current = { address, redis: connect(address) };
  });
  return {
    link: () => current,
    close() {
      stop();
      current?.redis.disconnect();
    },
  };
}
