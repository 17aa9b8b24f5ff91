import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { askControl, controlSocket, serveControl } from '../../../ops/local/control.ts';
import type { Shop } from '../../../ops/local/shop.ts';

let dir: string;
let server: Server;
const asked: string[] = [];
let stopped = false;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'control-'));
  asked.length = 0;
  stopped = false;
  const shop = {
    settings: { dir },
    status: async () => [{ name: 'redis-1', state: 'up' }],
    kill(name: string) {
      if (name !== 'redis-1') throw new Error(`There is no process '${name}'.`);
      asked.push(`kill ${name}`);
    },
    scale: async (service: string, count: number) => void asked.push(`scale ${service} ${count}`),
  } as unknown as Shop;
  server = await serveControl(shop, () => {
    stopped = true;
  });
});
afterEach(() => {
  server.close();
  rmSync(dir, { recursive: true });
});

test('the status comes from the running shop', async () => {
  expect(await askControl(dir, 'GET', '/status')).toEqual({ status: 200, body: [{ name: 'redis-1', state: 'up' }] });
});

test('a command reaches the process that it names', async () => {
  expect((await askControl(dir, 'POST', '/kill/redis-1'))?.status).toBe(200);
  expect((await askControl(dir, 'POST', '/scale/products/4'))?.status).toBe(200);
  expect(asked).toEqual(['kill redis-1', 'scale products 4']);
});

test('an unknown name or command is refused with a sentence', async () => {
  expect(await askControl(dir, 'POST', '/kill/unknown')).toEqual({
    status: 409,
    body: { message: "There is no process 'unknown'." },
  });
  expect((await askControl(dir, 'POST', '/dance'))?.status).toBe(404);
});

test('stop is answered before the shop stops', async () => {
  expect((await askControl(dir, 'POST', '/stop'))?.status).toBe(202);
  expect(stopped).toBe(true);
});

test('where no shop runs, there is no answer', async () => {
  expect(await askControl(join(dir, 'elsewhere'), 'GET', '/status')).toBeUndefined();
});

test('a folder whose path is too long for a socket gets one elsewhere', () => {
  expect(controlSocket(`/tmp/${'a'.repeat(200)}`).length).toBeLessThan(108);
});
