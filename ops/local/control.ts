// How another terminal talks to a running shop: HTTP over a socket file in `.shop/`, which only its owner can open.
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Shop } from './shop.ts';

/** What came back: `status` as in HTTP, `body` a JSON value. */
type ControlAnswer = { status: number; body: unknown };

/** The socket of the shop in this folder. A path of more than 107 bytes cannot be a socket's: then one in the temporary folder. */
export function controlSocket(dir: string): string {
  const path = join(dir, 'control.sock');
  if (Buffer.byteLength(path) <= 107) return path;
  return join(tmpdir(), `shop-${createHash('sha256').update(dir).digest('hex').slice(0, 16)}.sock`);
}

/**
 * Listens for commands: `GET /status`, `POST /kill/NAME` (pause, resume, restart), `POST /scale/SERVICE/COUNT`, `POST /memory/SIZE`, `POST /stop`.
 * @param onStop called after `stop` was answered
 */
export function serveControl(shop: Shop, onStop: () => void): Promise<Server> {
  const path = controlSocket(shop.settings.dir);
  rmSync(path, { force: true }); // left behind by a shop that was killed; a living one has been asked for before
  const server = createServer(async (incoming, outgoing) => {
    const answer = await handle(shop, incoming.method ?? '', incoming.url ?? '').catch((error: Error) => ({
      status: 409,
      body: { message: error.message },
    }));
    outgoing.writeHead(answer.status, { 'Content-Type': 'application/json', Connection: 'close' });
    outgoing.end(JSON.stringify(answer.body));
    if (answer.status === 202) onStop();
  });
  return new Promise((done, failed) => {
    server.once('error', failed);
    server.listen(path, () => done(server));
  });
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
        return { status: 200, body: { message: `${name} stands still until: npm run shop -- resume ${name}` } };
      case 'resume':
        shop.resume(name);
        return { status: 200, body: { message: `${name} goes on.` } };
      case 'restart':
        await shop.restart(name);
        return { status: 200, body: { message: `${name} was stopped and works again.` } };
      case 'scale':
        await shop.scale(name, Number(count));
        return { status: 200, body: { message: `${name} has ${count} ${count === '1' ? 'replica' : 'replicas'}.` } };
      case 'memory':
        await shop.setMemory(name);
        return { status: 200, body: { message: `Every Redis node may use ${name} now.` } };
      case 'stop':
        return { status: 202, body: { message: 'The shop is stopping.' } };
    }
  }
  return { status: 404, body: { message: `There is no command '${verb}'.` } };
}

/** Sends a command to the shop in this folder. @returns undefined if none runs there */
export function askControl(dir: string, method: string, path: string): Promise<ControlAnswer | undefined> {
  return new Promise((done) => {
    const outgoing = request({ socketPath: controlSocket(dir), method, path }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8');
      incoming.on('data', (chunk) => {
        text += chunk;
      });
      incoming.on('end', () => done({ status: incoming.statusCode ?? 0, body: JSON.parse(text) }));
    });
    outgoing.on('error', () => done(undefined));
    outgoing.end();
  });
}
