/** Every answer has helmet's headers, each once, however it is sent. */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import helmet from 'helmet';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setSecurityHeaders } from '../../../api/http/security-headers.ts';
import { createAppServer } from '../../../api/http/server.ts';

const app = express();
app.get('/helmet', helmet({ strictTransportSecurity: false }), (_req, res) => void res.end());
app.use(setSecurityHeaders());
app.get('/text', (_req, res) => void res.set('X-Request-Id', 'r').end('text'));
app.get('/bare', (_req, res) => void res.end());
app.get('/unchanged', (_req, res) => void res.status(304).end());
app.get('/streamed', (_req, res) => void res.write('a', () => res.end('b')));
app.get('/page', (_req, res) => void res.set('Content-Security-Policy', "default-src 'none'").end('page'));
const server = createAppServer(app, {});
beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterAll(() => void server.close());

async function answerTo(path: string, method = 'GET'): Promise<IncomingMessage> {
  const { port } = server.address() as AddressInfo;
  const [answer] = await once(request({ port, path, method, host: '127.0.0.1', agent: false }).end(), 'response');
  (answer as IncomingMessage).resume();
  return answer as IncomingMessage;
}

/** The values of a header, as often as it was sent. */
function valuesOf({ rawHeaders }: IncomingMessage, name: string): string[] {
  return rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === name);
}

const ofNode = new Set(['date', 'connection', 'content-length', 'transfer-encoding', 'x-powered-by', 'keep-alive']);

test.each([
  ['GET', '/text'],
  ['GET', '/bare'],
  ['GET', '/unchanged'],
  ['GET', '/streamed'],
  ['HEAD', '/text'],
  ['GET', '/unknown'],
])('%s %s', async (method, path) => {
  const [wanted, answer] = [await answerTo('/helmet'), await answerTo(path, method)];
  const names = Object.keys(wanted.headers).filter((name) => !ofNode.has(name));
  expect(names.length).toBeGreaterThan(10);
  // Express' own answer to an unknown path has a policy of its own.
  for (const name of names.filter((each) => path !== '/unknown' || each !== 'content-security-policy')) {
    expect([name, valuesOf(answer, name)]).toEqual([name, [wanted.headers[name]]]);
  }
});

test('a header that a route sets otherwise is sent as the route says, once', async () => {
  expect(valuesOf(await answerTo('/page'), 'content-security-policy')).toEqual(["default-src 'none'"]);
});
