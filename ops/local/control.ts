// How another terminal talks to a running shop: HTTP over a socket file in `.shop/`, which only its owner can open.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import type { Shop } from './shop.ts';

/** The answer to a command: `status` as in HTTP, `body` a JSON value. */
type ControlAnswer = { status: number; body: unknown };

/** The socket of the shop in this folder. In the temporary folder if its path would exceed 107 bytes, the limit of the kernel. */
export function controlSocket(dir: string): string {
  const path = join(dir, 'control.sock');
  if (Buffer.byteLength(path) <= 107) return path;
  return join(tmpdir(), `shop-${createHash('sha256').update(dir).digest('hex').slice(0, 16)}.sock`);
}

/**
 * Listens for commands: `GET /status`, `POST /kill/NAME` (pause, resume, restart), `POST /scale/SERVICE/COUNT`, `POST /memory/SIZE`, `POST /stop`.
 * @param onStop called after `stop` was answered
 */
export async function serveControl(shop: Shop, onStop: () => void): Promise<Server> {
  const path = controlSocket(shop.settings.dir);
  rmSync(path, { force: true }); // of a shop that was killed: start.ts has checked that none runs
  const server = createServer(async (incoming, outgoing) => {
    const answer = await handle(shop, incoming.method ?? '', incoming.url ?? '').catch((error: Error) => ({
      status: 409,
      body: { message: error.message },
    }));
    outgoing.writeHead(answer.status, { 'Content-Type': 'application/json', Connection: 'close' });
    outgoing.end(JSON.stringify(answer.body));
    if (answer.status === 202) onStop();
  });
  await once(server.listen(path), 'listening');
  return server;
}

async function handle(shop: Shop, method: string, url: string): Promise<ControlAnswer> {
  const [verb = '', name = '', count = ''] = url.split('/').slice(1).map(decodeURIComponent);
  if (method === 'GET' && verb === 'status') return { status: 200, body: await shop.status() };
  if (method === 'POST') {
    switch (verb) {
      case 'kill':
        shop.kill(name);
        return { status: 200, body: { message: `${name} was killed; it is started again.` } };
      case 'pause':
        shop.pause(name);
        return { status: 200, body: { message: `${name} is paused. Resume it: npm run shop -- resume ${name}` } };
      case 'resume':
        shop.resume(name);
        return { status: 200, body: { message: `${name} was resumed.` } };
      case 'restart':
        await shop.restart(name);
        return { status: 200, body: { message: `${name} was restarted.` } };
      case 'scale':
        await shop.scale(name, Number(count));
        return { status: 200, body: { message: `${name} has ${count} ${count === '1' ? 'replica' : 'replicas'}.` } };
      case 'memory':
        await shop.setMemory(name);
        return { status: 200, body: { message: `Each Redis node may use ${name} now.` } };
      case 'stop':
        return { status: 202, body: { message: 'The shop is stopping.' } };
    }
  }
  return { status: 404, body: { message: `There is no command '${verb}'.` } };
}

/** Sends a command to the shop in this folder. @returns undefined if none runs there */
export async function askControl(dir: string, method: string, path: string): Promise<ControlAnswer | undefined> {
  try {
    const outgoing = request({ socketPath: controlSocket(dir), method, path }).end();
    outgoing.on('error', () => {}); // `once` and `json` reject with it
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    return { status: incoming.statusCode ?? 0, body: await json(incoming) };
  } catch {
    return undefined;
  }
}
