/** The Sentinels, asked in parallel: what each of them reports, and the view of the cluster that follows from it. */
import type { Redis } from 'ioredis';
import { monotonicMs, within } from '../../core/clock.ts';
import { singleFlight } from '../../core/single-flight.ts';
import { type Address, type Credentials, connectNode, parseAddress } from '../node.ts';
import type { NodeList } from '../node-list.ts';
import { poll } from './polling.ts';
import type { SentinelReport, SilentSentinel } from './sentinel-report.ts';
import { parseReport, reportCommands } from './sentinel-report.ts';
import { trackSteadyLinks } from './steady-links.ts';
import { nextView, type View, type ViewState } from './view.ts';

/** One Sentinel's answer to one question. */
export type SentinelAnswer = SentinelReport | SilentSentinel;

/** See {@link watchSentinels}. */
export type Sentinels = {
  /** The present view; `undefined` until a Sentinel has answered. */
  view(): View | undefined;
  /** When this process saw master or epoch change, in ms on the monotonic clock; -Infinity before the first change. */
  changedAtMs(): number;
  /** Every Redis node of the setting, and every other one that a Sentinel had in its list when it last answered; `host:port`. */
  nodes(): ReadonlySet<string>;
  /** The latest moment (monotonic, ms) at which a majority of the Sentinels named this master; -Infinity if there was none. */
  namedAtMs(master: string): number;
  /** For how long no Sentinel has answered, in ms; at least two rounds of questions went unanswered then, else 0. */
  silentForMs(): number;
  /** See `SteadyLinks` (steady-links.ts). */
  steadyForMs(sentinel: string, replica: string): number;
  /** Asks every Sentinel; callers share a question that begins after their call. */
  ask(): Promise<readonly SentinelAnswer[]>;
  /** Asks more often for half a second: a request waits for a master. */
  hurry(): void;
  /** Asks one Sentinel for a failover. @throws when it refuses or does not answer */
  failover(sentinel: string): Promise<void>;
  /** Calls back at each new view whose master differs from the last one's. Returns the function that stops it. */
  onMaster(listener: (master: Address) => void): () => void;
  close(): void;
};

/** Longer than two rounds of questions take that no Sentinel answers. */
const isolatedAfterMs = 600;

const timeoutMs = 250;

/** A connection to a Sentinel. */
type Client = { readonly address: string; readonly redis: Redis };

/**
 * Watches all Sentinels (ioredis asks them in turn, and a frozen first one costs its timeout every time).
 * @param nodeList our Redis nodes; a Sentinel that names another as the master counts as one that did not answer
 * @see https://redis.io/docs/latest/develop/reference/sentinel-clients/
 */
export function watchSentinels(
  addresses: readonly string[],
  credentials: Credentials,
  masterName: string,
  nodeList: NodeList,
): Sentinels {
  const clients: Client[] = addresses.map((address) => ({
    address,
    redis: connectNode(parseAddress(address), credentials, 'sentinel'),
  }));
  const listeners = new Set<(master: Address) => void>();
  const lastReports = new Map<string, SentinelReport>();
  // Every read asks for these two, so they are computed once for each report.
  let nodes = nodesOf(nodeList.all, []);
  const namedAtMs = new Map<string, number>();
  const links = trackSteadyLinks();
  let state: ViewState = { view: undefined, changedAtMs: Number.NEGATIVE_INFINITY, lower: undefined };
  let answeredAtMs = monotonicMs();
  let silentRounds = 0;

  async function askOne(client: Client): Promise<SentinelAnswer> {
    const id = lastReports.get(client.address)?.id;
    const answer = await askSentinel(client, masterName, id);
    if (!('master' in answer)) return answer;
    if (!nodeList.includes(parseAddress(answer.master))) return silentOf(client, id);
    lastReports.set(client.address, answer);
    nodes = nodesOf(nodeList.all, lastReports.values());
    namedAtMs.clear();
    return answer;
  }

  const ask = singleFlight(async () => {
    const answers = await Promise.all(clients.map(askOne));
    if (answers.some((answer) => 'master' in answer)) {
      answeredAtMs = monotonicMs();
      silentRounds = 0;
    } else {
      silentRounds += 1;
    }
    links.observe(answers, monotonicMs());
    const before = state.view?.master;
    state = nextView(state, answers, monotonicMs());
    const master = state.view?.master;
    if (master !== undefined && master !== before) for (const listener of listeners) listener(parseAddress(master));
    return answers;
  });

  const polling = poll(ask);

  return {
    view: () => state.view,
    changedAtMs: () => state.changedAtMs,
    nodes: () => nodes,
    namedAtMs(master) {
      const atMs = namedAtMs.get(master) ?? majorityNamedAtMs(master, [...lastReports.values()], addresses.length);
      namedAtMs.set(master, atMs);
      return atMs;
    },
    silentForMs: () => (silentRounds < 2 ? 0 : monotonicMs() - answeredAtMs),
    steadyForMs: (sentinel, replica) => links.steadyForMs(sentinel, replica, monotonicMs()),
    ask,
    hurry: polling.hurry,
    async failover(sentinel) {
      const client = clients.find(({ address }) => address === sentinel);
      if (client === undefined) throw new Error(`${sentinel} is not one of the Sentinels`);
      await within(client.redis.call('SENTINEL', 'FAILOVER', masterName), timeoutMs);
    },
    onMaster(listener) {
      listeners.add(listener);
      if (state.view !== undefined) listener(parseAddress(state.view.master));
      return () => listeners.delete(listener);
    },
    close() {
      polling.stop();
      for (const { redis } of clients) redis.disconnect();
    },
  };
}

/** Asks a Sentinel for its report. @param id as it last said, if it did */
async function askSentinel(client: Client, masterName: string, id: string | undefined): Promise<SentinelAnswer> {
  const askedAtMs = monotonicMs();
  const pipeline = client.redis.pipeline().call('SENTINEL', 'MYID');
  for (const command of reportCommands) pipeline.call('SENTINEL', command, masterName);
  const results = await within(pipeline.exec(), timeoutMs).catch(() => undefined);
  if (results == null || results.some(([error]) => error)) return silentOf(client, id);
  const replies = results.map(([, reply]) => reply);
  return parseReport({ address: client.address, askedAtMs, answeredAtMs: monotonicMs() }, replies);
}

function silentOf({ address }: Client, id: string | undefined): SilentSentinel {
  return { address, id, silent: true };
}

function nodesOf(configured: Iterable<string>, reports: Iterable<SentinelReport>): ReadonlySet<string> {
  const all = new Set(configured);
  for (const { master, replicas } of reports) {
    all.add(master);
    for (const { address } of replicas) all.add(address);
  }
  return all;
}

/**
 * The latest moment at which a majority of the Sentinels named this master: when the last of them was asked that are needed for one.
 * @param reports the last one of each Sentinel
 * @param sentinels how many there are
 * @returns monotonic, in ms; -Infinity if there was none
 */
export function majorityNamedAtMs(
  master: string,
  reports: readonly Pick<SentinelReport, 'master' | 'askedAtMs'>[],
  sentinels: number,
): number {
  const named = reports.filter((report) => report.master === master);
  const newestFirst = named.map(({ askedAtMs }) => askedAtMs).sort((a, b) => b - a);
  return newestFirst[Math.floor(sentinels / 2)] ?? Number.NEGATIVE_INFINITY;
}

/** Whether no Sentinel answers this process: it refuses what it cannot do then, so that Nginx asks another replica of the service. */
export function isIsolated(sentinels: Pick<Sentinels, 'silentForMs'>): boolean {
  return sentinels.silentForMs() > isolatedAfterMs;
}
