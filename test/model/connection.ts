/**
 * Connections, as TCP keeps them: in order, holding what a cut keeps back. They go on at once after the cut, or when TCP sends again
 * (after 200 ms, doubled each time), which can be as long after the cut as the cut lasted.
 */
import { type Connection, type Direction, isCut, type Network, type Process, perform, tripMs } from './network.ts';

const firstRetransmissionMs = 200;
const lastRetransmissionMs = 60_000;
const firstSynRetryMs = 1000;

/**
 * @param onOpen runs at the client
 * @param isOpenAlready for connections that were there before the simulation starts
 */
export function connect(
  net: Network,
  client: Process,
  server: Process,
  onOpen: () => void,
  isOpenAlready = false,
): Connection {
  const up = createDirection(net, client, server);
  const down = createDirection(net, server, client);
  const early: (() => void)[] = [];
  let closedBy: 'client' | 'server' | undefined;
  // What arrives at an end that has closed the connection is dropped; what arrives at the other still counts.
  const guard = (end: 'client' | 'server', deliver: () => void) => () => {
    if (closedBy !== end) deliver();
  };
  const connection: Connection = {
    client,
    server,
    state: isOpenAlready ? 'open' : 'connecting',
    toServer(deliver) {
      if (closedBy === 'client') return;
      if (connection.state === 'connecting') early.push(deliver);
      else transmit(net, up, guard('server', deliver));
    },
    toClient(deliver) {
      if (closedBy !== 'server') transmit(net, down, guard('client', deliver));
    },
    close(by) {
      if (closedBy !== undefined) return;
      const wasOpen = connection.state === 'open';
      closedBy = by;
      connection.state = 'closed';
      net.connections.delete(connection);
      if (!wasOpen) return;
      if (by === 'client') transmit(net, up, () => connection.onServerClosed?.());
      else transmit(net, down, () => connection.onClientClosed?.());
    },
  };
  net.connections.add(connection);
  const accept = () => {
    connection.state = 'open';
    for (const deliver of early.splice(0)) connection.toServer(deliver);
    perform(client, onOpen);
  };
  if (!isOpenAlready) attempt(net, connection, accept, firstSynRetryMs);
  return connection;
}

function createDirection(net: Network, from: Process, to: Process): Direction {
  const channel = net.channels++;
  return { from, to, channel, lastArrivalMs: 0, held: [], unacknowledgedSinceMs: undefined };
}

/** One SYN; the next one after twice the time. */
function attempt(net: Network, connection: Connection, accept: () => void, retryMs: number): void {
  const { client, server } = connection;
  const retry = () => {
    net.waitingToConnect.delete(retry);
    if (connection.state === 'connecting') attempt(net, connection, accept, 2 * retryMs);
  };
  net.sim.after(tripMs(net, client, server) + tripMs(net, server, client), () => {
    if (connection.state !== 'connecting') return;
    if (isCut(net, client, server) || isCut(net, server, client) || server.state === 'gone') {
      if (net.resumes === 'at once') net.waitingToConnect.add(retry);
      else net.sim.after(retryMs, retry);
    } else if (server.state === 'dead') {
      connection.state = 'closed';
      net.connections.delete(connection);
      perform(client, () => connection.onClientClosed?.());
    } else accept();
  });
}

function transmit(net: Network, way: Direction, deliver: () => void): void {
  way.lastArrivalMs = Math.max(way.lastArrivalMs, net.sim.nowMs + tripMs(net, way.from, way.to));
  net.sim.at(way.lastArrivalMs, () => {
    if (way.held.length > 0 || !passes(net, way)) return hold(net, way, deliver);
    if (!isCut(net, way.to, way.from)) way.unacknowledgedSinceMs = undefined;
    perform(way.to, deliver, way.channel);
  });
}

function passes(net: Network, way: Direction): boolean {
  if (isCut(net, way.from, way.to) || way.to.state === 'gone') return false;
  if (net.resumes === 'at once' || !isCut(net, way.to, way.from)) return true;
  way.unacknowledgedSinceMs ??= net.sim.nowMs;
  return net.sim.nowMs - way.unacknowledgedSinceMs < firstRetransmissionMs;
}

function hold(net: Network, way: Direction, deliver: () => void): void {
  way.held.push(deliver);
  if (way.held.length > 1) return;
  net.held.add(way);
  if (net.resumes === 'by TCP') retransmit(net, way, firstRetransmissionMs);
}

function retransmit(net: Network, way: Direction, waitMs: number): void {
  net.sim.after(waitMs, () => {
    if (way.held.length === 0 || way.to.state === 'gone') return;
    if (!isCut(net, way.from, way.to) && !isCut(net, way.to, way.from)) release(net, way);
    else retransmit(net, way, Math.min(2 * waitMs, lastRetransmissionMs));
  });
}

function release(net: Network, way: Direction): void {
  if (isCut(net, way.from, way.to) || way.to.state === 'gone') return;
  const messages = way.held;
  way.held = [];
  way.unacknowledgedSinceMs = undefined;
  net.held.delete(way);
  for (const deliver of messages) perform(way.to, deliver, way.channel);
}

/** To call after links were mended. */
export function resume(net: Network): void {
  if (net.resumes === 'by TCP') return;
  for (const way of net.held) net.sim.after(tripMs(net, way.from, way.to), () => release(net, way));
  for (const retry of [...net.waitingToConnect]) retry();
}
