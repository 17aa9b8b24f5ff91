// A running shop: starts all processes of the topology, waits until they work, keeps them running, stops them in order.
// The command line and the tests use the same.
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { httpStatus, isHealthy, type RedisState, redisState } from './health.ts';
import { lastLines, rotateLog } from './logs.ts';
import { isPortFree } from './ports.ts';
import { type ProcessEvent, type SupervisedProcess, superviseProcess } from './process.ts';
import type { Settings } from './settings.ts';
import { type Kind, type ProcessSpec, topology } from './topology.ts';

/** What a shop tells while it lives. */
export type ShopEvent =
  | ProcessEvent
  | { what: 'ready'; name: string; afterMs: number }
  | { what: 'waiting'; names: string[] }
  | { what: 'frozen'; name: string }
  | { what: 'stopping'; names: string[] };

/** One line of the status: `offset` and `lag` (bytes behind the master) for Redis only. */
export type ProcessStatus = {
  name: string;
  kind: Kind;
  pid: number | null;
  port: number;
  state: 'up' | 'paused' | 'down';
  role?: 'master' | 'replica';
  offset?: number;
  lag?: number;
  restarts: number;
  log: string;
};

/** What can be done with a running shop. Whoever names a process that is not there gets an exception that lists those that are. */
export type Shop = {
  settings: Settings;
  httpUrl: string;
  httpsUrl: string;
  names(): string[];
  status(): Promise<ProcessStatus[]>;
  /** SIGKILL; it is started again. */
  kill(name: string): void;
  /** SIGSTOP, until `resume`. */
  pause(name: string): void;
  resume(name: string): void;
  /** Stops it as it would be stopped at the end, and starts it again; resolves when it works. */
  restart(name: string): Promise<void>;
  /** Resolves when all (or those named) work; throws after `deadlineMs`, naming who does not and their last words. */
  waitUntilHealthy(names?: string[], deadlineMs?: number): Promise<void>;
  /** In order: Nginx, services, Sentinels, replicas, master. Data stay. */
  stop(): Promise<void>;
  /** Everything at once, with SIGKILL. */
  killAll(): Promise<void>;
};

const pollMs = 100;
/** EX_CONFIG of sysexits.h: how a service says that starting it again does not help. */
const badSettingsCode = 78;
/** Who has died this often before ever working (some 6 s of retries) is not waited for. */
const deathsUntilHopeless = 6;
const watchEveryMs = 400;
const missesUntilFrozen = 3;

/** One sentence for each port that the shop needs and somebody else has. */
export async function findTakenPorts(settings: Settings): Promise<string[]> {
  const specs = topology(settings);
  const needed = new Map<number, { host: string; name: string; setting: string }>();
  for (const spec of specs) {
    const port = spec.kind === 'nginx' ? spec.health.port : spec.port;
    needed.set(port, { host: '127.0.0.1', name: spec.name, setting: 'PORT_BASE' });
  }
  if (specs.some((spec) => spec.kind === 'nginx')) {
    needed.set(settings.httpPort, { host: '0.0.0.0', name: 'HTTP', setting: 'HTTP_PORT' });
    needed.set(settings.httpsPort, { host: '0.0.0.0', name: 'HTTPS', setting: 'HTTPS_PORT' });
  }
  const checks = [...needed].map(async ([port, { host, name, setting }]) =>
    (await isPortFree(port, host))
      ? []
      : [`Port ${port} (${name}) is in use by another program: stop that, or choose another with ${setting}=...`],
  );
  return (await Promise.all(checks)).flat();
}

/**
 * Starts a shop, or a part of it, and resolves when it works.
 * @param options.kinds only processes of these kinds (default: all)
 * @param options.readyMs how long all of it may take
 * @throws if it does not get ready: everything is stopped again by then, and the message says who failed and its last words
 */
