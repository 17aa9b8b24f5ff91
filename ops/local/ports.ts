// Which ports are free, for the start of a shop.
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import type { Settings } from './settings.ts';
import { portsFrom } from './spec.ts';
import { topology } from './topology.ts';

/** Listens on a port; undefined if another program has it. */
export function listen(port: number, host: string): Promise<Server | undefined> {
  const server = createServer().listen({ port, host, exclusive: true });
  return once(server, 'listening').then(
    () => server,
    () => undefined,
  );
}

/** Ends {@link listen}. */
export const close = (server: Server) => new Promise<void>((done) => server.close(() => done()));

/** Whether no program listens on this port. */
export async function isPortFree(port: number, host: string): Promise<boolean> {
  const server = await listen(port, host);
  if (server === undefined) return false;
  await close(server);
  return true;
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
