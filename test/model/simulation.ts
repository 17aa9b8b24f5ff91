/** One schedule played: three Redis nodes, three Sentinels, two services that write and read, and what clients were promised. */
import type { SentinelPeriods } from '../../api/redis/sentinels/election.ts';
import { resume } from './connection.ts';
import { type Choose, chooseAsProduction, createFailoverRequests } from './failover-requests.ts';
import { createNetwork, kill, type Network, processOf, setCut, setDelay, stall } from './network.ts';
import { createPromises, type Promised, type Promises } from './promises.ts';
import { type ReadKind, startReader } from './reader.ts';
import { contains } from './redis-log.ts';
import { createRedisNode, type RedisNode } from './redis-node.ts';
import { connectToMaster, startCron } from './replication.ts';
import type { Rule } from './rules.ts';
import {
  describeFault,
  type Fault,
  processNames,
  redisNames,
  type Schedule,
  sentinelNames,
  serviceNames,
  turnsOf,
} from './schedule.ts';
import { createInstance, createSentinel, currentMaster, type Sentinel, type SentinelSettings } from './sentinel.ts';
import { startSentinel } from './sentinel-failover.ts';
import { startWatch } from './sentinel-watch.ts';
import { createService, type Service, startPolling } from './services.ts';
import { createSimulator, type Simulator, type TimelineEntry } from './simulator.ts';
import { startWriter, type Writer } from './writer.ts';

export type Outcome = {
  /** Promises that the last master does not keep. */
  readonly lost: readonly Promised[];
  /** Writes that a read with a token did not show although they were promised before it began. */
  readonly wentBack: readonly number[];
  /** Writes that a read without a token did not show more than a second after their acknowledgement. */
  readonly stale: readonly number[];
  readonly acknowledged: number;
  readonly failed: number;
  /** The longest time between two acknowledgements, and acknowledgements while the first cut lasted. */
  readonly longestGapMs: number;
  readonly duringCut: number;
  readonly failovers: number;
  readonly requestedFailovers: number;
  /** Whether all that live agreed on a master in the end. */
  readonly isSettled: boolean;
  readonly master: string;
  readonly events: number;
  readonly simulatedMs: number;
  readonly timeline: readonly TimelineEntry[];
};

export type Options = {
  readonly rule: Rule;
  readonly settings: SentinelSettings;
  readonly withTimeline?: boolean;
  /** Between two writes at one service. */
  readonly writeEveryMs?: number;
  /** When services ask for failovers. */
  readonly choose?: Choose;
};

const startMs = 1000;
const readEveryMs = 300;
/** Clients are busy around a fault, where it matters, and slow otherwise: it saves events. */
const busyBeforeMs = 500;
const busyAfterMs = 3500;
const quietMs = 1000;
const writeOnForMs = 2500;
const settleForMs = 20_000;
const lookEveryMs = 200;

export function play(
  schedule: Schedule,
  { rule, settings, withTimeline = false, writeEveryMs = 100, choose = chooseAsProduction }: Options,
): Outcome {
  const sim = createSimulator(schedule.seed, withTimeline);
  const net = createNetwork(sim, processNames, schedule.latencyMs, schedule.resumes);
  for (const process of net.processes)
    process.clock = { rate: 1 + schedule.drift * (2 * sim.random() - 1), offsetMs: 10_000_000 + 10_000 * sim.random() };
  const cluster = createCluster(sim, net, settings);
  const promises = createPromises();
  const periods: SentinelPeriods = { pingMs: settings.pingPeriod, infoMs: settings.infoPeriod };
  const wentBack: number[] = [];
  const stale: number[] = [];
  let ids = 0;
  const turns = turnsOf(schedule);
  const pace = (everyMs: number) => () => {
    const isBusy = turns.some((turn) => sim.nowMs >= turn - busyBeforeMs && sim.nowMs < turn + busyAfterMs);
    const next = turns.find((turn) => turn - busyBeforeMs > sim.nowMs) ?? Number.POSITIVE_INFINITY;
    return isBusy ? everyMs : Math.max(everyMs, Math.min(quietMs, next - busyBeforeMs - sim.nowMs));
  };
  const clients = cluster.services.map((service) => {
    startPolling(service, sim.random() * 250);
    const failovers = createFailoverRequests(service, periods, choose);
    const parts = { service, rule, periods, promises };
    const writer = startWriter(
      { ...parts, failovers, nextId: () => ++ids },
      pace(writeEveryMs),
      startMs + sim.random() * writeEveryMs,
    );
    const onMissing = (kind: ReadKind, id: number, node: string) => {
      (kind === 'with a token' ? wentBack : stale).push(id);
      sim.trace?.(`${service.process.name} reads ${node} ${kind}, and does not see write ${id}`);
    };
    const read = (kind: ReadKind, everyMs: number) =>
      startReader({ ...parts, onMissing }, kind, pace(everyMs), startMs + sim.random() * everyMs);
    return { writer, failovers, stops: [read('with a token', readEveryMs), read('without a token', 2 * readEveryMs)] };
  });
  for (const fault of schedule.faults) plan(sim, net, fault);

  const endMs = turns.at(-1) ?? startMs;
  sim.run(endMs + writeOnForMs);
  for (const { writer, stops } of clients) {
    writer.stop();
    for (const stop of stops) stop();
  }
  let isSettled = false;
  for (let atMs = sim.nowMs; atMs < endMs + settleForMs && !isSettled; atMs += lookEveryMs) {
    sim.run(atMs + lookEveryMs);
    isSettled = hasSettled(cluster, net);
  }
  const master = namedMaster(cluster.sentinels.values());
  const lost = lostPromises(promises, cluster.nodes.get(master) as RedisNode, sim);
  return {
    lost,
    wentBack,
    stale,
    isSettled,
    master,
    acknowledged: promises.list.length,
    failed: clients.reduce((sum, { writer }) => sum + writer.failed, 0),
    requestedFailovers: clients.reduce((sum, { failovers }) => sum + failovers.requested, 0),
    failovers: Math.max(...[...cluster.sentinels.values()].map(({ configEpoch }) => configEpoch)),
    ...gaps(
      clients.map(({ writer }) => writer),
      schedule,
    ),
    events: sim.events,
    simulatedMs: sim.nowMs,
    timeline: sim.timeline,
  };
}

