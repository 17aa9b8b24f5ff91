// One process that is kept running: restarted when it dies, killed and paused on request, ended when its supervisor dies.
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import type { ProcessSpec } from './spec.ts';

/** The unexpected end of a process. */
export type ProcessEvent = { name: string; what: 'died'; how: string; code: number | null; retryMs: number };

/** The folder that a process runs in, and the environment that every process gets besides its own. */
type Place = { projectDir: string; inherited: Record<string, string> };

/** A process under supervision. */
export type SupervisedProcess = {
  spec(): ProcessSpec;
  /** Changes how it is started, from its next start on. */
  change(spec: ProcessSpec): void;
  logPath: string;
  /** The id of the running process, if there is one. */
  pid(): number | undefined;
  /** Whether it is stopped by SIGSTOP, also one that another program sent. */
  isPaused(): boolean;
  /** Whether it was started and not stopped since. */
  isWanted(): boolean;
  /** How often it was started again since the supervisor started it. */
  restarts(): number;
  start(): void;
  /** Asks it to stop, waits, kills it when its time is up. It stays down. */
  stop(): Promise<void>;
  /** Kills it and all its children at once (SIGKILL). Unless it was stopped before, it is started again. */
  kill(): void;
  pause(): void;
  resume(): void;
  /** Sends a signal to the process itself, not to its children. */
  signal(signal: NodeJS.Signals): void;
};

// The first retry comes at once, since most deaths are a single accident; then the pause doubles.
const firstRetryMs = 100;
const longestRetryMs = 5000;
/** A process that has run for this long is healthy again. */
const settledMs = 30_000;

/**
 * Decides on the restart of a process that has ended.
 * @param failures how often it ended before within {@link settledMs} of its start
 * @param ranMs how long it has run this time
 * @returns the new count of failures, and the pause before the next start
 */
export function planRestart(failures: number, ranMs: number): { failures: number; retryMs: number } {
  const before = ranMs > settledMs ? 0 : failures;
  return { failures: before + 1, retryMs: Math.min(firstRetryMs * 2 ** before, longestRetryMs) };
}

/** Makes a supervised process; `start()` starts it. */
export function superviseProcess(
  given: ProcessSpec,
  place: Place,
  logPath: string,
  onEvent: (event: ProcessEvent) => void,
): SupervisedProcess {
  let spec = given;
  let pid: number | undefined;
  /** Killed, and its end not yet noticed: it does not count as running any more. */
  let dying = false;
  let wanted = false;
  let restarts = 0;
  let failures = 0;
  let retry: NodeJS.Timeout | undefined;
  let exited: Promise<void> = Promise.resolve();

  const signal = (name: NodeJS.Signals) => pid !== undefined && sendSignal(pid, name);
  const signalGroup = (name: NodeJS.Signals) => pid !== undefined && sendSignal(-pid, name);

  const spawnOnce = () => {
    const startedAt = Date.now();
    const spawned = spawnInGroup(spec, place, logPath);
    pid = spawned.pid;
    exited = spawned.end.then((end) => {
      // Children that outlived their parent (Nginx workers) would hold its ports.
      signalGroup('SIGKILL');
      pid = undefined;
      dying = false;
      if (wanted) restartLater(end, Date.now() - startedAt);
    });
  };

  const restartLater = (end: ProcessEnd, ranMs: number) => {
    const plan = planRestart(failures, ranMs);
    failures = plan.failures;
    onEvent({ name: spec.name, what: 'died', ...end, retryMs: plan.retryMs });
    retry = setTimeout(() => {
      restarts += 1;
      spawnOnce();
    }, plan.retryMs);
  };

  return {
    spec: () => spec,
    change(changed) {
      spec = changed;
    },
    logPath,
    pid: () => (dying ? undefined : pid),
    isPaused: () => pid !== undefined && processState(pid) === 'T',
    isWanted: () => wanted,
    restarts: () => restarts,
    start() {
      if (wanted) return;
      wanted = true;
      failures = 0;
      spawnOnce();
    },
    async stop() {
      wanted = false;
      clearTimeout(retry);
      if (pid === undefined) return;
      signal(spec.stopSignal);
      signalGroup('SIGCONT'); // a frozen process does not handle the signal before it goes on
      const timer = setTimeout(() => signalGroup('SIGKILL'), spec.stopMs);
      await exited;
      clearTimeout(timer);
    },
    kill() {
      dying = pid !== undefined;
      signalGroup('SIGKILL');
    },
    pause: () => signalGroup('SIGSTOP'),
    resume: () => signalGroup('SIGCONT'),
    signal,
  };
}

type ProcessEnd = Pick<ProcessEvent, 'how' | 'code'>;

/** Starts a process in a group of its own. @returns its id, if it could be started, and how it ends */
function spawnInGroup(
  { command, deathSignal, env }: ProcessSpec,
  { projectDir, inherited }: Place,
  logPath: string,
): { pid: number | undefined; end: Promise<ProcessEnd> } {
  const log = openSync(logPath, 'a', 0o600);
  // `setpriv --pdeathsig`: the kernel ends it when this process dies, however that happens. `detached`: a group of its own, so
  // that Ctrl-C in the terminal does not reach it before its turn and a signal can be sent to it with all its children.
  const child = spawn('setpriv', ['--pdeathsig', deathSignal, '--', ...command], {
    cwd: projectDir,
    env: { ...inherited, ...env },
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const end = new Promise<ProcessEnd>((resolve) => {
    child.once('error', (error) => resolve({ how: error.message, code: null }));
    child.once('exit', (code, signal) => resolve({ how: signal ?? `exit code ${code}`, code }));
  });
  return { pid: child.pid, end };
}

/** Sends a signal to a process or, with a negative id, to its group. */
function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // ESRCH: it is gone, and its exit is about to be noticed.
  }
}

/** The kernel's letter for the state of a process (`T`: stopped), from /proc; undefined if there is none. */
function processState(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in brackets, may itself hold spaces and brackets.
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
  } catch {
    return undefined;
  }
}
