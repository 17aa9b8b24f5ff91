// A running shop: starts all processes of the topology, waits until they work, keeps them running, stops them in order.
// The command line and the tests use the same.
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { isHealthy, redisState } from './health.ts';
import { rotateLog } from './logs.ts';
import { writeTargets } from './monitoring.ts';
import { type ProcessEvent, type SupervisedProcess, superviseProcess } from './process.ts';
import type { Settings } from './settings.ts';
import { describe, failure, lastWords, type ProcessStatus } from './status.ts';
import { type Kind, type ProcessSpec, topology } from './topology.ts';
import { watchForFreeze } from './watchdog.ts';

/** What a shop tells while it lives. `ready` also comes when a process works again after it died. */
export type ShopEvent =
  | ProcessEvent
  | { what: 'ready'; name: string; afterMs: number }
  | { what: 'waiting'; names: string[]; lastWords: string[] }
  | { what: 'frozen'; name: string }
  | { what: 'stopping'; names: string[] };

/** What can be done with a shop. Whoever names a process that is not there gets an exception that lists those that are. */
export type Shop = {
  settings: Settings;
  httpUrl: string;
  httpsUrl: string;
  names(): string[];
  status(): Promise<ProcessStatus[]>;
  /** Starts everything. Throws if it does not work within `readyMs`: the message says who does not, with its last words. */
  start(readyMs?: number): Promise<void>;
  /** SIGKILL; it is started again. */
  kill(name: string): void;
  /** SIGSTOP, until `resume`. */
  pause(name: string): void;
  resume(name: string): void;
  /** SIGKILL; it stays down until `revive`. */
  halt(name: string): Promise<void>;
  revive(name: string): void;
  /** Sends a signal to the process itself. */
  signal(name: string, signal: NodeJS.Signals): void;
  /** Stops it as it would be stopped at the end, and starts it again; resolves when it works. */
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
export type ShopOptions = {
  kinds?: readonly Kind[];
  /** What tests change in the topology: a proxy between two processes, another folder of code. */
  rewire?: (specs: ProcessSpec[]) => ProcessSpec[];
  onEvent?: (event: ShopEvent) => void;
};

const pollMs = 100;
const sayEveryMs = 3000;
const rotateEveryMs = 5000;
/** EX_CONFIG of sysexits.h: how a service says that starting it again does not help. */
const badSettingsCode = 78;
/** Who has died this often before ever working (some 6 s of retries) is not waited for. */
const deathsUntilHopeless = 6;

/**
 * Starts a shop, or a part of it, and resolves when it works.
 * @param options.kinds only processes of these kinds (default: all)
 * @param options.readyMs how long all of it may take
 * @throws if it does not get ready; everything is stopped again by then
 */
export async function startShop(settings: Settings, options: ShopOptions & { readyMs?: number } = {}): Promise<Shop> {
  const shop = createShop(settings, options);
  try {
    await shop.start(options.readyMs);
  } catch (error) {
    await shop.killAll();
    throw error;
  }
  return shop;
}

/** A shop that does not run yet. Its folders are made, nothing else. */
export function createShop(given: Settings, options: ShopOptions = {}): Shop {
  let settings = given;
  const onEvent = options.onEvent ?? (() => {});
  const logDir = join(settings.dir, 'logs');
  mkdirSync(logDir, { recursive: true });
  chmodSync(settings.dir, 0o700); // it holds the data and, in the configuration files, the secrets

  const processes = new Map<string, SupervisedProcess>();
  /** Deaths of processes that have not worked since. */
  const deaths = new Map<string, number>();
  const timers: NodeJS.Timeout[] = [];
  let running = false;

  const rewire = options.rewire ?? ((all) => all);
  const specs = () => rewire(topology(settings)).filter(({ kind }) => options.kinds?.includes(kind) ?? true);
  const add = (spec: ProcessSpec) => {
    const made = superviseProcess(spec, settings, join(logDir, `${spec.name}.log`), onDeath);
    processes.set(spec.name, made);
    return made;
  };
  const find = (name: string) => {
    const found = processes.get(name);
    if (found === undefined)
      throw new Error(`There is no process '${name}'. There are: ${[...processes.keys()].join(', ')}.`);
    return found;
  };
  const ofKind = (kind: Kind) => [...processes.values()].filter((each) => each.spec().kind === kind);

  function onDeath(event: ProcessEvent) {
    const { name } = event;
    onEvent(event);
    const known = deaths.get(name);
    deaths.set(name, (known ?? 0) + (event.code === badSettingsCode ? deathsUntilHopeless : 1));
    if (!running || known !== undefined) return;
    const began = Date.now();
    waitUntilHealthy([name], Number.POSITIVE_INFINITY, { evenIfHopeless: true })
      .then(() => onEvent({ what: 'ready', name, afterMs: Date.now() - began }))
      .catch(() => {}); // stopped meanwhile
  }

  async function waitUntilHealthy(
    names = [...processes.keys()],
    deadlineMs = 30_000,
    { evenIfHopeless = false, onHealthy = (_name: string) => {} } = {},
  ): Promise<void> {
    const late = new Set(names);
    const began = Date.now();
    let saidAt = began;
    for (;;) {
      await Promise.all(
        [...late].map(async (name) => {
          const process = find(name);
          if (process.pid() === undefined || !(await isHealthy(process.spec(), settings.secrets))) return;
          late.delete(name);
          deaths.delete(name);
          onHealthy(name);
        }),
      );
      if (late.size === 0) return;
      const hopeless = [...late].filter((name) => (deaths.get(name) ?? 0) >= deathsUntilHopeless);
      if (hopeless.length > 0 && !evenIfHopeless) throw failure('These cannot start:', hopeless.map(find));
      if (Date.now() - began > deadlineMs)
        throw failure(`Not ready after ${deadlineMs / 1000} s:`, [...late].map(find));
      if (!evenIfHopeless && Date.now() - saidAt > sayEveryMs) {
        saidAt = Date.now();
        onEvent({ what: 'waiting', names: [...late], lastWords: [...late].map((name) => lastWords(find(name))) });
      }
      await sleep(pollMs);
      if ([...late].some((name) => !processes.get(name)?.isWanted())) throw new Error('Stopped while waiting.');
    }
  }

  async function stopTogether(some: SupervisedProcess[]) {
    if (some.length === 0) return;
    onEvent({ what: 'stopping', names: some.map((each) => each.spec().name) });
    await Promise.all(some.map((each) => each.stop()));
  }

  function endTimers() {
    running = false;
    for (const timer of timers.splice(0)) clearInterval(timer);
  }

  /** Gives Nginx the upstreams of today. Old workers finish what they have. */
  function reloadNginx() {
    for (const spec of specs()) {
      if (spec.kind !== 'nginx') continue;
      const nginx = find(spec.name);
      nginx.change(spec);
      execFileSync(spec.command[0] ?? '', [...spec.command.slice(1), 'render'], {
        env: { ...settings.inherited, ...spec.env },
      });
      nginx.signal('SIGHUP');
    }
  }

  for (const spec of specs()) add(spec);

  return {
    get settings() {
      return settings;
    },
    httpUrl: httpUrlOf(settings),
    httpsUrl: `https://127.0.0.1:${settings.httpsPort}`,
    names: () => [...processes.keys()],
    status: () => describe([...processes.values()], settings.secrets),
    async start(readyMs = 60_000) {
      if (ofKind('nginx').length > 0) makeCertificate(settings);
      const began = Date.now();
      writeTargets(settings.dir, specs());
      for (const each of processes.values()) each.start();
      const onHealthy = (name: string) => onEvent({ what: 'ready', name, afterMs: Date.now() - began });
      const needed = [...processes.values()].filter((each) => !each.spec().isOptional);
      await waitUntilHealthy(
        needed.map((each) => each.spec().name),
        readyMs,
        { onHealthy },
      );
      running = true;
      timers.push(setInterval(() => [...processes.values()].map(({ logPath }) => rotateLog(logPath)), rotateEveryMs));
      timers.push(watchForFreeze(ofKind('nginx'), (name) => onEvent({ what: 'frozen', name })));
    },
    kill: (name) => find(name).kill(),
    pause: (name) => find(name).pause(),
    resume: (name) => find(name).resume(),
    halt(name) {
      const stopped = find(name).stop();
      find(name).kill();
      return stopped;
    },
    revive: (name) => find(name).start(),
    signal: (name, signal) => find(name).signal(signal),
    async restart(name) {
      const found = find(name);
      await found.stop();
      found.start();
      await waitUntilHealthy([name]);
    },
    async scale(service, count) {
      if (!(service in settings.replicas)) {
        throw new Error(`There is no service '${service}'. There are: ${Object.keys(settings.replicas).join(', ')}.`);
      }
      if (!Number.isInteger(count) || count < 1 || count > 99) throw new Error('A service has 1 to 99 replicas.');
      settings = { ...settings, replicas: { ...settings.replicas, [service]: count } };
      const wanted = new Map(specs().map((spec) => [spec.name, spec]));
      const added = [...wanted.values()].filter(({ name }) => !processes.has(name)).map(add);
      for (const each of added) each.start();
      // Only who works is given requests, and only who is given none any more is stopped.
      await waitUntilHealthy(added.map((each) => each.spec().name));
      reloadNginx();
      writeTargets(settings.dir, specs());
      const surplus = ofKind(service).filter((each) => !wanted.has(each.spec().name));
      await stopTogether(surplus);
      for (const each of surplus) processes.delete(each.spec().name);
    },
    async setMemory(size) {
      if (!/^\d+(kb|mb|gb)$/.test(size)) throw new Error(`'${size}' is no size such as 1gb.`);
      const [sentinel] = ofKind('sentinel');
      const { REDIS_PASSWORD_OPERATOR = '' } = settings.secrets;
      await promisify(execFile)('sh', [join(settings.projectDir, 'redis', 'cluster.sh'), 'memory', size], {
        env: { ...settings.inherited, ...sentinel?.spec().env, REDIS_PASSWORD_OPERATOR },
      });
      settings = { ...settings, redisMaxMemory: size };
      for (const spec of specs()) if (spec.kind === 'redis') find(spec.name).change(spec);
    },
    waitUntilHealthy: (names, deadlineMs) => waitUntilHealthy(names, deadlineMs),
    async stop() {
      endTimers();
      const inTurn = (order: number) => [...processes.values()].filter((each) => each.spec().stopOrder === order);
      for (const order of [1, 2, 3]) await stopTogether(inTurn(order));
      // The replicas go while the master still runs and sends them the last write; the master then needs to wait for nobody.
      const nodes = inTurn(4);
      const states = await Promise.all(nodes.map((each) => redisState(each.spec().port, settings.secrets)));
      await stopTogether(nodes.filter((_, index) => states[index]?.role !== 'master'));
      await stopTogether(nodes.filter((_, index) => states[index]?.role === 'master'));
    },
    async killAll() {
      endTimers();
      await Promise.all(
        [...processes.values()].map((each) => {
          const stopped = each.stop();
          each.kill();
          return stopped;
        }),
      );
    },
  };
}

function httpUrlOf({ httpAddress, httpPort }: Settings): string {
  const host = ['0.0.0.0', '::'].includes(httpAddress) ? '127.0.0.1' : httpAddress;
  return `http://${host.includes(':') ? `[${host}]` : host}:${httpPort}`;
}

/** `.shop/tls/`: whoever puts a certificate there keeps it. */
function makeCertificate(settings: Settings): void {
  const script = join(settings.projectDir, 'nginx', 'certificate.sh');
  execFileSync('sh', [script, join(settings.dir, 'tls'), 'localhost', '127.0.0.1'], { env: settings.inherited });
}
