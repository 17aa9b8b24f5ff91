// The processes of a shop as a set: found by name, awaited until they work, stopped together.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isHealthy } from './health.ts';
import { type ProcessEvent, type SupervisedProcess, superviseProcess } from './process.ts';
import type { Settings } from './settings.ts';
import type { Kind, ProcessSpec } from './spec.ts';
import { failure, lastWords } from './status.ts';

/** What a supervisor reports. `ready` also comes when a process works again after it died. */
export type SupervisorEvent =
  | ProcessEvent
  | { what: 'ready'; name: string; afterMs: number }
  | { what: 'waiting'; names: string[]; lastWords: string[] }
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

/**
 * Creates an empty set of processes.
 * @param settings where the processes run, and the secrets that their health checks need
 */
export function createSupervisor(settings: Settings, onEvent: (event: SupervisorEvent) => void): Supervisor {
  const processes = new Map<string, SupervisedProcess>();
  /** Deaths of processes that have not worked since. */
  const deaths = new Map<string, number>();
  let isRunning = false;

  const find = (name: string) => {
    const found = processes.get(name);
    if (found === undefined) {
      throw new Error(`There is no process '${name}'. There are: ${[...processes.keys()].join(', ')}.`);
    }
    return found;
  };
  const isHopeless = (name: string) => (deaths.get(name) ?? 0) >= deathsUntilHopeless;

  function onDeath(event: ProcessEvent) {
    const { name } = event;
    onEvent(event);
    const known = deaths.get(name);
    deaths.set(name, (known ?? 0) + (event.code === badSettingsCode ? deathsUntilHopeless : 1));
    if (!isRunning || known !== undefined) return;
    const startedAt = Date.now();
    waitForRecovery(name)
      .then(() => onEvent({ what: 'ready', name, afterMs: Date.now() - startedAt }))
      .catch(() => {}); // stopped meanwhile
  }

  /** The names without those that work. */
  async function withoutHealthy(names: readonly string[]): Promise<string[]> {
    const answers = await Promise.all(
      names.map(async (name) => {
        const process = find(name);
        return process.pid() !== undefined && (await isHealthy(process.spec(), settings.secrets));
      }),
    );
    for (const [index, name] of names.entries()) if (answers[index]) deaths.delete(name);
    return names.filter((_, index) => !answers[index]);
  }

  async function pause(names: readonly string[]) {
    await sleep(pollIntervalMs);
    if (names.some((name) => !processes.get(name)?.isWanted())) throw new Error('Stopped while waiting.');
  }

  async function waitForRecovery(name: string) {
    while ((await withoutHealthy([name])).length > 0) await pause([name]);
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
    async waitUntilHealthy(names, deadlineMs = 30_000, { onHealthy = () => {} } = {}) {
      const startedAt = Date.now();
      let loggedAt = startedAt;
      let late = names;
      for (;;) {
        const before = late;
        late = await withoutHealthy(before);
        for (const name of before) if (!late.includes(name)) onHealthy(name);
        if (late.length === 0) return;
        const hopeless = late.filter(isHopeless);
        if (hopeless.length > 0) throw failure('These cannot start:', hopeless.map(find));
        if (Date.now() - startedAt > deadlineMs) {
          throw failure(`Not ready after ${deadlineMs / 1000} s:`, late.map(find));
        }
        if (Date.now() - loggedAt > logIntervalMs) {
          loggedAt = Date.now();
          onEvent({ what: 'waiting', names: late, lastWords: late.map((name) => lastWords(find(name))) });
        }
        await pause(late);
      }
    },
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
