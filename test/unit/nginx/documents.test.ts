/** `/docs`, `/openapi.json` and the like at Nginx: long answers, open to all clients, that one client cannot turn into load. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startNginx, type TestNginx } from '../../support/nginx.ts';
import { waitFor } from '../../support/wait.ts';

vi.setConfig({ testTimeout: 20_000, hookTimeout: 20_000 });

let nginx: TestNginx;
/** Answers that wait for the test. */
const pending: ServerResponse[] = [];
const asked: string[] = [];
const sockets: Socket[] = [];
const text = 'a long text '.repeat(1000);

beforeEach(async () => {
  nginx = await startNginx(
    (req, res) => {
      asked.push(`${req.headers['accept-encoding']} ${req.headers['x-forwarded-for']}`);
      if (req.url === '/docs/slow.js') hold(res);
      else res.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'text/javascript' }).end(gzipSync(text));
    },
    { TRUSTED_PROXIES: '127.0.0.1' },
  );
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const response of pending.splice(0)) response.destroy();
  asked.splice(0);
  await nginx?.close();
});

/** Begins an answer and goes on with it until the test ends, so that Nginx waits for it however slow this machine is. */
function hold(res: ServerResponse): void {
  pending.push(res);
  res.writeHead(200);
  const timer = setInterval(() => res.write('x'), 500);
  res.once('close', () => clearInterval(timer));
}

/** Asks for a document and hears what comes first, then reads no more. */
function ask(from: string): { heard: () => string } {
  let heard = '';
  const request = `GET /docs/slow.js HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: ${from}\r\n\r\n`;
  const socket = connect(nginx.httpPort, '127.0.0.1', () => socket.write(request));
  socket.on('data', (data) => {
    heard += data.toString('latin1');
    socket.pause();
  });
  socket.on('error', () => undefined);
  sockets.push(socket);
  return { heard: () => heard };
}

test('a document is fetched compressed, and unpacked for a client that wants it plain', async () => {
  for (const encoding of ['gzip', 'identity']) {
    const headers = { 'accept-encoding': encoding, 'x-forwarded-for': '198.51.100.7' };
    const answer = await fetch(`http://127.0.0.1:${nginx.httpPort}/docs/some.js`, { headers });
    expect(answer.headers.get('content-encoding')).toBe(encoding === 'gzip' ? 'gzip' : null);
    expect(answer.headers.get('vary')).toBe('Accept-Encoding');
    expect(await answer.text()).toBe(text);
  }
  expect(asked).toEqual(Array(2).fill('gzip 198.51.100.7'));
});

test('one client gets 32 documents at once, the next are 429, and another client is answered', async () => {
  const calls = Array.from({ length: 50 }, () => ask('198.51.100.1'));
  const count = (status: number) => calls.filter(({ heard }) => heard().startsWith(`HTTP/1.1 ${status}`)).length;
  await waitFor('an answer to each', () => count(200) + count(429) === 50, 15_000);
  expect(count(200)).toBe(32);
  const other = ask('198.51.100.2');
  await waitFor('the other client', () => other.heard().startsWith('HTTP/1.1 200'), 15_000);
});

test('one client that asks without end gets 429', async () => {
  const url = `http://127.0.0.1:${nginx.httpPort}/problems/not-found`;
  const from = (address: string) => fetch(url, { headers: { 'x-forwarded-for': address } });
  const statuses = new Set<number>();
  // 20 a second and 200 at once: 1000 in sequence would have to take 40 s to be admitted.
  for (let i = 0; i < 1000 && !statuses.has(429); i += 20) {
    for (const { status } of await Promise.all(Array.from({ length: 20 }, () => from('198.51.100.1'))))
      statuses.add(status);
  }
  expect([...statuses].sort()).toEqual([200, 429]);
  expect((await from('198.51.100.2')).status).toBe(200);
});

test('what a client does not read is not stored on disk', async () => {
  ask('198.51.100.1');
  const response = await waitFor('the request', () => pending[0]);
  let taken = 0;
  const piece = Buffer.alloc(1024 * 1024);
  const send = () => {
    if (taken++ < 40) response.write(piece, send);
  };
  send();
  let before = -1;
  const isStalled = () => {
    const same = taken === before;
    before = taken;
    return same;
  };
  await waitFor('Nginx to take no more', isStalled, 15_000, 500);
  expect(taken).toBeLessThan(40);
  const master = readFileSync(join(nginx.dir, 'nginx.pid'), 'utf8').trim();
  const workers = readFileSync(`/proc/${master}/task/${master}/children`, 'utf8').trim().split(' ');
  const files = workers.flatMap((pid) =>
    readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`)),
  );
  expect(files.filter((path) => path.startsWith(join(nginx.dir, 'proxy')))).toEqual([]);
});
