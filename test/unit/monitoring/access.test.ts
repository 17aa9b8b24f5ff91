/** Access to the numbers of the status page while the shop itself is in trouble. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { openAccess } from '../../../monitoring/status/access.ts';

const request = (authorization?: string) => ({ headers: authorization === undefined ? {} : { authorization } });
/** A port on which no service listens. */
const nowhere = 'http://127.0.0.1:1';

test('the status token opens the page without any service', async () => {
  const check = openAccess(nowhere, 'the-token');
  expect(await check(request('Bearer the-token'))).toBe(204);
});

test('a wrong token, and any token where there is no status token, is for a service to judge', async () => {
  await expect(openAccess(nowhere, 'the-token')(request('Bearer the-tokem'))).rejects.toThrow();
  await expect(openAccess(nowhere, '')(request('Bearer '))).rejects.toThrow();
});

test('no token is refused at once', async () => {
  expect(await openAccess(nowhere, 'the-token')(request())).toBe(401);
});

test('what a service says counts', async () => {
  let status = 403;
  let address: unknown;
  const server = createServer((req, res) => {
    address = req.headers['x-forwarded-for'];
    res.writeHead(status).end();
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const check = openAccess(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 'the-token');
  expect(await check(request('Bearer of a customer'))).toBe(403);
  status = 429;
  expect(await check({ headers: { authorization: 'Bearer x', 'x-forwarded-for': '198.51.100.1' } })).toBe(429);
  expect(address).toBe('198.51.100.1'); // by which the service counts
  server.close();
});
