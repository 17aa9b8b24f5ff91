/** Load balancing: every replica of a service gets its share of requests, and Redis' replicas serve the reads. */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Shop, startShop } from '../../ops/local/shop.ts';
import { makeProduct, type ShopClient, shopClient, signInAdmin } from '../support/client.ts';
import { temporarySettings } from '../support/redis-nodes.ts';

let shop: Shop;
let client: ShopClient;
let admin: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  const temporary = await temporarySettings();
  remove = temporary.remove;
  shop = await startShop(temporary.settings);
  client = shopClient(shop.httpUrl);
  admin = await signInAdmin(client, temporary.settings.adminEmail, temporary.settings.secrets.ADMIN_PASSWORD ?? '');
});
afterAll(async () => {
  await shop?.killAll();
  await remove();
});

async function ports(kind: string): Promise<number[]> {
  return (await shop.status()).filter((process) => process.kind === kind).map((process) => process.port);
}

describe('Nginx', () => {
  test('gives each replica of a service the same number of requests, within 10 %', async () => {
    const answered = async (port: number) => {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      return Number(/^http_requests_total\{method="GET",route="\/products",.*\} (\d+)/m.exec(text)?.[1] ?? 0);
    };
    const replicas = await ports('products');
    const before = await Promise.all(replicas.map(answered));
    for (let i = 0; i < 30; i++)
      await Promise.all(Array.from({ length: 10 }, () => client('GET', '/products', { token: admin })));
    const shares = (await Promise.all(replicas.map(answered))).map((count, i) => count - (before[i] ?? 0));
    expect(shares.reduce((sum, share) => sum + share)).toBe(300);
    for (const share of shares)
      expect(Math.abs(share - 300 / replicas.length)).toBeLessThanOrEqual(0.1 * (300 / replicas.length));
  });
});

describe('Redis’ replicas', () => {
  /** Calls of commands that read what the shop keeps; not those that ask a node about itself or follow the bus. */
  async function readsOf(port: number): Promise<number> {
    const password = shop.settings.secrets.REDIS_PASSWORD_OPERATOR ?? '';
    const redis = new Redis({ port, username: 'operator', password, protocol: 2, disableClientInfo: true });
    const text = await redis.info('commandstats');
    redis.disconnect();
    const reading = [
      'get',
      'mget',
      'hget',
      'hmget',
      'hgetall',
      'zrange',
      'zrangebylex',
      'lrange',
      'exists',
      'zscore',
      'zcard',
      'smembers',
    ];
    return reading.reduce(
      (sum, name) => sum + Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(text)?.[1] ?? 0),
      0,
    );
  }

  test('serve at least 90 % of the reads, those of users who have just written included', async () => {
    const product = await makeProduct(client, admin);
    const nodes = (await shop.status()).filter((process) => process.kind === 'redis');
    const count = async () =>
      Object.fromEntries(await Promise.all(nodes.map(async (node) => [node.name, await readsOf(node.port)] as const)));
    const before = await count();
    for (let i = 0; i < 40; i++) {
      await Promise.all(
        ['/products', `/products/${product.id}`, '/purchases', '/users/me', '/users'].map((path) =>
          client('GET', path, { token: admin }),
        ),
      );
      await client('GET', '/products?q=boots', { token: admin }); // Nginx would answer without a token
    }
    const after = await count();
    const grown = nodes.map((node) => ({ role: node.role, reads: (after[node.name] ?? 0) - (before[node.name] ?? 0) }));
    const all = grown.reduce((sum, { reads }) => sum + reads, 0);
    const byReplicas = grown.filter(({ role }) => role === 'replica').reduce((sum, { reads }) => sum + reads, 0);
    expect(all).toBeGreaterThan(240);
    expect(byReplicas / all).toBeGreaterThanOrEqual(0.9);
  });
});
