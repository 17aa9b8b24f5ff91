// A running shop: starts all processes of the topology, waits until they work, keeps them running, stops them in order.
// The command line and the tests use the same.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { compiledFolder, compiledProgram, compilePrograms } from '../compile.mjs';
import { removeCacheDir, removeOrphanedCacheDirs } from './cache-dirs.ts';
import { type ShopState, scaleService, setRedisMemory, stopInOrder } from './changes.ts';
import { rotateLog } from './logs.ts';
import { writeTargets } from './monitoring.ts';
import type { Settings } from './settings.ts';
import type { Kind, ProcessSpec } from './spec.ts';
import { describe, type ProcessStatus } from './status.ts';
import { createSupervisor, type SupervisorEvent } from './supervisor.ts';
import { topology } from './topology.ts';
import { watchForFreeze } from './watchdog.ts';

/** What a shop reports while it runs. */
export type ShopEvent = SupervisorEvent | { what: 'frozen'; name: string };

/** What can be done with a shop. The name of a process that does not exist throws an error that lists those that do. */
export type Shop = {
  readonly settings: Settings;
  httpUrl: string;
  httpsUrl: string;
  names(): string[];
  status(): Promise<ProcessStatus[]>;
  /** Starts everything. Throws if it does not work within a minute: the message names the processes and holds the last lines of their logs. */
  start(): Promise<void>;
  /** SIGKILL; its supervisor starts it again. */
  kill(name: string): void;
  /** SIGSTOP, until `resume`. */
  pause(name: string): void;
  resume(name: string): void;
  /** SIGKILL; it stays down until `revive`. */
  halt(name: string): Promise<void>;
  revive(name: string): void;
  /** Sends a signal to the process itself. */
  signal(name: string, signal: NodeJS.Signals): void;
  /** Stops it with its own signal, and starts it again; resolves when it works. */
  restart(name: string): Promise<void>;
  /** Starts or stops replicas of a service until there are `count`; Nginx follows without a lost request. */
  scale(service: string, count: number): Promise<void>;
  /** Gives every Redis node another `maxmemory`, such as 1gb, without a restart, and keeps it for later restarts of a node. */
  setMemory(size: string): Promise<void>;
  /** Resolves when all (or those named) work; throws like `start`. */
  waitUntilHealthy(names?: string[], deadlineMs?: number): Promise<void>;
  /** In order: Nginx, services, Sentinels, replicas, master. Data stay. */
  stop(): Promise<void>;
  /** Everything at once, with SIGKILL. */
  killAll(): Promise<void>;
};

/** See {@link startShop}. */
type ShopOptions = {
  kinds?: readonly Kind[];
  /** What tests change in the topology: a proxy between two processes, another folder of code. */
  rewire?: (specs: ProcessSpec[]) => ProcessSpec[];
  onEvent?: (event: ShopEvent) => void;
};

const rotateIntervalMs = 5000;
/** How long a start may take. */
const readyMs = 60_000;

/**
 * Starts a shop, or a part of it, and resolves when it works.
 * @param options.kinds only processes of these kinds (default: all)
 * @throws if it does not get ready; everything is stopped again by then
 */
export async function startShop(settings: Settings, options: ShopOptions = {}): Promise<Shop> {
  const shop = createShop(settings, options);
  try {
    await shop.start();
  } catch (error) {
    await shop.killAll();
    throw error;
  }
  return shop;
}