type Cluster = {
  readonly nodes: ReadonlyMap<string, RedisNode>;
  readonly sentinels: ReadonlyMap<string, Sentinel>;
  readonly services: readonly Service[];
};

/** A quiet shop: redis-1 is the master, everyone knows and hears everyone. */
export function createCluster(sim: Simulator, net: Network, settings: SentinelSettings): Cluster {
  const nodes = new Map<string, RedisNode>();
  const runIds = [...redisNames].map((name) => ({ name, runId: `${sim.random()}` }));
  for (const { name, runId } of runIds) nodes.set(name, createRedisNode(sim, net, processOf(net, name), runId, nodes));
  const sentinels = new Map<string, Sentinel>();
  for (const name of sentinelNames)
    sentinels.set(
      name,
      createSentinel({ sim, net, process: processOf(net, name), settings, nodes, peers: sentinels }, 'redis-1'),
    );
  for (const node of nodes.values()) {
    startCron(node, sim.random() * 1000);
    if (node.process.name === 'redis-1') continue;
    node.follows = 'redis-1';
    connectToMaster(node);
  }
  for (const [i, [name, sentinel]] of [...sentinels].entries()) {
    for (const other of sentinelNames)
      if (other !== name) sentinel.sentinels.set(other, createInstance('sentinel', other, sentinel.master.lastPubTime));
    startSentinel(sentinel, sim.random() * 1000);
    startWatch(sentinel, 600 * (i + 1));
  }
  const services = serviceNames.map((name) =>
    createService({ sim, net, nodes, sentinels, process: processOf(net, name) }, 'redis-1'),
  );
  return { nodes, sentinels, services };
}

export function plan(sim: Simulator, net: Network, fault: Fault): void {
  const processes = ({ from, to }: { from: string; to: string }) => [processOf(net, from), processOf(net, to)] as const;
  sim.at(fault.atMs, () => {
    sim.trace?.(describeFault(fault));
    if (fault.kind === 'death') kill(net, processOf(net, fault.process), fault.withHost);
    else if (fault.kind === 'stall') stall(net, processOf(net, fault.process), fault.untilMs - fault.atMs);
    else if (fault.kind === 'slow') for (const link of fault.links) setDelay(net, ...processes(link), fault.delayMs);
    else for (const link of fault.links) setCut(net, ...processes(link), true);
  });
  if (fault.kind === 'death') return;
  sim.at(fault.untilMs, () => {
    sim.trace?.(`end of the ${fault.kind}`);
    if (fault.kind === 'slow') for (const link of fault.links) setDelay(net, ...processes(link), 0);
    else if (fault.kind === 'cut') for (const link of fault.links) setCut(net, ...processes(link), false);
    resume(net);
  });
}

/** The master that the Sentinels name with the highest configuration epoch. */
function namedMaster(sentinels: Iterable<Sentinel>): string {
  const alive = [...sentinels].filter(({ process }) => process.state === 'up' || process.state === 'stalled');
  const [latest] = alive.sort((a, b) => b.configEpoch - a.configEpoch);
  return latest === undefined ? '' : currentMaster(latest);
}

function hasSettled({ nodes, sentinels }: Cluster, net: Network): boolean {
  const alive = [...sentinels.values()].filter(({ process }) => process.state === 'up');
  const master = namedMaster(alive);
  const node = nodes.get(master);
  const isAgreed = alive.every((s) => currentMaster(s) === master && !s.failoverInProgress && !s.master.sDown);
  if (!isAgreed || node === undefined || node.process.state !== 'up' || node.follows !== undefined) return false;
  const replicas = [...nodes.values()].filter(({ process }) => process.state === 'up' && process.name !== master);
  if (net.processes.some(({ state }) => state === 'stalled')) return false;
  return replicas.every((replica) => replica.follows === master && replica.linkState === 'connected');
}

function lostPromises(promises: Promises, master: RedisNode, sim: Simulator): Promised[] {
  const lost = promises.list.filter(({ id }) => !contains(master.log, id, master.log.ids.length));
  const [first] = lost;
  if (first)
    sim.trace?.(
      `${master.process.name} is the master in the end, without ${lost.length} promised writes, the first is ${first.id}`,
    );
  return lost;
}

function gaps(writers: readonly Writer[], { faults }: Schedule): Pick<Outcome, 'longestGapMs' | 'duringCut'> {
  const times = writers.flatMap(({ acknowledgedAtMs }) => acknowledgedAtMs).sort((a, b) => a - b);
  const longestGapMs = times.reduce(
    (most, time, i) => Math.max(most, i === 0 ? 0 : time - (times[i - 1] as number)),
    0,
  );
  const cut = faults.find((fault) => fault.kind === 'cut');
  const isDuring = (time: number) => cut !== undefined && time > cut.atMs + 100 && time < cut.untilMs;
  return { longestGapMs, duringCut: times.filter(isDuring).length };
}
