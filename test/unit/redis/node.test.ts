/** A connection to a node that has fallen silent, at a server that speaks as much of the protocol as the connection needs. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { connectNode } from '../../../api/redis/node.ts';
import { waitFor } from '../../support/wait.ts';

/** After how long a silent Sentinel's connection is ended; looked at every 50 ms. */
const silentMs = 250;

let server: Server;
let redis: Redis;
let received: string[];
let peer: Socket;
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  received = [];
  server = createServer((socket) => {
    peer = socket;
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      for (const [, command = ''] of data.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g)) {
        received.push(command.toUpperCase());
        if (command.toUpperCase() !== 'GET') socket.write('+OK\r\n');
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  redis = connectNode({ host: '127.0.0.1', port }, { username: 'u', password: 'p' }, 'sentinel');
  await once(redis, 'ready');
});
afterEach(async () => {
  await end();
  server.close();
  vi.useRealTimers(); // last: the timer of all connections ends with the last of them
});

/** Ends the connection for good. */
async function end(): Promise<void> {
  const { stream } = redis;
  redis.disconnect();
  if (!stream.closed) await once(stream, 'close');
}

test('a command that is not answered fails when the node has been silent for long, and not before', async () => {
  const asked = redis.get('x').then(
    () => 'answered',
    () => 'failed',
  );
  await waitFor('the command to arrive', () => received.includes('GET'));
  vi.advanceTimersByTime(silentMs - 1);
  expect(redis.stream.destroyed).toBe(false);
  vi.advanceTimersByTime(1);
  expect(redis.stream.destroyed).toBe(true);
  expect(await asked).toBe('failed');
});

test('what the node sends meanwhile counts as a sign of life', async () => {
  const asked = Promise.all([redis.get('x'), redis.get('y')]);
  await waitFor('the commands to arrive', () => received.filter((command) => command === 'GET').length === 2);
  vi.advanceTimersByTime(silentMs - 1);
  const heard = once(redis.stream, 'data');
  peer.write('+one\r\n');
  await heard;
  vi.advanceTimersByTime(silentMs - 50);
  peer.write('+two\r\n');
  expect(await asked).toEqual(['one', 'two']);
});

test('a connection without a question stays open, however long nothing comes', async () => {
  vi.advanceTimersByTime(100 * silentMs);
  expect(await redis.ping()).toBe('OK');
});

test('the last connection that ends leaves no timer behind', async () => {
  expect(vi.getTimerCount()).toBe(1);
  await end();
  expect(vi.getTimerCount()).toBe(0);
});
