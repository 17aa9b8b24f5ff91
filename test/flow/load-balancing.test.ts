/** Load balancing: every replica of a service gets its share of requests, and Redis' replicas serve the reads. */
import { Redis } from 'ioredis';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { makeProduct, shopClient, signInAdmin } from '../support/client.ts';

const { httpUrl, adminEmail, adminPassword, productsPorts, redis: nodes } = inject('shop');
const client = shopClient(httpUrl);
let admin: string;
beforeAll(async () => {
  admin = await signInAdmin(client, adminEmail, adminPassword);
});

describe('Nginx', () => {
  test('gives each replica of a service the same number of requests, within 10 %', async () => {
    const answered = async (port: number) => {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      const counter = /^http_requests_total\{method="GET",route="\/products",status_code="200".*\} (\d+)/m;
      return Number(counter.exec(text)?.[1] ?? 0);
    };
    const before = await Promise.all(productsPorts.map(answered));
    for (let i = 0; i < 30; i++)
      await Promise.all(Array.from({ length: 10 }, () => client('GET', '/products', { token: admin })));
    const shares = (await Promise.all(productsPorts.map(answered))).map((count, i) => count - (before[i] ?? 0));
    expect(shares.reduce((sum, share) => sum + share)).toBe(300);
    for (const share of shares)
      expect(Math.abs(share - 300 / productsPorts.length)).toBeLessThanOrEqual(0.1 * (300 / productsPorts.length));
  });
});

describe('Redis’ replicas', () => {
  /** Calls of commands that read what the shop keeps; not those that ask a node about itself or follow the bus. */
  async function readsOf(port: number): Promise<{ role: unknown; reads: number }> {
    const { password } = nodes;
    const redis = new Redis({ port, username: 'operator', password, protocol: 2, disableClientInfo: true });
    const text = await redis.info('commandstats');
    const [role] = (await redis.role()) as unknown[];
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
    const callsOf = (name: string) => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(text)?.[1] ?? 0);
    return { role, reads: reading.reduce((sum, name) => sum + callsOf(name), 0) };
  }

  test('serve at least 90 % of the reads, those of users who have just written included', async () => {
    const product = await makeProduct(client, admin);
    const count = () => Promise.all(nodes.ports.map(readsOf));
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
    const grown = after.map(({ role, reads }, i) => ({ role, reads: reads - (before[i]?.reads ?? 0) }));
    const all = grown.reduce((sum, { reads }) => sum + reads, 0);
    const byReplicas = grown.filter(({ role }) => role === 'slave').reduce((sum, { reads }) => sum + reads, 0);
    expect(all).toBeGreaterThan(240);
    expect(byReplicas / all).toBeGreaterThanOrEqual(0.9);
  });
});
