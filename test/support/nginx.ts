/** One Nginx with the shop's own files, in front of servers of the test's own in place of the services: for what Nginx does by itself. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serviceNames, settingName } from '../../api/services.ts';
import { reservePorts } from './reserve-ports.ts';
import { waitFor } from './wait.ts';

/** See {@link startNginx}. */
export type TestNginx = {
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly internalUrl: string;
  /** The folder for its files, temporary ones included. */
  readonly dir: string;
  /** The PEM of its certificate. */
  readonly certificate: string;
  /** What it has written so far: its log of requests. */
  log(): string;
  close(): Promise<void>;
};

const projectDir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * Starts Nginx, and one server that stands for the replicas of all services.
 * @param answer what that server does; `undefined`: no replica is left
 * @param env of nginx/entry.sh, besides what it needs
 */
export async function startNginx(
  answer: RequestListener | undefined,
  env: Record<string, string> = {},
): Promise<TestNginx> {
  const { portBase, release } = await reservePorts();
  const dir = mkdtempSync(join(tmpdir(), 'nginx-'));
  const server: Server | undefined = answer === undefined ? undefined : createServer(answer);
  if (server !== undefined) await once(server.listen(0, '127.0.0.1'), 'listening');
  const port = server === undefined ? portBase + 1 : (server.address() as AddressInfo).port;
  execFileSync('sh', [join(projectDir, 'nginx/certificate.sh'), join(dir, 'tls'), 'localhost', '127.0.0.1']);
  const [httpPort, httpsPort, internalPort, watchPort] = [portBase + 80, portBase + 443, portBase + 81, portBase + 91];
  const upstreams = serviceNames.map((name) => [`UPSTREAM_${settingName(name)}`, `127.0.0.1:${port}`]);
  // Through `cat`: /dev/stdout, where the log goes, cannot be opened if it is a socket, as Node.js makes it.
  const child: ChildProcess = spawn('sh', ['-c', 'sh "$0" 2>&1 | cat', join(projectDir, 'nginx/entry.sh')], {
    detached: true, // a group of its own, to be ended as a whole
    env: {
      PATH: `${process.env.PATH}:/usr/sbin`,
      DATA_DIR: dir,
      TLS_DIR: join(dir, 'tls'),
      HTTP_PORT: String(httpPort),
      HTTPS_PORT: String(httpsPort),
      INTERNAL_LISTEN: `127.0.0.1:${internalPort}`,
      WATCH_LISTEN: `127.0.0.1:${watchPort}`,
      WORKERS: '1',
      SERVICES: serviceNames.join(' '),
      ...Object.fromEntries(upstreams),
      ...env,
    },
  });
  let written = '';
  child.stdout?.on('data', (data) => {
    written += data;
  });
  const ended = once(child, 'exit');
  const listens = waitFor('Nginx to listen', async () => (await fetch(`http://127.0.0.1:${watchPort}/`)).ok, 8000);
  await Promise.race([
    listens,
    ended.then(() => {
      throw new Error(`Nginx ended: ${written}`);
    }),
  ]);
  return {
    httpPort,
    httpsPort,
    internalUrl: `http://127.0.0.1:${internalPort}`,
    dir,
    certificate: readFileSync(join(dir, 'tls/cert.pem'), 'utf8'),
    log: () => written,
    async close() {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
      await ended;
      server?.closeAllConnections();
      server?.close();
      rmSync(dir, { recursive: true, force: true });
      await release();
    },
  };
}

/** Sends bytes as they are and returns all that comes until the other side closes, or until `enough`. */
export function exchange(
  port: number,
  text: string,
  { host = '127.0.0.1', enough = () => false }: { host?: string; enough?: (heard: string) => boolean } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = '';
    const socket = connect({ port, host, timeout: 8000 }, () => socket.write(text));
    socket.on('data', (data) => {
      heard += data;
      if (enough(heard)) socket.destroy();
    });
    socket.on('timeout', () => socket.destroy(new Error(`nothing more for 8 s after: ${heard}`)));
    socket.on('error', (error) => (heard === '' ? reject(error) : resolve(heard)));
    socket.on('close', () => resolve(heard));
  });
}
