/** The id of a request also stands on the calls that it causes: the public keys, the session check, the question for ready replicas. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { deadlineIn } from '../../../api/core/clock.ts';
import { identifyRequest } from '../../../api/http/app.ts';
import { internalClient } from '../../../api/http/client.ts';
import { createCredentials } from '../../../api/http/credentials.ts';
import { healthRoutes } from '../../../api/http/health.ts';
import { watchSessions } from '../../../api/http/sessions.ts';
import { tokenVerifier } from '../../../api/http/tokens.ts';

const requestId = 'a-request-of-ours';
const calls: { path: string; requestId: string | undefined }[] = [];
const servers: Server[] = [];
let url = '';

const listen = (server: Server) =>
  new Promise<string>((resolve) => {
    servers.push(server);
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  });

beforeAll(async () => {
  url = await listen(
    createServer((req, res) => {
      calls.push({ path: req.url ?? '', requestId: req.headers['x-request-id'] as string | undefined });
      res.setHeader('content-type', 'application/json').end('{"keys":[]}');
    }),
  );
});
beforeEach(() => {
  calls.length = 0;
});
afterAll(() => {
  for (const server of servers) server.close();
});

test('on the question for the public keys', async () => {
  const client = internalClient(url, createCredentials('products', {}));
  const verify = tokenVerifier((id) => client.get('/keys', id, deadlineIn(2000)).then(() => []));
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const token = `${part({ alg: 'ES256', typ: 'at+jwt', kid: 'k' })}.${part({ sub: 'a' })}.c2ln`;
  await expect(verify(token, requestId, deadlineIn(2000))).rejects.toThrow('keys');
  expect(calls).toEqual([{ path: '/keys', requestId }]);
});

test('on the question whether a session goes on', async () => {
  const asked: string[] = [];
  const follow = (({ initial }: { initial: () => unknown }) => ({
    state: initial,
    ageMs: () => 5000,
    close: () => undefined,
  })) as unknown as Parameters<typeof watchSessions>[0]['follow'];
  const sessions = watchSessions({ follow, isIsolated: () => false }, async (_claims, id) => {
    asked.push(id);
    return { state: 'ended' };
  });
  const claims = { userId: 'u', sessionId: 's', role: 'customer' } as const;
  expect(await sessions.current(claims, requestId, deadlineIn(5000))).toEqual({ state: 'ended' });
  expect(asked).toEqual([requestId]);
});

test('on the questions of /healthz', async () => {
  const client = internalClient(url, createCredentials('products', {}));
  const readiness = { state: () => 'ready' as const, drain: () => undefined };
  const app = express().use(identifyRequest).use(healthRoutes(readiness, client));
  const shop = await listen(createServer(app));
  expect((await fetch(`${shop}/healthz`, { headers: { 'x-request-id': requestId } })).status).toBe(200);
  expect(calls.map((call) => call.requestId)).toEqual([requestId, requestId, requestId]);
});
