/**
 * Restarts: of any one process, of the whole shop, with only one of the two copies of the data (append-only files or snapshots), and with the
 * parts in any order.
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Settings } from '../../ops/local/settings.ts';
import { type Shop, startShop } from '../../ops/local/shop.ts';
import { makeProduct, type ShopClient, shopClient, signInAdmin, signUp } from '../support/client.ts';
import { temporarySettings } from '../support/redis-nodes.ts';
import { waitFor } from '../support/wait.ts';

let settings: Settings;
let shop: Shop;
let client: ShopClient;
let remove: () => Promise<void>;
const admin = () => signInAdmin(client, settings.adminEmail, settings.secrets.ADMIN_PASSWORD ?? '');

async function start() {
  shop = await startShop(settings);
  client = shopClient(shop.httpUrl);
}
beforeAll(async () => {
  const temporary = await temporarySettings();
  ({ settings, remove } = temporary);
  await start();
});
afterAll(async () => {
  await shop?.killAll();
  await remove();
});

async function rolesOfRedis(): Promise<(string | undefined)[]> {
  return (await shop.status()).filter(({ kind }) => kind === 'redis').map(({ role }) => role);
}

describe('any one process killed', () => {
  const kinds = ['nginx-1', 'users-1', 'products-2', 'purchases-1', 'sentinel-2', 'redis-3', 'the master'];
  test.each(kinds)('%s: the shop goes on, and the process is back in its place', async (which) => {
    const token = await admin();
    const product = await makeProduct(client, token, { stock: 50 });
    const ann = await signUp(client);
    const master = (await shop.status()).find(({ role }) => role === 'master')?.name ?? '';
    const name = which === 'the master' ? master : which;
    shop.kill(name);
    const buy = (key: string) =>
      client('POST', '/purchases', {
        token: ann.token,
        key,
        body: { items: [{ productId: product.id, quantity: 1 }] },
      });
    for (let i = 0; i < 10; i++) {
      const key = `${name}-${i}`;
      // A request in flight on a killed Nginx has no answer: the client repeats it under its key.
      const bought = await waitFor(
        'a purchase to be answered',
        async () => buy(key).then((reply) => (reply.status < 500 ? reply : undefined)),
        15_000,
      );
      expect(bought.status).toBe(201);
    }
    const { body } = await client('GET', `/products/${product.id}`, { token: ann.token });
    expect(body.stock).toBe(40);
    await shop.waitUntilHealthy(undefined, 40_000);
    await waitFor(
      'one master and two replicas',
      async () => (await rolesOfRedis()).sort().join() === 'master,replica,replica',
      20_000,
    );
    if (which === 'the master')
      expect((await shop.status()).find((process) => process.name === name)?.role).toBe('replica');
  });
});

describe('data', () => {
  async function purchaseOf(stock: number) {
    const product = await makeProduct(client, await admin(), { stock });
    const ann = await signUp(client);
    const { body } = await client('POST', '/purchases', {
      token: ann.token,
      body: { items: [{ productId: product.id, quantity: 1 }] },
    });
    return { product, ann, purchase: body };
  }
  async function expectAllThere({ product, ann, purchase }: Awaited<ReturnType<typeof purchaseOf>>) {
    const session = await client('POST', '/users/login', { body: { email: ann.email, password: ann.password } });
    expect(session.status).toBe(200);
    const token = session.body.accessToken;
    expect((await client('GET', `/purchases/${purchase.id}`, { token })).body).toEqual(purchase);
    expect((await client('GET', `/products/${product.id}`, { token })).body.stock).toBe(product.stock - 1);
  }
  const folders = () => [1, 2, 3].map((number) => join(settings.dir, `redis-${number}`));

  test('are there after a stop and a start', async () => {
    const before = await purchaseOf(7);
    await shop.stop();
    await start();
    await expectAllThere(before);
  });

  test('come back from the append-only files alone', async () => {
    const before = await purchaseOf(8);
    await shop.killAll();
    for (const folder of folders()) rmSync(join(folder, 'dump.rdb'), { force: true });
    await start();
    await expectAllThere(before);
  });

  test('come back from the snapshots alone', async () => {
    const before = await purchaseOf(9);
    for (const { port } of (await shop.status()).filter(({ kind }) => kind === 'redis')) {
      const redis = new Redis({
        port,
        username: 'operator',
        password: settings.secrets.REDIS_PASSWORD_OPERATOR ?? '',
        protocol: 2,
        disableClientInfo: true,
      });
      await waitFor('a snapshot', async () => (await redis.save()) === 'OK');
      redis.disconnect();
    }
    await shop.killAll();
    for (const folder of folders()) {
      rmSync(join(folder, 'appendonlydir'), { recursive: true });
      expect(readdirSync(folder)).toContain('dump.rdb');
    }
    await start();
    await expectAllThere(before);
  });
});

/** The part that starts first waits for what it needs, logs it, and works when it is there. */
describe('a start whose order is', () => {
  const partsInOrder = ['nginx', 'users', 'products', 'purchases', 'sentinel', 'redis'];
  test.each([
    ['Nginx first and Redis last', partsInOrder],
    ['Redis first and Nginx last', [...partsInOrder].reverse()],
    ['Sentinels first and services last', ['sentinel', 'nginx', 'redis', 'users', 'products', 'purchases']],
  ])('%s', async (_title, order) => {
    const names = (await shop.status()).map(({ name, kind }) => ({ name, kind }));
    await Promise.all(names.map(({ name }) => shop.halt(name)));
    for (const kind of order) {
      for (const { name } of names.filter((process) => process.kind === kind)) shop.revive(name);
      await waitFor(`processes of ${kind} to be there`, async () =>
        (await shop.status())
          .filter((process) => process.kind === kind)
          .every(({ pid }) => pid !== undefined && pid !== null),
      );
    }
    await shop.waitUntilHealthy(undefined, 60_000);
    const product = await makeProduct(client, await admin(), { stock: 1 });
    const ann = await signUp(client);
    const items = [{ productId: product.id, quantity: 1 }];
    expect((await client('POST', '/purchases', { token: ann.token, body: { items } })).status).toBe(201);
  });
});