/** Creates a shop that does not run yet: its folders are made, nothing else. */
export function createShop(settings: Settings, options: ShopOptions = {}): Shop {
  const { onEvent = () => {}, kinds, rewire = (all: ProcessSpec[]) => all } = options;
  mkdirSync(join(settings.dir, 'logs'), { recursive: true });
  chmodSync(settings.dir, 0o700); // it holds the data and, in the configuration files, the secrets

  const processes = createSupervisor(settings, onEvent);
  const compiled = compiledFolder(settings.projectDir);
  const state: ShopState = {
    settings,
    processes,
    specs: () =>
      rewire(topology(state.settings))
        .filter(({ kind }) => kinds?.includes(kind) ?? true)
        .map((spec) => ({ ...spec, command: spec.command.map((word) => compiledProgram(compiled, word)) })),
  };
  for (const spec of state.specs()) processes.add(spec);

  const names = () => processes.all().map((each) => each.spec().name);
  const halt = (name: string) => {
    const stopped = processes.find(name).stop();
    processes.find(name).kill();
    return stopped;
  };
  let endTimers = () => {};
  const end = () => {
    processes.setRunning(false);
    endTimers();
  };

  return {
    get settings() {
      return state.settings;
    },
    httpUrl: httpUrlOf(settings),
    httpsUrl: `https://127.0.0.1:${settings.httpsPort}`,
    names,
    status: () => describe(processes.all(), settings.secrets),
    async start() {
      await startAll(state, onEvent);
      processes.setRunning(true);
      endTimers = startTimers(state, onEvent);
    },
    kill: (name) => processes.find(name).kill(),
    pause: (name) => processes.find(name).pause(),
    resume: (name) => processes.find(name).resume(),
    halt,
    revive: (name) => processes.find(name).start(),
    signal: (name, signal) => processes.find(name).signal(signal),
    async restart(name) {
      const found = processes.find(name);
      await found.stop();
      found.start();
      await processes.waitUntilHealthy([name]);
    },
    scale: (service, count) => scaleService(state, service, count),
    setMemory: (size) => setRedisMemory(state, size),
    waitUntilHealthy: (some = names(), deadlineMs = 30_000) => processes.waitUntilHealthy(some, deadlineMs),
    async stop() {
      end();
      await stopInOrder(state);
      removeCaches(processes);
    },
    async killAll() {
      end();
      await Promise.all(names().map(halt));
      removeCaches(processes);
    },
  };
}

async function startAll({ settings, processes, specs }: ShopState, onEvent: (event: ShopEvent) => void) {
  if (processes.ofKind('nginx').length > 0) makeCertificate(settings);
  await compilePrograms(settings.projectDir);
  removeOrphanedCacheDirs();
  const startedAt = Date.now();
  writeTargets(settings, specs());
  for (const each of processes.all()) each.start();
  const needed = processes.all().filter((each) => !each.spec().isOptional);
  await processes.waitUntilHealthy(
    needed.map((each) => each.spec().name),
    readyMs,
    { onHealthy: (name) => onEvent({ what: 'ready', name, afterMs: Date.now() - startedAt }) },
  );
}

function removeCaches(processes: ShopState['processes']): void {
  for (const { spec } of processes.ofKind('nginx')) removeCacheDir(spec().env.DATA_DIR ?? '');
}

/** Rotates logs and looks for a frozen Nginx. @returns a function that ends both */
function startTimers({ processes }: ShopState, onEvent: (event: ShopEvent) => void): () => void {
  const timers = [
    setInterval(() => processes.all().map(({ logPath }) => rotateLog(logPath)), rotateIntervalMs),
    watchForFreeze(processes.ofKind('nginx'), (name) => onEvent({ what: 'frozen', name })),
  ];
  return () => timers.forEach(clearInterval);
}

function httpUrlOf({ httpAddress, httpPort }: Settings): string {
  const host = ['0.0.0.0', '::'].includes(httpAddress) ? '127.0.0.1' : httpAddress;
  return `http://${host.includes(':') ? `[${host}]` : host}:${httpPort}`;
}

/** Makes `.shop/tls/` unless it holds a certificate. */
function makeCertificate(settings: Settings): void {
  const script = join(settings.projectDir, 'nginx', 'certificate.sh');
  execFileSync('sh', [script, join(settings.dir, 'tls'), 'localhost', '127.0.0.1'], { env: settings.inherited });
}
