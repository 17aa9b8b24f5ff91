// The processes of a shop as a set: found by name, awaited until they work, stopped together.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isHealthy } from './health.ts';
import { type ProcessEvent, type SupervisedProcess, superviseProcess } from './process.ts';
import type { Settings } from './settings.ts';
import type { Kind, ProcessSpec } from './spec.ts';
import { failure, lastLogLine } from './status.ts';

/** What a supervisor reports. `ready` also comes when a process works again after it died. */
export type SupervisorEvent =
  | ProcessEvent
  | { what: 'ready'; name: string; afterMs: number }
  | { what: 'waiting'; names: string[]; lastLines: string[] }
  | { what: 'stopping'; names: string[] };

/** See {@link createSupervisor}. */
export type Supervisor = {
  all(): SupervisedProcess[];
  ofKind(kind: Kind): SupervisedProcess[];
  has(name: string): boolean;
  /** @throws an error that lists the processes there are */
  find(name: string): SupervisedProcess;
  /** Adds a process that does not run yet. */
  add(spec: ProcessSpec): SupervisedProcess;
  remove(name: string): void;
  /**
   * Resolves when the processes work.
   * @param options.onHealthy called for each when it works
   * @throws when the deadline has passed, or when a process cannot start; the message holds the last lines of their logs
   */
  waitUntilHealthy(
    names: string[],
    deadlineMs?: number,
    options?: { onHealthy?: (name: string) => void },
  ): Promise<void>;
  stop(some: SupervisedProcess[]): Promise<void>;
  /** Whether a `ready` event follows when a process works again after it died; from the end of the start until the stop. */
  setRunning(running: boolean): void;
};

const pollIntervalMs = 100;
const logIntervalMs = 3000;
/** EX_CONFIG of sysexits.h: the settings are wrong, so another start cannot succeed. */
const badSettingsCode = 78;
/** A process that died this often before it ever worked (some 6 s of retries) cannot start. */
const deathsUntilHopeless = 6;

/** The deaths of processes that have not worked since. */
export function createDeathCount() {
  const deaths = new Map<string, number>();
  return {
    /** Counts a death. @returns whether it is the first since the process worked */
    add({ name, code }: Pick<ProcessEvent, 'name' | 'code'>): boolean {
      const before = deaths.get(name);
      deaths.set(name, (before ?? 0) + (code === badSettingsCode ? deathsUntilHopeless : 1));
      return before === undefined;
    },
    /** The process works again. */
    clear: (name: string) => deaths.delete(name),
    /** Whether another start would not help. */
    isHopeless: (name: string) => (deaths.get(name) ?? 0) >= deathsUntilHopeless,
  };
}

/**
 * Creates an empty set of processes.
 * @param settings where the processes run, and the secrets that their health checks need
 */
export function createSupervisor(settings: Settings, onEvent: (event: SupervisorEvent) => void): Supervisor {
  const processes = new Map<string, SupervisedProcess>();
  const deaths = createDeathCount();
  let isRunning = false;

  const find = (name: string) => {
    const found = processes.get(name);
    if (found === undefined) {
      throw new Error(`There is no process '${name}'. There are: ${[...processes.keys()].join(', ')}.`);
    }
    return found;
  };

  /** The names without those that work. */
  async function withoutHealthy(names: readonly string[]): Promise<string[]> {
    const answers = await Promise.all(
      names.map(async (name) => {
        const process = find(name);
        return process.pid() !== undefined && (await isHealthy(process.spec(), settings.secrets));
      }),
    );
    for (const [index, name] of names.entries()) if (answers[index]) deaths.clear(name);
    return names.filter((_, index) => !answers[index]);
  }

  const waited: Waited = {
    find,
    withoutHealthy,
    isHopeless: deaths.isHopeless,
    isWanted: (name) => processes.get(name)?.isWanted() ?? false,
    onWaiting: (late) =>
      onEvent({ what: 'waiting', names: late, lastLines: late.map((name) => lastLogLine(find(name))) }),
  };

  function onDeath(event: ProcessEvent) {
    onEvent(event);
    const isFirst = deaths.add(event);
    if (!isRunning || !isFirst) return;
    const { name } = event;
    const startedAt = Date.now();
    waitForRecovery(waited, name)
      .then(() => onEvent({ what: 'ready', name, afterMs: Date.now() - startedAt }))
      .catch(() => {}); // stopped meanwhile
  }

  return {
    all: () => [...processes.values()],
    ofKind: (kind) => [...processes.values()].filter((each) => each.spec().kind === kind),
    has: (name) => processes.has(name),
    find,
    add(spec) {
      const made = superviseProcess(spec, settings, join(settings.dir, 'logs', `${spec.name}.log`), onDeath);
      processes.set(spec.name, made);
      return made;
    },
    remove: (name) => processes.delete(name),
    waitUntilHealthy: (names, deadlineMs = 30_000, { onHealthy = () => {} } = {}) =>
      waitUntilHealthy(waited, names, deadlineMs, onHealthy),
    async stop(some) {
      if (some.length === 0) return;
      onEvent({ what: 'stopping', names: some.map((each) => each.spec().name) });
      await Promise.all(some.map((each) => each.stop()));
    },
    setRunning(running) {
      isRunning = running;
    },
  };
}

/** The processes, as a wait for them asks about them. */
type Waited = {
  find(name: string): SupervisedProcess;
  /** The names without those that work. */
  withoutHealthy(names: readonly string[]): Promise<string[]>;
  isHopeless(name: string): boolean;
  isWanted(name: string): boolean;
  /** Called now and then with the names that do not work yet. */
  onWaiting(late: string[]): void;
};

/** See {@link Supervisor}. */
async function waitUntilHealthy(
  waited: Waited,
  names: string[],
  deadlineMs: number,
  onHealthy: (name: string) => void,
): Promise<void> {
  const startedAt = Date.now();
  let loggedAt = startedAt;
  let late = names;
  for (;;) {
    const before = late;
    late = await waited.withoutHealthy(before);
    for (const name of before) if (!late.includes(name)) onHealthy(name);
    if (late.length === 0) return;
    const hopeless = late.filter(waited.isHopeless);
    if (hopeless.length > 0) throw failure('These cannot start:', hopeless.map(waited.find));
    if (Date.now() - startedAt > deadlineMs) {
      throw failure(`Not ready after ${deadlineMs / 1000} s:`, late.map(waited.find));
    }
    if (Date.now() - loggedAt > logIntervalMs) {
      loggedAt = Date.now();
      waited.onWaiting(late);
    }
    await pause(waited, late);
  }
}

/** Waits without a deadline: a process that died while the shop runs is started again and again. */
async function waitForRecovery(waited: Waited, name: string): Promise<void> {
  while ((await waited.withoutHealthy([name])).length > 0) await pause(waited, [name]);
}

/** @throws when one of the processes has been stopped */
async function pause({ isWanted }: Waited, names: readonly string[]): Promise<void> {
  await sleep(pollIntervalMs);
  if (!names.every(isWanted)) throw new Error('Stopped while waiting.');
}
