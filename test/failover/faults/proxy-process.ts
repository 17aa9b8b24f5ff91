/**
 * Stands between the parts of a shop, as a process of its own: what is sent to 127.0.0.1:PORT goes to 127.0.0.2:PORT, where the part
 * really listens. It knows which process a connection comes from, and can swallow what one sends to another, in one direction or both,
 * for as long as a partition lasts; nothing is lost of it then, as TCP would send it again.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';

/** What the parent says. `swallow` replaces all rules; `pids` are process groups. */
export type Order = { readonly listen: readonly number[] } | { readonly swallow: readonly Rule[] };
/** Bytes of processes in the groups `from` (listening on `fromPorts`) do not reach those in `to` (listening on `toPorts`). */
export type Rule = {
  readonly from: readonly number[];
  readonly fromPorts: readonly number[];
  readonly to: readonly number[];
  readonly toPorts: readonly number[];
};

type Half = { readonly source: Socket; readonly target: Socket; held: (Buffer | 'end')[] };
type Link = {
  readonly port: number;
  readonly client: Socket;
  readonly there: Half;
  readonly back: Half;
  owner?: number;
};

const links = new Set<Link>();
let rules: readonly Rule[] = [];

function accept(client: Socket, port: number): void {
  const server = connect({ host: '127.0.0.2', port });
  const link: Link = {
    port,
    client,
    there: { source: client, target: server, held: [] },
    back: { source: server, target: client, held: [] },
  };
  links.add(link);
  for (const [half, isSwallowed] of [
    [link.there, () => swallows(link, 'there')],
    [link.back, () => swallows(link, 'back')],
  ] as const) {
    const { source, target } = half;
    source.setNoDelay(true);
    const pass = (what: Buffer | 'end') => {
      if (half.held.length > 0 || isSwallowed()) half.held.push(what);
      else deliver(target, what);
    };
    source.on('data', pass);
    source.on('close', () => {
      pass('end');
      if (link.there.held.length + link.back.held.length === 0) links.delete(link);
    });
    source.on('error', () => undefined); // `close` follows
  }
}

function deliver(target: Socket, what: Buffer | 'end'): void {
  if (what === 'end') target.destroy();
  else target.write(what);
}

/** While there are rules, a connection whose owner is not known yet is held for a moment, too. */
function swallows(link: Link, way: 'there' | 'back'): boolean {
  if (rules.length === 0) return false;
  const { owner, port } = link;
  if (owner === undefined) {
    findSoon();
    return true;
  }
  return rules.some(({ from, fromPorts, to, toPorts }) =>
    way === 'there' ? from.includes(owner) && toPorts.includes(port) : to.includes(owner) && fromPorts.includes(port),
  );
}

function release(): void {
  for (const link of links) {
    for (const [half, way] of [
      [link.there, 'there'],
      [link.back, 'back'],
    ] as const) {
      if (half.held.length === 0 || swallows(link, way)) continue;
      for (const what of half.held) deliver(half.target, what);
      half.held = [];
    }
    if (link.client.destroyed && link.there.target.destroyed) links.delete(link);
  }
}

let finding: NodeJS.Timeout | undefined;

function findSoon(): void {
  if (finding !== undefined) return;
  finding = setTimeout(() => {
    finding = undefined;
    findOwners();
    release();
  }, 20);
}

/** Finds the process group at the other end of every connection to us, from /proc, for all of them at once; 0 if it is no part's. */
function findOwners(): void {
  const sockets = new Map<string, string>();
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)) {
    const [, local = '', remote = '', , , , , , , inode = ''] = line.trim().split(/\s+/);
    sockets.set(`${local.slice(-4)} ${remote.slice(-4)}`, inode);
  }
  const groups = groupsBySocket();
  const hex = (port = 0) => port.toString(16).toUpperCase().padStart(4, '0');
  for (const link of links) {
    const inode = sockets.get(`${hex(link.client.remotePort)} ${hex(link.port)}`) ?? '';
    link.owner ??= groups.get(inode) ?? 0;
  }
}

/** The process group that holds each socket (by inode), of the groups that the rules speak of. */
function groupsBySocket(): Map<string, number> {
  const wanted = new Set(rules.flatMap(({ from, to }) => [...from, ...to]));
  const found = new Map<string, number>();
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const group = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]);
      if (!wanted.has(group)) continue;
      for (const descriptor of readdirSync(`/proc/${pid}/fd`)) {
        const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${descriptor}`))?.[1];
        if (inode !== undefined) found.set(inode, group);
      }
    } catch {
      // it has ended meanwhile
    }
  }
  return found;
}

process.on('message', async (order: Order) => {
  if ('listen' in order) {
    const listening = order.listen.map(
      (port) =>
        new Promise<void>((done, failed) => {
          const server = createServer((client) => accept(client, port));
          server.once('error', failed);
          server.listen(port, '127.0.0.1', done);
        }),
    );
    await Promise.all(listening);
    process.send?.('listening');
    return;
  }
  rules = order.swallow;
  for (const link of links) delete link.owner;
  if (rules.length > 0) findOwners();
  release();
  process.send?.('done');
});
process.on('disconnect', () => process.exit(0));
