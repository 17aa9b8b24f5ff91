// One process that is kept running: started again when it dies, killed and frozen on request, gone when its supervisor is gone.
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import type { ProcessSpec } from './spec.ts';

/** The unexpected end of a process. */
export type ProcessEvent = { name: string; what: 'died'; how: string; code: number | null; retryMs: number };

/** A process under supervision. */
export type SupervisedProcess = {
  spec(): ProcessSpec;
  /** What it shall be from its next start on. */
  change(spec: ProcessSpec): void;
  logPath: string;
  /** Of the process that runs now, if one does. */
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
/** Who has run for this long is healthy again. */
const settledMs = 30_000;

/**
 * Makes a supervised process; `start()` starts it.
 * @param place the folder it runs in, and the environment that every process gets besides its own
 */
export function superviseProcess(
  given: ProcessSpec,
  place: { projectDir: string; inherited: Record<string, string> },
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

  const spawnOnce = () => {
    const startedAt = Date.now();
    const log = openSync(logPath, 'a', 0o600);
    // `setpriv --pdeathsig`: the kernel ends it when this process dies, however that happens. `detached`: a group of its own, so
    // that Ctrl-C in the terminal does not reach it before its turn and a signal can be sent to it with all its children.
    const child = spawn('setpriv', ['--pdeathsig', spec.deathSignal, '--', ...spec.command], {
      cwd: place.projectDir,
      env: { ...place.inherited, ...spec.env },
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    pid = child.pid;
    exited = new Promise((done) => {
      const onGone = (how: string, code: number | null) => {
        // Children that outlived their parent (Nginx workers) would hold its ports.
        signalGroup('SIGKILL');
        pid = undefined;
        dying = false;
        done();
        if (!wanted) return;
        if (Date.now() - startedAt > settledMs) failures = 0;
        const retryMs = Math.min(firstRetryMs * 2 ** failures, longestRetryMs);
        failures += 1;
        onEvent({ name: spec.name, what: 'died', how, code, retryMs });
        retry = setTimeout(() => {
          restarts += 1;
          spawnOnce();
        }, retryMs);
      };
      child.once('error', (error) => onGone(error.message, null));
      child.once('exit', (code, signal) => onGone(signal ?? `exit code ${code}`, code));
    });
  };

  const signalGroup = (signal: NodeJS.Signals) => {
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // ESRCH: no process is left.
    }
  };

  const signal = (name: NodeJS.Signals) => {
    if (pid === undefined) return;
    try {
      process.kill(pid, name);
    } catch {
      // ESRCH: it is gone, and its exit is about to be noticed.
    }
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
      signalGroup('SIGCONT'); // a frozen one could not hear
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
