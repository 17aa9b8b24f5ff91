/** The links of the cluster: proxies of this process between all of its members. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { addressOf, type Member, processes } from './members.ts';

/** Whether what `from` sends to `to` is held back. */
export type Cut = (from: Member, to: Member) => boolean;

/** See {@link createLinks}. */
export type Links = {
  /** Cuts links, in place of those that were cut before; what was held back on the others is delivered. */
  cut(links: Cut): void;
  close(): Promise<void>;
};

/** One direction of a connection through a proxy. */
type Direction = { from: Member; to: Member; target: Socket; held: (Buffer | 'end')[] };

/** Listens on 127.0.0.1 for each process. The proxy knows both ends: a process connects from the address on which it listens. */
export function createLinks(portOf: (member: Member) => number): Links {
  const directions = new Set<Direction>();
  let isCut: Cut = () => false;

  function deliver({ target }: Direction, data: Buffer | 'end') {
    if (data === 'end') target.destroy();
    else if (!target.destroyed) target.write(data);
  }

  function pass(from: Member, to: Member, source: Socket, target: Socket) {
    const direction: Direction = { from, to, target, held: [] };
    directions.add(direction);
    source.setNoDelay(true);
    function arrive(data: Buffer | 'end') {
      if (direction.held.length > 0 || isCut(from, to)) direction.held.push(data);
      else deliver(direction, data);
    }
    source.on('data', arrive);
    source.on('error', () => undefined);
    source.on('close', () => arrive('end'));
  }

  function listen(member: Member): Server {
    return createServer((client) => {
      const source = client.remoteAddress?.replace('::ffff:', '');
      const peer = processes.find((other) => addressOf(other) === source) ?? 'service';
      const node = connect({ host: addressOf(member), port: portOf(member) });
      pass(peer, member, client, node);
      pass(member, peer, node, client);
    }).listen(portOf(member), '127.0.0.1');
  }

  const servers = processes.map(listen);
  return {
    cut(next) {
      isCut = next;
      for (const direction of directions) {
        if (isCut(direction.from, direction.to)) continue;
        for (const data of direction.held.splice(0)) deliver(direction, data);
      }
    },
    async close() {
      for (const { target } of directions) target.destroy();
      await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
    },
  };
}
