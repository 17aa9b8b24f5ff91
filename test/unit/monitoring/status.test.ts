/** The process of the status page, while neither a service nor Prometheus answers. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { reservePorts } from '../../support/reserve-ports.ts';
import { waitFor } from '../../support/wait.ts';

let ports: Awaited<ReturnType<typeof reservePorts>>;
let child: ChildProcess;
let ended: Promise<unknown>;
let url: string;
beforeAll(async () => {
  ports = await reservePorts();
  url = `http://127.0.0.1:${ports.portBase + 1}`;
  // No service listens on the port 1.
  const env = { PORT: String(ports.portBase + 1), PROMETHEUS: '127.0.0.1:1', ALERTMANAGER: '127.0.0.1:1' };
  child = spawn(process.execPath, ['--import', 'tsx', 'monitoring/status/main.ts'], {
    env: { ...process.env, ...env, INTERNAL_URL: 'http://127.0.0.1:1' },
    stdio: 'ignore',
  });
  ended = once(child, 'exit');
  await waitFor('the status page', async () => (await fetch(`${url}/status`)).ok, 25_000);
}, 30_000);
afterAll(async () => {
  child.kill();
  await ended;
  await ports.release();
});

test('OPTIONS names the methods, as everywhere in the shop; another method is refused with them', async () => {
  const options = await fetch(`${url}/status`, { method: 'OPTIONS' });
  expect([options.status, options.headers.get('allow')]).toEqual([204, 'GET, HEAD, OPTIONS']);
  const refused = await fetch(`${url}/status`, { method: 'POST' });
  expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);
});

test('a 503 says when to try again', async () => {
  const answer = await fetch(`${url}/status/data/now`, { headers: { authorization: 'Bearer x' } });
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
});
