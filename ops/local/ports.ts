// Which ports are free: for the start of a shop, and for tests that each want ports of their own.
import { createServer, type Server } from 'node:net';
import type { Settings } from './settings.ts';
import { portsFrom } from './spec.ts';
import { topology } from './topology.ts';

/** Listens on a port for a moment or for longer; undefined if another program has it. */
function listen(port: number, host: string): Promise<Server | undefined> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', () => done(undefined));
    server.listen({ port, host, exclusive: true }, () => done(server));
  });
}

const close = (server: Server) => new Promise<void>((done) => server.close(() => done()));

/** Whether this port can be had now. */
async function isPortFree(port: number, host: string): Promise<boolean> {
  const server = await listen(port, host);
  if (server === undefined) return false;
  await close(server);
  return true;
}

/**
 * Finds 1000 ports for a shop of its own, below those that the kernel gives to outgoing connections.
 * Two tests at once never get the same: the first port, which no shop uses, stays taken until `release()`.
 */
export async function reservePorts(): Promise<{ portBase: number; release: () => Promise<void> }> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    // From 11000 on: fetch refuses 10080, an old port of amanda, as a "bad port".
    const portBase = 11_000 + 1000 * Math.floor(Math.random() * 21);
    const claim = await listen(portBase, '127.0.0.1');
    if (claim === undefined) continue;
    const probes = [1, 2, 3, 11, 12, 13, 21, 22, 23, 24, 25, 26, 27, 80, 81, 82, 91, 92, 101, 201, 301, 443].map(
      (offset) => isPortFree(portBase + offset, '127.0.0.1'),
    );
    if ((await Promise.all(probes)).every(Boolean)) return { portBase, release: () => close(claim) };
    await close(claim);
  }
  throw new Error('No 1000 free ports found between 11000 and 32000 after 100 attempts.');
}

/** One sentence for each port that a shop needs and another program has. */
export async function findTakenPorts(settings: Settings): Promise<string[]> {
  const ports = portsFrom(settings.portBase);
  const needed = new Map<number, { host: string; name: string; setting: string }>();
  for (const { name, kind, port, health } of topology(settings)) {
    needed.set(kind === 'nginx' ? health.port : port, { host: '127.0.0.1', name, setting: 'PORT_BASE' });
  }
  needed.set(ports.internal, { host: '127.0.0.1', name: 'internal calls', setting: 'PORT_BASE' });
  needed.set(settings.httpPort, { host: settings.httpAddress, name: 'HTTP', setting: 'HTTP_PORT' });
  needed.set(settings.httpsPort, { host: '0.0.0.0', name: 'HTTPS', setting: 'HTTPS_PORT' });
  const checks = [...needed].map(async ([port, { host, name, setting }]) =>
    (await isPortFree(port, host))
      ? []
      : [
          `Port ${port} (${name}) is in use by another program: stop that one, or choose another port with ${setting}=...`,
        ],
  );
  return (await Promise.all(checks)).flat();
}
