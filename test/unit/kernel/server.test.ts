import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { expect, test } from 'vitest';
import { createAppServer } from '../../../api/http/server.ts';

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