export async function startShop(
  settings: Settings,
  options: { kinds?: readonly Kind[]; readyMs?: number; onEvent?: (event: ShopEvent) => void } = {},
): Promise<Shop> {
  const onEvent = options.onEvent ?? (() => {});
  const logDir = join(settings.dir, 'logs');
  mkdirSync(logDir, { recursive: true });
  chmodSync(settings.dir, 0o700); // it holds the data and, in the configuration files, the secrets

  const deaths = new Map<string, number>();
  const processes = new Map<string, SupervisedProcess>();
  const add = (spec: ProcessSpec) => {
    mkdirSync(join(settings.dir, spec.name), { recursive: true });
    const logPath = join(logDir, `${spec.name}.log`);
    const made = superviseProcess(spec, settings.projectDir, settings.inherited, logPath, (event) => {
      deaths.set(
        event.name,
        (deaths.get(event.name) ?? 0) + (event.code === badSettingsCode ? deathsUntilHopeless : 1),
      );
      onEvent(event);
    });
    processes.set(spec.name, made);
    return made;
  };
  for (const spec of topology(settings)) if (options.kinds?.includes(spec.kind) ?? true) add(spec);

  const find = (name: string) => {
    const found = processes.get(name);
    if (found === undefined)
      throw new Error(`There is no process "${name}". There are: ${[...processes.keys()].join(', ')}.`);
    return found;
  };

  const waitUntilHealthy = async (
    names = [...processes.keys()],
    deadlineMs = 30_000,
    onHealthy?: (name: string) => void,
  ) => {
    const waitingFor = new Set(names);
    const began = Date.now();
    let said = began;
    while (waitingFor.size > 0) {
      await Promise.all(
        [...waitingFor].map(async (name) => {
          const { spec, pid } = find(name);
          if (pid() === undefined || !(await isHealthy(spec, settings.secrets))) return;
          waitingFor.delete(name);
          deaths.delete(name);
          onHealthy?.(name);
        }),
      );
      if (waitingFor.size === 0) return;
      const hopeless = [...waitingFor].filter((name) => (deaths.get(name) ?? 0) >= deathsUntilHopeless);
      if (hopeless.length > 0) throw new Error(describeFailure('These cannot start', hopeless.map(find)));
      if (Date.now() - began > deadlineMs) {
        throw new Error(describeFailure(`Not ready after ${deadlineMs / 1000} s`, [...waitingFor].map(find)));
      }
      if (Date.now() - said > 3000) {
        said = Date.now();
        onEvent({ what: 'waiting', names: [...waitingFor] });
      }
      await sleep(pollMs);
    }
  };

  const stopSome = async (some: SupervisedProcess[]) => {
    if (some.length === 0) return;
    onEvent({ what: 'stopping', names: some.map(({ spec }) => spec.name) });
    await Promise.all(some.map((each) => each.stop()));
  };

  const timers: NodeJS.Timeout[] = [];
  const stop = async () => {
    for (const timer of timers) clearInterval(timer);
    const all = [...processes.values()];
    for (const order of [1, 2, 3]) await stopSome(all.filter(({ spec }) => spec.stopOrder === order));
    // The master waits for its replicas to have everything, so they must still be there; but they go first, having it all.
    const nodes = all.filter(({ spec }) => spec.stopOrder === 4);
    const states = await Promise.all(nodes.map(({ spec }) => redisState(spec.port, settings.secrets)));
    await stopSome(nodes.filter((_, index) => states[index]?.role !== 'master'));
    await stopSome(nodes.filter((_, index) => states[index]?.role === 'master'));
  };
  const killAll = async () => {
    for (const timer of timers) clearInterval(timer);
    for (const each of processes.values()) {
      const stopped = each.stop();
      each.kill();
      await stopped;
    }
  };

  const shop: Shop = {
    settings,
    httpUrl: `http://127.0.0.1:${settings.httpPort}`,
    httpsUrl: `https://127.0.0.1:${settings.httpsPort}`,
    names: () => [...processes.keys()],
    status: () => describe([...processes.values()], settings.secrets),
    kill: (name) => find(name).kill(),
    pause: (name) => find(name).pause(),
    resume: (name) => find(name).resume(),
    async restart(name) {
      const found = find(name);
      await found.stop();
      found.start();
      await waitUntilHealthy([name]);
    },
    waitUntilHealthy,
    stop,
    killAll,
  };

  const began = Date.now();
  for (const each of processes.values()) each.start();
  try {
    await waitUntilHealthy(undefined, options.readyMs ?? 60_000, (name) =>
      onEvent({ what: 'ready', name, afterMs: Date.now() - began }),
    );
  } catch (error) {
    await killAll();
    throw error;
  }
  timers.push(
    setInterval(() => {
      for (const { logPath } of processes.values()) rotateLog(logPath);
    }, 5000),
  );
  for (const each of processes.values()) {
    if (each.spec.kind === 'nginx') timers.push(watchForFreeze(each, onEvent));
  }
  return shop;
}

/**
 * A frozen Nginx still gets its share of new connections from the kernel, and nobody answers them: it is found in at most 2 s, killed,
 * and started again by its supervision. Services and Redis need none of it: Nginx and Sentinel pass them over.
 */
function watchForFreeze(nginx: SupervisedProcess, onEvent: (event: ShopEvent) => void): NodeJS.Timeout {
  let misses = 0;
  let pidOfMisses: number | undefined;
  return setInterval(async () => {
    const pid = nginx.pid();
    const status = await httpStatus(nginx.spec.health.port, nginx.spec.health.path, watchEveryMs);
    misses = status !== undefined || pid === undefined || pid !== pidOfMisses ? 0 : misses + 1;
    pidOfMisses = pid;
    if (misses < missesUntilFrozen || pid !== nginx.pid()) return;
    misses = 0;
    onEvent({ what: 'frozen', name: nginx.spec.name });
    nginx.kill();
  }, watchEveryMs);
}

async function describe(all: SupervisedProcess[], secrets: Record<string, string>): Promise<ProcessStatus[]> {
  const answers = await Promise.all(
    all.map(async (each): Promise<{ healthy: boolean; redis?: RedisState | undefined }> => {
      if (each.pid() === undefined || each.isPaused()) return { healthy: false };
      if (each.spec.kind !== 'redis') return { healthy: await isHealthy(each.spec, secrets) };
      const redis = await redisState(each.spec.port, secrets);
      return { healthy: redis !== undefined, redis };
    }),
  );
  const masterOffset = Math.max(...answers.map(({ redis }) => (redis?.role === 'master' ? redis.offset : 0)));
  return all.map((each, index) => {
    const answer = answers[index];
    const redis = answer?.redis;
    return {
      name: each.spec.name,
      kind: each.spec.kind,
      pid: each.pid() ?? null,
      port: each.spec.port,
      state: each.isPaused() ? 'paused' : answer?.healthy ? 'up' : 'down',
      ...(redis ? { role: redis.role, offset: redis.offset, lag: Math.max(0, masterOffset - redis.offset) } : {}),
      restarts: each.restarts(),
      log: each.logPath,
    };
  });
}

function describeFailure(what: string, failed: SupervisedProcess[]): string {
  const lines = failed.map(({ spec, logPath }) => {
    const words = lastLines(logPath, 1)[0];
    return `  ${spec.name}${words === undefined ? '' : `: ${words.slice(0, 300)}`}  (${logPath})`;
  });
  return `${what}:\n${lines.join('\n')}`;
}
