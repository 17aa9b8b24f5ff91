/** The shop's time: which of several clocks counts, and that the services use no other. */
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Redis } from 'ioredis';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { deadlineIn, monotonicMs, setShopOffset, shopTimeMs } from '../../../api/core/clock.ts';
import { newId } from '../../../api/core/ids.ts';
import { internalClient } from '../../../api/http/client.ts';
import { createCredentials } from '../../../api/http/credentials.ts';
import { shopOffset, syncClock } from '../../../api/redis/clock-sync.ts';
import { waitFor } from '../../support/wait.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

afterEach(() => {
  setShopOffset(undefined);
  vi.useRealTimers();
});

describe('the time that most clocks agree on', () => {
  test.each([
    ['a service an hour ahead', [0, 1, 2], hourMs],
    ['a service a day behind', [0, 1, 2], -dayMs],
    ['a Redis node a day ahead', [1, dayMs, 2], 0],
    ['a Redis node an hour behind', [1, -hourMs, 2], 0],
    ['a Redis node a day ahead, another gone', [dayMs, 1], 0],
    ['a service an hour behind, a Redis node gone', [0, 1], -hourMs],
    ['a service and a Redis node an hour behind', [0, 1, -hourMs], -hourMs],
    ['a service and a Redis node an hour ahead', [0, 1, hourMs], hourMs],
  ])('ignores %s', (_what, nodes, own) => {
    expect(Math.abs(shopOffset(nodes, own) ?? Number.NaN)).toBeLessThanOrEqual(2);
  });

  test('is not known from fewer than three clocks', () => {
    expect([shopOffset([], 0), shopOffset([1], 0)]).toEqual([undefined, undefined]);
  });
});

test('a node that leaves the cluster no longer counts', async () => {
  const answering = { status: 'ready', time: async () => [Math.round(Date.now() / 1000), 0] } as unknown as Redis;
  let nodes = new Set(['h:1', 'h:2']);
  const clock = syncClock({ nodes: () => nodes }, () => answering);
  const compared = (count: number) =>
    waitFor(`${count} clocks`, () => clock.differences().size === count && [...clock.differences().keys()]);
  expect(await compared(2)).toEqual(['h:1', 'h:2']);
  nodes = new Set(['h:1']);
  expect(await compared(1)).toEqual(['h:1']);
  clock.close();
});

describe('on a host whose clock is wrong', () => {
  test.each([hourMs, -hourMs, dayMs])('by %i ms, ids and credentials have the time of the shop', async (skewMs) => {
    const rightMs = Date.now();
    const secrets = { INTERNAL_SECRET_PURCHASES_TO_USERS: 'a secret' };
    const sent: string[] = [];
    const server = createServer((req, res) => {
      sent.push(req.headers.authorization?.replace('Bearer ', '') ?? '');
      res.writeHead(500).end('{}');
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    vi.useFakeTimers({ toFake: ['Date'], now: rightMs + skewMs });
    newId(); // as before the clocks were compared
    setShopOffset(rightMs - monotonicMs());
    expect(Math.abs(shopTimeMs() - rightMs)).toBeLessThan(1000);
    expect(Math.abs(Number.parseInt(newId().replace('-', '').slice(0, 12), 16) - rightMs)).toBeLessThan(1000);
    const call = { service: 'users', method: 'POST', path: '/x', input: {}, output: {} } as never;
    await internalClient(`http://127.0.0.1:${port}`, createCredentials('purchases', secrets))
      .call(call, {}, 'r', deadlineIn(1000))
      .catch(() => undefined);
    server.closeAllConnections();
    server.close();
    vi.useRealTimers();
    setShopOffset(undefined);
    expect(createCredentials('users', secrets).callerOf(sent[0] ?? '')).toBe('purchases');
  });
});

test('services ask for the time in one place only', () => {
  const api = fileURLToPath(new URL('../../../api', import.meta.url));
  // client/ runs with those who call the shop, by their own clock.
  const files = readdirSync(api, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /^(?!client\/).*\.ts$/.test(file),
  );
  const users = files.filter((file) => /Date\.now\(\)|new Date\(\)/.test(readFileSync(join(api, file), 'utf8')));
  expect(users.sort()).toEqual(['core/clock.ts', 'redis/clock-sync.ts']);
});
