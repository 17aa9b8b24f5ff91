import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import express from 'express';
import { expect, test } from 'vitest';
import { createAppServer } from '../../../api/http/server.ts';

async function serve<T>(use: (port: number) => Promise<T>): Promise<T> {
  const app = express();
  app.get('/text', (req, res) => void res.json({ length: req.get('x-long')?.length ?? 0 }));
  const server = createAppServer(app, {});
  server.listen(0, '127.0.0.1');
  try {
    await once(server, 'listening');
    return await use((server.address() as AddressInfo).port);
  } finally {
    server.close();
  }
}

/** What the server says to these bytes, until it closes the connection. */
function say(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1', () => socket.write(text));
  let heard = '';
  socket.on('data', (data) => (heard += data));
  return new Promise((done, fail) => socket.on('close', () => done(heard)).on('error', fail));
}

test.each([
  ['a method that HTTP does not have', 'MAKE-UP /text HTTP/1.1\r\nHost: x\r\nX-Request-Id: an-id-of-ours\r\n\r\n'],
  [
    'a control character in a header',
    'GET /text HTTP/1.1\r\nHost: x\r\nX-Request-Id: an-id-of-ours\r\nX-A: a\u0001b\r\n\r\n',
  ],
])('%s is refused with a problem that names the request', async (_what, text) => {
  const answer = await serve((port) => say(port, text));
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  expect(head).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  expect(head).toContain('Content-Type: application/problem+json');
  expect(JSON.parse(body)).toMatchObject({ type: '/problems/bad-request', status: 400, requestId: 'an-id-of-ours' });
});

test('headers are read as long as Nginx passes them on', async () => {
  const answer = await serve((port) =>
    fetch(`http://127.0.0.1:${port}/text`, { headers: { 'x-long': 'a'.repeat(31_000) } }),
  );
  expect(await answer.json()).toEqual({ length: 31_000 });
});

test('requests and responses are made with the prototypes that Express gives them', async () => {
  const app = express();
  app.get('/text', (req, res) => void res.json({ ip: req.ip, route: req.path }));
  const server = createAppServer(app, {});
  const made: unknown[] = [];
  server.prependListener('request', (req, res) => made.push(Object.getPrototypeOf(req), Object.getPrototypeOf(res)));
  server.listen(0, '127.0.0.1');
  try {
    await once(server, 'listening');
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/text`);
    expect(await answer.json()).toEqual({ ip: '127.0.0.1', route: '/text' });
    expect(made).toEqual([app.request, app.response]);
    expect(made[0] === app.request && made[1] === app.response).toBe(true);
  } finally {
    server.close();
  }
});
