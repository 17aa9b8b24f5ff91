/**
 * Carries every connection between the processes of a shop, so that any set of links between them can be cut, in one direction or both.
 * A process listens on an address of its own and is reached through this proxy; it connects from its own source address, which tells the
 * proxy who is connecting. Bytes sent on a cut link are held and delivered when the link heals, as TCP would retransmit them.
 */
import { connect, createServer, type Socket } from 'node:net';

/** One place where the proxy listens, and the processes that it forwards to: the first that accepts, in turn. */
export type Listener = {
  readonly host: string;
  readonly port: number;
  /** Set where the address that was called tells who calls: for programs that cannot choose their source address. */
  readonly source?: string;
  readonly targets: readonly { readonly name: string; readonly host: string }[];
};
/** What the parent sends. `cut` replaces all earlier cuts: pairs of names, from → to. Each order is answered when it is in force. */
export type Order =
  | { readonly listen: readonly Listener[]; readonly sources: Readonly<Record<string, string>> }
  | { readonly cut: readonly (readonly [string, string])[] };

type Half = { readonly from: string; readonly to: string; readonly target: Socket; held: (Buffer | 'end')[] };
type Caller = { readonly client: Socket; readonly from: string; readonly early: Buffer[] };
type Call = { readonly from: string; readonly to: string; readonly open: () => void };

let nameOfSource: Readonly<Record<string, string>> = {};
let cuts = new Set<string>();
const halves = new Set<Half>();
/** Connections that were opened across a cut: their handshake is not complete before the cut heals. */
const calls = new Set<Call>();

const linkName = (from: string, to: string) => `${from}>${to}`;
const isCut = ({ from, to }: { from: string; to: string }) => cuts.has(linkName(from, to));
const isCutEitherWay = ({ from, to }: { from: string; to: string }) =>
  cuts.has(linkName(from, to)) || cuts.has(linkName(to, from));

let turn = 0;

function accept(client: Socket, listener: Listener): void {
  const from = listener.source ?? nameOfSource[client.remoteAddress ?? ''] ?? 'outside';
  client.on('error', () => undefined); // `close` follows
  const early: Buffer[] = [];
  client.on('data', (data) => void early.push(data)); // a socket that is not read does not notice that its peer gives up
  turn += 1;
  callTarget({ client, from, early }, listener, turn % listener.targets.length, listener.targets.length);
}

/** Connects to a target; to the next one if nothing listens there. */
function callTarget(caller: Caller, listener: Listener, index: number, triesLeft: number): void {
  const { client, from, early } = caller;
  const target = listener.targets[index];
  if (target === undefined || triesLeft === 0) {
    client.destroy();
    return;
  }
  const open = () => {
    calls.delete(call);
    if (client.destroyed) return;
    const server = connect({ host: target.host, port: listener.port });
    server.once('connect', () => {
      server.off('error', next);
      server.on('error', () => undefined);
      client.removeAllListeners('data');
      carry(from, target.name, client, server, early);
      carry(target.name, from, server, client);
    });
    const next = () => callTarget(caller, listener, (index + 1) % listener.targets.length, triesLeft - 1);
    server.once('error', next);
  };
  const call: Call = { from, to: target.name, open };
  if (!isCutEitherWay(call)) {
    open();
    return;
  }
  calls.add(call);
  client.once('close', () => calls.delete(call));
}

function carry(from: string, to: string, source: Socket, target: Socket, early: readonly Buffer[] = []): void {
  const half: Half = { from, to, target, held: [] };
  halves.add(half);
  source.setNoDelay(true);
  const pass = (what: Buffer | 'end') => {
    if (half.held.length > 0 || isCut(half)) half.held.push(what);
    else deliver(half, what);
  };
  for (const data of early) pass(data);
  source.on('data', pass);
  if (source.destroyed) pass('end');
  else source.once('close', () => pass('end'));
}

function deliver(half: Half, what: Buffer | 'end'): void {
  if (what === 'end') {
    halves.delete(half);
    half.target.destroySoon();
  } else if (half.target.writable) half.target.write(what);
}

function release(): void {
  for (const call of [...calls]) if (!isCutEitherWay(call)) call.open();
  for (const half of [...halves]) {
    if (isCut(half)) continue;
    for (const what of half.held.splice(0)) deliver(half, what);
  }
}

function listen(listener: Listener): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer({ pauseOnConnect: false }, (client) => accept(client, listener));
    server.once('error', reject);
    server.listen(listener.port, listener.host, resolve);
  });
}

process.on('message', async (order: Order) => {
  if ('listen' in order) {
    nameOfSource = order.sources;
    await Promise.all(order.listen.map(listen));
  } else {
    cuts = new Set(order.cut.map(([from, to]) => linkName(from, to)));
    release();
  }
  process.send?.('done');
});
process.on('disconnect', () => process.exit(0));
