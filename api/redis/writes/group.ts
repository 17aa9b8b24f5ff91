/** A group of writes: n scripts and what asks the replicas for them, in one pipeline. */
import type { ChainableCommander, Redis } from 'ioredis';
import { type Deadline, remainingMs } from '../../core/clock.ts';
import { Unavailable } from '../../core/outcome.ts';
import { type MasterRole, parseMasterRole } from '../role.ts';
import type { Script } from '../script.ts';

/** A write that waits for its acknowledgement. */
export type PendingWrite = {
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
  readonly resolve: (reply: string[]) => void;
  readonly reject: (error: Error) => void;
  isSettled(): boolean;
  /** Whether the master does not know the script, so that its source must be sent. */
  isUnknownScript: boolean;
};

/** A write that ran on the master, with its reply. */
export type ExecutedWrite = { readonly write: PendingWrite; readonly reply: string[] };

/** What came back from a group. */
export type GroupReply = {
  readonly executed: readonly ExecutedWrite[];
  /** Writes that may not have run. */
  readonly toRepeat: readonly PendingWrite[];
  /** How many connections of replicas confirmed; 0 also when the connection to the master broke. */
  readonly confirmations: number;
  /** ROLE before and after the WAIT, where it was asked for. */
  readonly before: MasterRole | undefined;
  readonly after: MasterRole | undefined;
};

/** How long WAIT gives the replicas, in ms. */
const waitMs = 50;

/** A write that rejects by itself at its deadline. */
export function createPendingWrite(
  { script, keys, args }: Pick<PendingWrite, 'script' | 'keys' | 'args'>,
  deadline: Deadline,
  resolve: (reply: string[]) => void,
  reject: (error: Error) => void,
): PendingWrite {
  let settled = false;
  function settle(how: () => void) {
    clearTimeout(timer);
    if (!settled) how();
    settled = true;
  }
  // A reply that arrived while the process was busy is read before `setImmediate`.
  const timer = setTimeout(
    () => setImmediate(settle, () => reject(new Unavailable('the write was not confirmed in time'))),
    remainingMs(deadline),
  );
  return {
    script,
    keys,
    args,
    resolve: (reply) => settle(() => resolve(reply)),
    reject: (error) => settle(() => reject(error)),
    isSettled: () => settled,
    isUnknownScript: false,
  };
}

/**
 * Sends a group and waits for `replicas` replicas. Rejects the writes that Redis refuses.
 * @param named whether to ask with ROLE which replicas confirmed: WAIT only counts connections
 */
export async function sendGroup(
  redis: Redis,
  group: readonly PendingWrite[],
  replicas: number,
  named: boolean,
): Promise<GroupReply> {
  const pipeline = redis.pipeline();
  for (const write of group) addScript(pipeline, write);
  if (named) pipeline.role();
  pipeline.wait(replicas, waitMs);
  if (named) pipeline.role();
  const results = await pipeline.exec().catch(() => null);
  const others = (results ?? []).slice(group.length).map(([error, reply]) => (error ? undefined : reply));
  const [before, confirmations, after] = named ? others : [undefined, others[0], undefined];
  return {
    ...sortOut(group, results),
    confirmations: Number(confirmations ?? 0),
    before: parseMasterRole(before),
    after: parseMasterRole(after),
  };
}

function addScript(pipeline: ChainableCommander, { script, keys, args, isUnknownScript }: PendingWrite): void {
  if (isUnknownScript) pipeline.eval(script.source, keys.length, ...keys, ...args);
  else pipeline.evalsha(script.sha, keys.length, ...keys, ...args);
}

function sortOut(
  group: readonly PendingWrite[],
  results: [error: Error | null, reply: unknown][] | null,
): Pick<GroupReply, 'executed' | 'toRepeat'> {
  const executed: ExecutedWrite[] = [];
  const toRepeat: PendingWrite[] = [];
  for (const [i, write] of group.entries()) {
    const [error, reply] = results?.[i] ?? [new Error('no connection'), undefined];
    const meaning = error ? meaningOf(error) : 'executed';
    write.isUnknownScript = meaning === 'unknown-script';
    if (meaning === 'executed') executed.push({ write, reply: reply as string[] });
    else if (meaning === 'refused') write.reject(new Unavailable(`Redis refuses writes: ${error?.message}`));
    else if (meaning === 'bug') write.reject(new Error(`${write.script.name}: ${error?.message}`));
    else toRepeat.push(write);
  }
  return { executed, toRepeat };
}

function meaningOf(error: Error): 'repeat' | 'unknown-script' | 'refused' | 'bug' {
  if (error.name !== 'ReplyError') return 'repeat'; // the connection broke: it may have run
  if (/NOSCRIPT/.test(error.message)) return 'unknown-script';
  if (/OOM/.test(error.message)) return 'refused'; // memory is full: waiting does not help
  // MISCONF: the master's disk is full. It refuses PING as well then, so the Sentinels replace it.
  if (/MISCONF|NOREPLICAS|READONLY|LOADING|MASTERDOWN|BUSY|UNBLOCKED/.test(error.message)) return 'repeat';
  return 'bug';
}
