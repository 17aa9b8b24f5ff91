/**
 * Processes, and the links between them. A link is cut in one direction at a time. A request (`send`) is lost on a link that is cut, as
 * for a client that gives up and connects anew; connections are in connection.ts.
 */
import type { Simulator } from './simulator.ts';

export type Process = {
  readonly name: string;
  readonly index: number;
  /** `gone`: its host is down, so that nothing answers for it, not even with a refused connection. */
  state: 'up' | 'stalled' | 'dead' | 'gone';
  /** What arrived while the process stalled. */
  readonly backlog: { readonly channel: number; readonly action: () => void }[];
  /** How fast its clock runs (1 = right), and by how much it is wrong at time 0. */
  clock: { rate: number; offsetMs: number };
};

/** One end sends with `toServer`, the other with `toClient`; what is passed runs at the receiver. */
export type Connection = {
  readonly client: Process;
  readonly server: Process;
  state: 'connecting' | 'open' | 'closed';
  toServer(deliver: () => void): void;
  toClient(deliver: () => void): void;
  /** Closes it at the end that calls; the other end hears of it when the link lets it through. */
  close(by: 'client' | 'server'): void;
  /** Called at the client when the server closed the connection or refused it. */
  onClientClosed?: () => void;
  /** Called at the server when the client closed it. */
  onServerClosed?: () => void;
};

/** One direction of a connection: it keeps the order, and holds what it cannot deliver. */
export type Direction = {
  readonly from: Process;
  readonly to: Process;
  readonly channel: number;
  lastArrivalMs: number;
  held: (() => void)[];
  /** Since when its data have not been acknowledged: TCP then sends nothing new after its first timeout. */
  unacknowledgedSinceMs: number | undefined;
};

export type Network = {
  readonly sim: Simulator;
  readonly processes: readonly Process[];
  /** The longest time that a message takes on a healthy link; the shortest is a tenth of it. */
  readonly latencyMs: number;
  /** How connections go on after a cut: `at once` as through the proxy of a test, or when TCP sends again. */
  readonly resumes: 'at once' | 'by TCP';
  /** For each direction between two processes: whether it is cut, and what is added to the latency. */
  readonly cuts: Uint8Array;
  readonly delays: Float64Array;
  /** How many of these are cut or slow. */
  troubles: number;
  readonly connections: Set<Connection>;
  readonly held: Set<Direction>;
  readonly waitingToConnect: Set<() => void>;
  channels: number;
};

/** The channel of what a process does by its own timers, and of requests. */
const timers = -1;
const requests = -2;

export function createNetwork(
  sim: Simulator,
  names: readonly string[],
  latencyMs: number,
  resumes: Network['resumes'],
): Network {
  return {
    sim,
    processes: names.map((name, index) => ({
      name,
      index,
      state: 'up',
      backlog: [],
      clock: { rate: 1, offsetMs: 0 },
    })),
    latencyMs,
    resumes,
    cuts: new Uint8Array(names.length ** 2),
    delays: new Float64Array(names.length ** 2),
    troubles: 0,
    connections: new Set(),
    held: new Set(),
    waitingToConnect: new Set(),
    channels: 0,
  };
}

/** What one process reads from its clock. */
export const clockMs = (sim: Simulator, { clock }: Process) => sim.nowMs * clock.rate + clock.offsetMs;

export function processOf(net: Network, name: string): Process {
  const found = net.processes.find((process) => process.name === name);
  if (found === undefined) throw new Error(`no process ${name}`);
  return found;
}

const at = (net: Network, from: Process, to: Process) => from.index * net.processes.length + to.index;

export const isCut = (net: Network, from: Process, to: Process) => net.cuts[at(net, from, to)] === 1;

const delayMs = (net: Network, from: Process, to: Process) => net.delays[at(net, from, to)] ?? 0;

/** Cuts or mends one direction of a link. */
export function setCut(net: Network, from: Process, to: Process, cut: boolean): void {
  net.troubles += Number(cut) - Number(isCut(net, from, to));
  net.cuts[at(net, from, to)] = cut ? 1 : 0;
}

/** Adds this much to the time that a message takes. */
export function setDelay(net: Network, from: Process, to: Process, ms: number): void {
  net.troubles += Number(ms > 0) - Number(delayMs(net, from, to) > 0);
  net.delays[at(net, from, to)] = ms;
}

/** How long a message takes now. */
export function tripMs(net: Network, from: Process, to: Process): number {
  return net.latencyMs * (0.1 + 0.9 * net.sim.random()) + delayMs(net, from, to);
}

/** Whether a message sent on a connection now would surely arrive in the usual time. */
export function isHealthy(net: Network, { client, server, state }: Connection): boolean {
  const isUp = client.state === 'up' && server.state === 'up' && state === 'open';
  return isUp && net.troubles === 0 && net.held.size === 0;
}

/** One message that arrives or is lost. `onTrouble` is called when it will not arrive in the usual time, or never. */
export function send(net: Network, from: Process, to: Process, deliver: () => void, onTrouble: () => void): void {
  if (delayMs(net, from, to) > 0) onTrouble();
  net.sim.after(tripMs(net, from, to), () => {
    const isLost = isCut(net, from, to);
    if (isLost || to.state !== 'up') onTrouble();
    if (!isLost) perform(to, deliver, requests);
  });
}

/** Runs an action of a process now, or when it goes on after a stall; not at all if it died. */
export function perform(process: Process, action: () => void, channel = timers): void {
  if (process.state === 'up') action();
  else if (process.state === 'stalled') process.backlog.push({ channel, action });
}

export function stall({ sim }: Network, process: Process, durationMs: number): void {
  if (process.state !== 'up') return;
  process.state = 'stalled';
  sim.after(durationMs, () => goOn(process, sim.random));
}

/** An event loop reads what has arrived, connection by connection, before it looks at its timers. */
function goOn(process: Process, random: () => number): void {
  if (process.state !== 'stalled') return;
  process.state = 'up';
  const work = process.backlog.splice(0);
  const turns = new Map<number, number>();
  for (const { channel } of work) if (!turns.has(channel)) turns.set(channel, channel === timers ? 2 : random());
  work.sort((a, b) => (turns.get(a.channel) ?? 0) - (turns.get(b.channel) ?? 0));
  for (const { action } of work) perform(process, action);
}

/** @param withHost its host dies, too: no connection to it is reset or refused */
export function kill(net: Network, process: Process, withHost: boolean): void {
  process.state = withHost ? 'gone' : 'dead';
  process.backlog.length = 0;
  if (withHost) return;
  for (const connection of [...net.connections]) {
    if (connection.state !== 'open') continue;
    if (connection.client === process) connection.close('client');
    else if (connection.server === process) connection.close('server');
  }
}
